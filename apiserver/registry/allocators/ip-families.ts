/**
 * `ipFamilies` and `ipFamilyPolicy` of a Service on a cluster that has IPv4 Services only
 * (upstream: `pkg/registry/core/service/storage/alloc.go`, `initIPFamilyFields`).
 */
import { validateClusterIpFields } from '../../../api/core/v1/service/cluster-ip-validation.ts';
import { specOf } from '../../../api/core/v1/service/spec.ts';
import type { Service, ServiceSpec } from '../../../api/core/v1/service/spec.ts';
import { fieldPath, invalid } from '../../../api/machinery/field-error.ts';
import type { FieldError } from '../../../api/machinery/field-error.ts';
import { ipFamilyOf } from '../../../api/machinery/validation-ip.ts';

const FAMILY = 'IPv4';
const POLICY_PATH = fieldPath('spec', 'ipFamilyPolicy');

/** Fills the fields in; every problem is given back, and then nothing may be allocated. */
export function setIpFamilies(service: Service, previous: Service | undefined): FieldError[] {
  const spec = (service.spec ??= {});
  if (spec.type === 'ExternalName') return [];
  const isSelectorless = spec.clusterIP === 'None' && Object.keys(spec.selector ?? {}).length === 0;
  const before = previous === undefined ? undefined : specOf(previous).ipFamilyPolicy;
  spec.ipFamilyPolicy ??= before ?? (isSelectorless ? 'RequireDualStack' : 'SingleStack');
  const problems = validateClusterIpFields(spec);
  if (problems.length > 0) return problems;
  const misfits = [...validateSingleStack(spec), ...inferFamilies(spec)];
  if (misfits.length > 0) return misfits;
  if (isSelectorless) {
    setSelectorlessFamilies(spec);
    return [];
  }
  const unconfigured = validateConfigured(spec);
  if (unconfigured.length > 0) return unconfigured;
  if ((spec.ipFamilies ?? []).length === 0) spec.ipFamilies = [FAMILY];
  return [];
}

function validateSingleStack({ ipFamilyPolicy, clusterIPs, ipFamilies }: ServiceSpec): FieldError[] {
  if (ipFamilyPolicy !== 'SingleStack') return [];
  const refuse = (what: string): FieldError =>
    invalid(
      POLICY_PATH,
      ipFamilyPolicy,
      `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`,
    );
  const errors: FieldError[] = [];
  if (clusterIPs?.length === 2) errors.push(refuse('cluster IPs'));
  if (ipFamilies?.length === 2) errors.push(refuse('IP families'));
  return errors;
}

function inferFamilies(spec: ServiceSpec): FieldError[] {
  const ips = spec.clusterIPs ?? [];
  const errors: FieldError[] = [];
  ips.forEach((ip, i) => {
    if (ip === 'None' || i < (spec.ipFamilies?.length ?? 0)) return;
    const family = ipFamilyOf(ip);
    if (family === FAMILY) (spec.ipFamilies ??= []).push(FAMILY);
    else
      errors.push(
        invalid(fieldPath('spec', 'clusterIPs').index(i), ips, `${family} is not configured on this cluster`),
      );
  });
  return errors;
}

/** Without a selector and an address there is nothing that the cluster would have to support. */
function setSelectorlessFamilies(spec: ServiceSpec): void {
  const families = (spec.ipFamilies ??= []);
  if (families.length === 0) families.push(FAMILY);
  if (families.length < 2 && spec.ipFamilyPolicy !== 'SingleStack')
    families.push(families[0] === 'IPv4' ? 'IPv6' : 'IPv4');
}

function validateConfigured({ ipFamilyPolicy, ipFamilies = [] }: ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (ipFamilyPolicy === 'RequireDualStack') {
    errors.push(invalid(POLICY_PATH, ipFamilyPolicy, 'this cluster is not configured for dual-stack services'));
  }
  ipFamilies.forEach((family, i) => {
    if (family === FAMILY) return;
    errors.push(invalid(fieldPath('spec', 'ipFamilies').index(i), family, 'not configured on this cluster'));
  });
  return errors;
}
