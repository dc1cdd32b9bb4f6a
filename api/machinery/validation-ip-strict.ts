/**
 * The strict forms of IP addresses and CIDRs, for fields and names that never allowed any other, and the warnings about
 * lenient ones (apimachinery `util/validation/ip.go`, `IsValidIP`, `IsValidCIDR`, `GetWarningsForCIDR`).
 */
import { invalid } from './field-error.ts';
import type { FieldError, FieldPath } from './field-error.ts';
import { formatIp, isValidCidr, isValidIp, parseCidr, parseIp } from './validation-ip.ts';
import type { Cidr, IpAddress } from './validation-ip.ts';

/** An address in canonical form. */
export function isStrictIp(path: FieldPath, value: string): FieldError[] {
  const address = parseIp(value);
  if (address === undefined) return isValidIp(path, value);
  if (hasLeadingZeros(value)) return [invalid(path, value, 'must not have leading 0s')];
  if (isMapped(address, value)) return [invalid(path, value, 'must not be an IPv4-mapped IPv6 address')];
  const canonical = formatIp(address);
  return value === canonical ? [] : [invalid(path, value, notCanonical(canonical))];
}

/** A subnet in canonical form. */
export function isStrictCidr(path: FieldPath, value: string): FieldError[] {
  const cidr = parseCidr(value);
  if (cidr === undefined) return isValidCidr(path, value);
  const errors: FieldError[] = [];
  if (hasLeadingZerosInCidr(value)) {
    errors.push(invalid(path, value, 'must not have leading 0s in IP or prefix length'));
  } else if (isMapped(cidr.address, value)) {
    errors.push(invalid(path, value, 'must not have an IPv4-mapped IPv6 address'));
  }
  if (formatIp(cidr.address) !== formatIp(masked(cidr))) {
    errors.push(invalid(path, value, 'must not have bits set beyond the prefix length'));
  }
  if (errors.length > 0) return errors;
  const canonical = formatCidr(cidr);
  return value === canonical ? [] : [invalid(path, value, notCanonical(canonical))];
}

/** Nothing for what is no CIDR. */
export function warningsForCidr(path: FieldPath, value: string): string[] {
  const cidr = parseCidr(value);
  if (cidr === undefined) return [];
  const text = JSON.stringify(value);
  const subnet = JSON.stringify(formatCidr(cidr));
  const warnings: string[] = [];
  if (formatIp(cidr.address) !== formatIp(masked(cidr))) {
    const single = JSON.stringify(`${formatIp(cidr.address)}/${cidr.address.bytes.length * 8}`);
    warnings.push(`CIDR value ${text} is ambiguous in this context (should be ${subnet} or ${single}?)`);
  }
  if (hasLeadingZerosInCidr(value) || isMapped(cidr.address, value)) {
    const future = 'will be considered invalid in a future Kubernetes release';
    warnings.push(`non-standard CIDR value ${text} ${future}: use ${subnet}`);
  } else if (warnings.length === 0 && text !== subnet) {
    warnings.push(`IPv6 CIDR value ${text} should be in RFC 5952 canonical format (${subnet})`);
  }
  return warnings.map((warning) => `${path.toString()}: ${warning}`);
}

function notCanonical(canonical: string): string {
  return `must be in canonical form (${JSON.stringify(canonical)})`;
}

/** Of an IPv4 part: groups of IPv6 may have them. */
function hasLeadingZeros(ip: string): boolean {
  return /(^|[.:])0\d+(\.|$)/.test(ip) && ip.includes('.');
}

function hasLeadingZerosInCidr(value: string): boolean {
  const [ip = '', length = ''] = value.split('/');
  return hasLeadingZeros(ip) || /^0\d/.test(length);
}

function isMapped({ family }: IpAddress, text: string): boolean {
  return family === 4 && text.includes(':');
}

function masked({ address, prefixLength }: Cidr): IpAddress {
  const bytes = address.bytes.map((byte, i) => {
    const bits = Math.min(8, Math.max(0, prefixLength - i * 8));
    return byte & (0xff << (8 - bits)) & 0xff;
  });
  return { family: address.family, bytes };
}

function formatCidr(cidr: Cidr): string {
  return `${formatIp(masked(cidr))}/${cidr.prefixLength}`;
}
