/** Validation of nodes (`pkg/apis/core/validation/validation.go ValidateNode`, `ValidateNodeUpdate`). */
import { duplicate, fieldPath, forbidden, invalid, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { isValidCidr, parseCidr } from '../../../machinery/validation-ip.ts';
import {
  invalidEach,
  isConfigMapKey,
  isDns1123Label,
  isDns1123Subdomain,
  isQualifiedName,
  isValidLabelValue,
} from '../../../machinery/validation.ts';
import { validateRequiredEnum } from '../pod/enums.ts';
import { validateResourceQuantity } from '../pod/validate-resources.ts';
import type { Node, NodeSpec, NodeStatus, Taint } from './types.ts';

const SPEC = fieldPath('spec');
const STATUS = fieldPath('status');
/** Upstream reports taints under `metadata`. */
const TAINTS = fieldPath('metadata', 'taints');

export function validateNode({ spec, status }: Node): FieldError[] {
  const errors = validateTaints(spec.taints ?? [], TAINTS);
  errors.push(...validateCapacities(status));
  errors.push(...validatePodCidrs(spec.podCIDRs ?? [], SPEC.child('podCIDRs')));
  return errors;
}

/** Also of writes to `/status`. */
export function validateNodeUpdate(next: Node, previous: Node): FieldError[] {
  const errors = validateCapacities(next.status);
  errors.push(...validateAddresses(next.status));
  const [after, before] = [next.spec.podCIDRs ?? [], previous.spec.podCIDRs ?? []];
  if (before.length > 0 && (after.length !== before.length || after.some((cidr, i) => cidr !== before[i]))) {
    const detail = 'node updates may not change podCIDR except from "" to valid';
    errors.push(forbidden(SPEC.child('podCIDRs'), detail));
  }
  errors.push(...validateFixedOnce(next.spec, previous.spec));
  if (next.spec.configSource) errors.push(...validateConfigSource(next.spec, SPEC.child('configSource')));
  errors.push(...validateTaints(next.spec.taints ?? [], TAINTS));
  if ((next.spec.externalID ?? '') !== (previous.spec.externalID ?? '')) {
    errors.push(forbidden(SPEC.child('externalID'), 'may not be updated'));
  }
  return errors;
}

function validateFixedOnce(next: NodeSpec, previous: NodeSpec): FieldError[] {
  if (!previous.providerID || previous.providerID === next.providerID) return [];
  return [forbidden(SPEC.child('providerID'), 'node updates may not change providerID except from "" to valid')];
}

export function validateTaints(taints: readonly Taint[], path: FieldPath): FieldError[] {
  const seen = new Set<string>();
  return taints.flatMap((taint, i) => {
    const { key = '', value = '', effect = '' } = taint;
    const taintPath = path.index(i);
    const errors = invalidEach(taintPath.child('key'), key, isQualifiedName(key));
    const problems = isValidLabelValue(value);
    if (problems.length > 0) errors.push(invalid(taintPath.child('value'), value, problems.join(';')));
    errors.push(...validateRequiredEnum('taintEffect', effect, taintPath.child('effect')));
    const pair = `${key}:${effect}`;
    if (seen.has(pair)) {
      // Here and below: as upstream's internal type prints it.
      const internal = { Key: key, Value: value, Effect: effect, TimeAdded: taint.timeAdded ?? null };
      const error = duplicate(taintPath, internal);
      errors.push({ ...error, message: `${error.message}: taints must be unique by key and effect pair` });
    }
    seen.add(pair);
    return errors;
  });
}

function validateCapacities(status: NodeStatus | undefined): FieldError[] {
  return (['capacity', 'allocatable'] as const).flatMap((field) =>
    Object.entries(status?.[field] ?? {}).flatMap(([name, text]) =>
      validateResourceQuantity(name, text, STATUS.child(field, name)),
    ),
  );
}

function validateAddresses(status: NodeStatus | undefined): FieldError[] {
  const seen = new Set<string>();
  return (status?.addresses ?? []).flatMap((address, i) => {
    const key = `${address.type}/${address.address}`;
    const internal = { Type: address.type, Address: address.address };
    if (seen.has(key)) return [duplicate(STATUS.child('addresses').index(i), internal)];
    seen.add(key);
    return [];
  });
}

function validatePodCidrs(cidrs: readonly string[], path: FieldPath): FieldError[] {
  const errors = cidrs.flatMap((cidr, i) => isValidCidr(path.index(i), cidr));
  if (cidrs.length < 2) return errors;
  const families = new Set(cidrs.map((cidr) => parseCidr(cidr)?.address.family));
  if (cidrs.length > 2 || families.size !== 2) {
    errors.push(invalid(path, cidrs, 'may specify no more than one CIDR for each IP family'));
  }
  return errors;
}

/** `validateNodeConfigSourceSpec`: of a feature that is gone, but whose objects are checked still. */
function validateConfigSource({ configSource }: NodeSpec, path: FieldPath): FieldError[] {
  const configMap = configSource?.configMap;
  if (!configMap) return [invalid(path, { ConfigMap: null }, 'exactly one reference subfield must be non-nil')];
  const mapPath = path.child('configMap');
  const errors: FieldError[] = [];
  for (const field of ['uid', 'resourceVersion'] as const) {
    if (configMap[field]) errors.push(forbidden(mapPath.child(field), `${field} must not be set in spec`));
  }
  const checks = [
    ['namespace', isDns1123Label],
    ['name', isDns1123Subdomain],
    ['kubeletConfigKey', isConfigMapKey],
  ] as const;
  for (const [field, check] of checks) {
    const value = configMap[field];
    if (!value) errors.push(required(mapPath.child(field), `${field} must be set`));
    else errors.push(...invalidEach(mapPath.child(field), value, check(value)));
  }
  return errors;
}
