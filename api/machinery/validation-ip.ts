/**
 * IP addresses and CIDRs: parsing as lenient as Kubernetes' (leading zeros, IPv4 in IPv6: `netutils.ParseIPSloppy`),
 * canonical text, and the checks with their words (apimachinery `util/validation/ip.go`).
 */
import { isIPv6 } from 'node:net';
import { invalid } from './field-error.ts';
import type { FieldError, FieldPath } from './field-error.ts';

export interface IpAddress {
  /** IPv4 in IPv6 form counts as 4. */
  family: 4 | 6;
  /** 4 or 16 bytes, as `family` says. */
  bytes: readonly number[];
}

export interface Cidr {
  address: IpAddress;
  prefixLength: number;
}

/** No address is longer, in any of its forms. */
const MAX_LENGTH = 64;

export function parseIp(text: string): IpAddress | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): IpAddress | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d+$/.test(part) && Number(part) <= 255)) return undefined;
  return { family: 4, bytes: parts.map(Number) };
}

function parseIpv6(text: string): IpAddress | undefined {
  if (text.includes('%')) return undefined;
  const tail = /^(.*:)([^:.]*\.[^:]*)$/.exec(text);
  let hex = text;
  if (tail !== null) {
    const v4 = parseIpv4(tail[2]!);
    if (v4 === undefined) return undefined;
    const [a, b, c, d] = v4.bytes as [number, number, number, number];
    hex = `${tail[1]!}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  if (!isIPv6(hex)) return undefined;
  const bytes = expandGroups(hex).flatMap((group) => [group >> 8, group & 0xff]);
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return mapped ? { family: 4, bytes: bytes.slice(12) } : { family: 6, bytes };
}

function expandGroups(text: string): number[] {
  const groupsOf = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)));
  const [head, rest] = text.split('::') as [string, string | undefined];
  const left = groupsOf(head);
  if (rest === undefined) return left;
  const right = groupsOf(rest);
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
}

/** `10.0.0.1`, `2001:db8::1`: RFC 5952, as Go's `net.IP.String`. */
export function formatIp({ family, bytes }: IpAddress): string {
  if (family === 4) return bytes.join('.');
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[i]! << 8) | bytes[i + 1]!);
  const { start, length } = longestZeroRun(groups);
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  return length < 2 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === 0) continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}

export function parseCidr(text: string): Cidr | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  const address = parseIp(match[1]!);
  if (address === undefined) return undefined;
  // A mapped address carries its prefix in IPv6's count.
  const mappedBits = address.family === 4 && match[1]!.includes(':') ? 96 : 0;
  const prefixLength = Number(match[2]) - mappedBits;
  return prefixLength < 0 || prefixLength > address.bytes.length * 8 ? undefined : { address, prefixLength };
}

export function cidrContains({ address, prefixLength }: Cidr, ip: IpAddress): boolean {
  if (address.family !== ip.family) return false;
  return address.bytes.every((byte, i) => {
    const bits = Math.min(8, Math.max(0, prefixLength - i * 8));
    const mask = (0xff << (8 - bits)) & 0xff;
    return (byte & mask) === (ip.bytes[i]! & mask);
  });
}

/** `IPv4`, `IPv6`, or `''` for text that is no address. */
export function ipFamilyOf(text: string): 'IPv4' | 'IPv6' | '' {
  const address = parseIp(text);
  if (address === undefined) return '';
  return address.family === 4 ? 'IPv4' : 'IPv6';
}

export function isValidIp(path: FieldPath, value: string): FieldError[] {
  if (parseIp(value) !== undefined) return [];
  return [invalid(path, value, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')];
}

export function isValidIpv4Address(path: FieldPath, value: string): FieldError[] {
  return ipFamilyOf(value) === 'IPv4' ? [] : [invalid(path, value, 'must be a valid IPv4 address')];
}

export function isValidIpv6Address(path: FieldPath, value: string): FieldError[] {
  return ipFamilyOf(value) === 'IPv6' ? [] : [invalid(path, value, 'must be a valid IPv6 address')];
}

export function isValidCidr(path: FieldPath, value: string): FieldError[] {
  if (parseCidr(value) !== undefined) return [];
  return [invalid(path, value, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')];
}

/** Which of the special ranges the address lies in; endpoints may not lie in any (`ValidateEndpointIP`). */
export function ipProperties({ family, bytes }: IpAddress): {
  unspecified: boolean;
  loopback: boolean;
  linkLocalUnicast: boolean;
  linkLocalMulticast: boolean;
} {
  const [a, b] = bytes as [number, number];
  const unspecified = bytes.every((byte) => byte === 0);
  if (family === 4) {
    const linkLocalMulticast = a === 224 && b === 0 && bytes[2] === 0;
    return { unspecified, loopback: a === 127, linkLocalUnicast: a === 169 && b === 254, linkLocalMulticast };
  }
  return {
    unspecified,
    loopback: bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1,
    linkLocalUnicast: a === 0xfe && (b & 0xc0) === 0x80,
    linkLocalMulticast: a === 0xff && (b & 0x0f) === 0x02,
  };
}

/** A warning when the address is not written in its canonical form (`GetWarningsForIP`). */
export function warningsForIp(path: FieldPath, value: string): string[] {
  const address = parseIp(value);
  if (address === undefined) return [];
  const canonical = JSON.stringify(formatIp(address));
  const text = JSON.stringify(value);
  if (canonical === text) return [];
  const detail =
    address.family === 6
      ? `IPv6 address ${text} should be in RFC 5952 canonical format (${canonical})`
      : `non-standard IP address ${text} will be considered invalid in a future Kubernetes release: use ${canonical}`;
  return [`${path.toString()}: ${detail}`];
}

/**
 * Endpoints and external IPs may not be unspecified, loopback or link-local: those name the node itself or its metadata
 * service (`ValidateNonSpecialIP`).
 */
export function validateNonSpecialIp(path: FieldPath, value: string): FieldError[] {
  const address = parseIp(value);
  if (address === undefined) return [invalid(path, value, 'must be a valid IP address')];
  const { unspecified, loopback, linkLocalUnicast, linkLocalMulticast } = ipProperties(address);
  const problems = [
    unspecified && `may not be unspecified (${value})`,
    loopback && 'may not be in the loopback range (127.0.0.0/8, ::1/128)',
    linkLocalUnicast && 'may not be in the link-local range (169.254.0.0/16, fe80::/10)',
    linkLocalMulticast && 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
  ];
  return problems.filter((problem) => problem !== false).map((problem) => invalid(path, value, problem));
}
