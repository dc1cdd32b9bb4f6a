/**
 * What an update of a Service may not change (upstream: `pkg/apis/core/validation/validation.go`,
 * `ValidateServiceUpdate`, `validateUpgradeDowngradeClusterIPs`, `validateUpgradeDowngradeIPFamilies`).
 */
import { fieldPath, forbidden, invalid } from '../../../machinery/field-error.ts';
import type { FieldError } from '../../../machinery/field-error.ts';
import { isHeadless, needsHealthCheckNodePort, specOf } from './spec.ts';
import type { Service, ServiceSpec } from './spec.ts';
import { validateService } from './validation.ts';

const CHANGED = 'may not change once set';

export function validateServiceUpdate(next: Service, previous: Service): FieldError[] {
  const after = specOf(next);
  const before = specOf(previous);
  return [
    ...validateClusterIpChange(after, before),
    ...validateFamilyChange(after, before),
    ...validateLoadBalancerClassChange(after, before),
    ...validateHealthCheckNodePortChange(after, before),
    ...validateService(next),
  ];
}

const isExternalName = ({ type }: ServiceSpec): boolean => type === 'ExternalName';

interface ListRules {
  field: 'clusterIPs' | 'ipFamilies';
  /** What one item is called in the texts. */
  item: string;
}

function validateClusterIpChange(after: ServiceSpec, before: ServiceSpec): FieldError[] {
  if (isExternalName(after) || isExternalName(before) || (isHeadless(after) && isHeadless(before))) return [];
  return validateListChange(after, before, { field: 'clusterIPs', item: 'clusterIP' });
}

function validateFamilyChange(after: ServiceSpec, before: ServiceSpec): FieldError[] {
  if (isExternalName(after) || isExternalName(before) || isHeadless(after) || isHeadless(before)) return [];
  return validateListChange(after, before, { field: 'ipFamilies', item: 'ipFamily' });
}

/** A second item may come and go; the first one stays. */
function validateListChange(after: ServiceSpec, before: ServiceSpec, { field, item }: ListRules): FieldError[] {
  const path = fieldPath('spec', field);
  const next: readonly string[] = after[field] ?? [];
  const previous: readonly string[] = before[field] ?? [];
  const changedAt = (i: number): FieldError => invalid(path.index(field === 'clusterIPs' ? i : 0), next, CHANGED);
  if (next.length === previous.length) {
    return previous.flatMap((value, i) => (value === next[i] ? [] : [changedAt(i)]));
  }
  const errors: FieldError[] = [];
  if (next.length === 0) errors.push(invalid(path.index(0), next, `primary ${item} can not be unset`));
  if (next.length > 0 && previous.length > 0 && next[0] !== previous[0]) errors.push(changedAt(0));
  if (next.length === 1 && previous.length > 1 && after.ipFamilyPolicy !== 'SingleStack') {
    const detail = `must be set to 'SingleStack' when releasing the secondary ${item}`;
    errors.push(invalid(fieldPath('spec', 'ipFamilyPolicy'), after.ipFamilyPolicy, detail));
  }
  return errors;
}

function validateLoadBalancerClassChange(after: ServiceSpec, before: ServiceSpec): FieldError[] {
  if (after.type !== 'LoadBalancer' || before.type !== 'LoadBalancer') return [];
  if (after.loadBalancerClass === before.loadBalancerClass) return [];
  return [invalid(fieldPath('spec', 'loadBalancerClass'), after.loadBalancerClass, CHANGED)];
}

function validateHealthCheckNodePortChange(after: ServiceSpec, before: ServiceSpec): FieldError[] {
  if (!needsHealthCheckNodePort(after) || !needsHealthCheckNodePort(before)) return [];
  if ((after.healthCheckNodePort ?? 0) === (before.healthCheckNodePort ?? 0)) return [];
  return [forbidden(fieldPath('spec', 'healthCheckNodePort'), 'field is immutable')];
}
