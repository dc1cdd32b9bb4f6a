/**
 * Validation of affinities and of topology spread (`pkg/apis/core/validation/validation.go validateAffinity`,
 * `validateTopologySpreadConstraints`).
 */
import type { V1PodAffinityTerm } from '@kubernetes/client-node';
import { duplicate, forbidden, invalid, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import type { LabelSelector } from '../../../machinery/meta.ts';
import { invalidEach, isDns1123Label, isQualifiedName, validateLabelSelector } from '../../../machinery/validation.ts';
import { validateNodeSelector, validateNodeSelectorTerm } from '../node-selector.ts';
import { validateEnum, validateRequiredEnum } from './enums.ts';
import type { Affinity, TopologySpreadConstraint } from './types.ts';

const REQUIRED_TERMS = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED_TERMS = 'preferredDuringSchedulingIgnoredDuringExecution';
const NOT_POSITIVE = 'must be greater than zero';

export function validateAffinity(affinity: Affinity | undefined, path: FieldPath): FieldError[] {
  if (!affinity) return [];
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  const errors: FieldError[] = [];
  if (nodeAffinity) errors.push(...validateNodeAffinity(nodeAffinity, path.child('nodeAffinity')));
  if (podAffinity) errors.push(...validatePodAffinity(podAffinity, path.child('podAffinity')));
  if (podAntiAffinity) errors.push(...validatePodAffinity(podAntiAffinity, path.child('podAntiAffinity')));
  return errors;
}

export function validateNodeAffinity(affinity: NonNullable<Affinity['nodeAffinity']>, path: FieldPath): FieldError[] {
  const needed = affinity[REQUIRED_TERMS];
  const errors = needed ? validateNodeSelector(needed, path.child(REQUIRED_TERMS)) : [];
  for (const [i, { weight, preference }] of (affinity[PREFERRED_TERMS] ?? []).entries()) {
    const termPath = path.child(PREFERRED_TERMS).index(i);
    errors.push(...validateWeight(weight, termPath.child('weight')));
    errors.push(...validateNodeSelectorTerm(preference ?? {}, termPath.child('preference')));
  }
  return errors;
}

function validatePodAffinity(affinity: NonNullable<Affinity['podAffinity']>, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, term] of (affinity[REQUIRED_TERMS] ?? []).entries()) {
    errors.push(...validatePodAffinityTerm(term, path.child(REQUIRED_TERMS).index(i)));
  }
  for (const [i, { weight, podAffinityTerm }] of (affinity[PREFERRED_TERMS] ?? []).entries()) {
    const termPath = path.child(PREFERRED_TERMS).index(i);
    errors.push(...validateWeight(weight, termPath.child('weight')));
    errors.push(...validatePodAffinityTerm(podAffinityTerm ?? { topologyKey: '' }, termPath.child('podAffinityTerm')));
  }
  return errors;
}

function validateWeight(weight: number | undefined, path: FieldPath): FieldError[] {
  const value = weight ?? 0;
  return value >= 1 && value <= 100 ? [] : [invalid(path, value, 'must be in the range 1-100')];
}

function validatePodAffinityTerm(term: V1PodAffinityTerm, path: FieldPath): FieldError[] {
  const { labelSelector, namespaceSelector, namespaces = [], topologyKey = '' } = term;
  const errors = validateLabelSelector(labelSelector, path.child('labelSelector'));
  errors.push(...validateLabelSelector(namespaceSelector, path.child('namespaceSelector')));
  // Upstream names the field in the singular.
  for (const name of namespaces) errors.push(...invalidEach(path.child('namespace'), name, isDns1123Label(name)));
  errors.push(...validateTermKeys(term, path));
  const keyPath = path.child('topologyKey');
  if (topologyKey === '') errors.push(required(keyPath, 'can not be empty'));
  errors.push(...invalidEach(keyPath, topologyKey, isQualifiedName(topologyKey)));
  return errors;
}

function validateTermKeys(term: V1PodAffinityTerm, path: FieldPath): FieldError[] {
  const { labelSelector, matchLabelKeys = [], mismatchLabelKeys = [] } = term;
  const errors = validateLabelKeys(matchLabelKeys, path.child('matchLabelKeys'), labelSelector);
  errors.push(...validateLabelKeys(mismatchLabelKeys, path.child('mismatchLabelKeys'), labelSelector));
  const mismatched = new Set(mismatchLabelKeys);
  for (const [i, key] of matchLabelKeys.entries()) {
    if (!mismatched.has(key)) continue;
    const detail = 'exists in both matchLabelKeys and mismatchLabelKeys';
    errors.push(invalid(path.child('matchLabelKeys').index(i), key, detail));
  }
  return errors;
}

function validateLabelKeys(
  keys: readonly string[],
  path: FieldPath,
  selector: LabelSelector | undefined,
): FieldError[] {
  if (keys.length === 0) return [];
  if (!selector) return [forbidden(path, 'must not be specified when labelSelector is not set')];
  return keys.flatMap((key, i) => invalidEach(path.index(i), key, isQualifiedName(key)));
}

export function validateTopologySpread(
  constraints: readonly TopologySpreadConstraint[] | undefined,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, constraint] of (constraints ?? []).entries()) {
    const constraintPath = path.index(i);
    const { maxSkew = 0, topologyKey = '', whenUnsatisfiable = '' } = constraint;
    if (maxSkew <= 0) errors.push(invalid(constraintPath.child('maxSkew'), maxSkew, NOT_POSITIVE));
    if (topologyKey === '') errors.push(required(constraintPath.child('topologyKey'), 'can not be empty'));
    else errors.push(...invalidEach(constraintPath.child('topologyKey'), topologyKey, isQualifiedName(topologyKey)));
    errors.push(...validateEnum('unsatisfiableAction', whenUnsatisfiable, constraintPath.child('whenUnsatisfiable')));
    const pair = `{${topologyKey}, ${whenUnsatisfiable}}`;
    if (seen.has(pair)) errors.push(duplicate(constraintPath.child('{topologyKey, whenUnsatisfiable}'), pair));
    seen.add(pair);
    errors.push(...validateMinDomains(constraint, constraintPath.child('minDomains')));
    errors.push(...validateInclusion(constraint, constraintPath));
    errors.push(
      ...validateLabelKeys(
        constraint.matchLabelKeys ?? [],
        constraintPath.child('matchLabelKeys'),
        constraint.labelSelector,
      ),
    );
    errors.push(...validateLabelSelector(constraint.labelSelector, constraintPath.child('labelSelector')));
  }
  return errors;
}

function validateMinDomains(constraint: TopologySpreadConstraint, path: FieldPath): FieldError[] {
  const { minDomains, whenUnsatisfiable } = constraint;
  if (minDomains == null) return [];
  const errors = minDomains <= 0 ? [invalid(path, minDomains, NOT_POSITIVE)] : [];
  if (whenUnsatisfiable === 'DoNotSchedule') return errors;
  const detail = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
  return [...errors, invalid(path, minDomains, detail)];
}

function validateInclusion(constraint: TopologySpreadConstraint, path: FieldPath): FieldError[] {
  return (['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const).flatMap((field) =>
    constraint[field] == null ? [] : validateRequiredEnum('nodeInclusionPolicy', constraint[field], path.child(field)),
  );
}
