/**
 * `clusterIP`, `clusterIPs`, `ipFamilies` and `ipFamilyPolicy` of a Service
 * (upstream: `pkg/apis/core/validation/validation.go`, `ValidateServiceClusterIPsRelatedFields`).
 */
import { duplicate, fieldPath, invalid, notSupported, required } from '../../../machinery/field-error.ts';
import type { FieldError } from '../../../machinery/field-error.ts';
import { ipFamilyOf, isValidIp } from '../../../machinery/validation-ip.ts';
import { isHeadless } from './spec.ts';
import type { ServiceSpec } from './spec.ts';

const FAMILIES = ['IPv4', 'IPv6'];
const FAMILY_POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
const CLUSTER_IPS = fieldPath('spec', 'clusterIPs');

/** Also for allocators, which check these fields before they allocate. */
export function validateClusterIpFields(spec: ServiceSpec): FieldError[] {
  if (spec.type === 'ExternalName') return [];
  const errors = [...validateInStep(spec), ...validateFamilies(spec)];
  const ips = spec.clusterIPs ?? [];
  const ipErrors = ips.flatMap((ip, i) => {
    if (i > 0 || ip !== 'None') return isValidIp(CLUSTER_IPS.index(i), ip);
    return ips.length > 1 ? [invalid(CLUSTER_IPS, ips, "'None' must be the first and only value")] : [];
  });
  errors.push(...ipErrors);
  if (ips.length > 2) errors.push(invalid(CLUSTER_IPS, ips, 'may only hold up to 2 values'));
  // Wrong addresses would make the checks below speak of the wrong thing.
  if (ipErrors.length > 0) return errors;
  if (ips.length > 1 && new Set(ips.map(ipFamilyOf)).size !== ips.length) {
    errors.push(invalid(CLUSTER_IPS, ips, 'may specify no more than one IP for each IP family'));
  }
  return [...errors, ...validateFamiliesMatch(spec)];
}

function validateInStep({ clusterIP, clusterIPs = [] }: ServiceSpec): FieldError[] {
  if (!clusterIP) {
    return clusterIPs.length > 0
      ? [invalid(CLUSTER_IPS, clusterIPs, 'must be empty when `clusterIP` is not specified')]
      : [];
  }
  if (clusterIPs.length === 0) return [required(CLUSTER_IPS)];
  return clusterIPs[0] === clusterIP ? [] : [invalid(CLUSTER_IPS, clusterIPs, 'first value must match `clusterIP`')];
}

function validateFamilies({ ipFamilies = [], ipFamilyPolicy }: ServiceSpec): FieldError[] {
  const path = fieldPath('spec', 'ipFamilies');
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  ipFamilies.forEach((family, i) => {
    if (!FAMILIES.includes(family)) errors.push(notSupported(path.index(i), family, FAMILIES));
    if (seen.has(family)) errors.push(duplicate(path.index(i), family));
    seen.add(family);
  });
  if (ipFamilyPolicy !== undefined && !FAMILY_POLICIES.includes(ipFamilyPolicy)) {
    errors.push(notSupported(fieldPath('spec', 'ipFamilyPolicy'), ipFamilyPolicy, FAMILY_POLICIES));
  }
  return errors;
}

function validateFamiliesMatch(spec: ServiceSpec): FieldError[] {
  if (isHeadless(spec)) return [];
  const families = spec.ipFamilies ?? [];
  const errors: FieldError[] = [];
  (spec.clusterIPs ?? []).forEach((ip, i) => {
    const family = families[i];
    if (family === undefined || !FAMILIES.includes(family) || ipFamilyOf(ip) === family) return;
    const detail = `expected an ${family} value as indicated by \`ipFamilies[${i}]\``;
    errors.push(invalid(CLUSTER_IPS.index(i), ip, detail));
  });
  return errors;
}
