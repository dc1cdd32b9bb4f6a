/**
 * Rules for roles and bindings, and their defaults
 * (upstream: `pkg/apis/rbac/validation/validation.go`, `pkg/apis/rbac/v1/defaults.go`).
 */
import type { RbacV1Subject, V1PolicyRule, V1RoleRef } from '@kubernetes/client-node';
import { deepEqual } from '../../machinery/equality.ts';
import { fieldPath, invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { Wire } from '../../machinery/meta.ts';
import { invalidEach, isDns1123Subdomain, validatePathSegmentName } from '../../machinery/validation.ts';

export type PolicyRule = Wire<V1PolicyRule>;
export type Subject = Wire<RbacV1Subject>;
export type RoleRef = Wire<V1RoleRef>;

export const RBAC_GROUP = 'rbac.authorization.k8s.io';

/** What both kinds of bindings hold. */
export interface BindingContent {
  roleRef: RoleRef;
  subjects?: Subject[];
}

export interface BindingRules {
  isNamespaced: boolean;
  roleKinds: readonly string[];
}

/** `isNamespaced` is true for Role: only ClusterRoles speak of URLs that are no resources. */
export function validatePolicyRules(rules: readonly PolicyRule[], isNamespaced: boolean): FieldError[] {
  return rules.flatMap((rule, i) => validatePolicyRule(rule, isNamespaced, fieldPath('rules').index(i)));
}

function validatePolicyRule(rule: PolicyRule, isNamespaced: boolean, path: FieldPath): FieldError[] {
  const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const errors: FieldError[] = [];
  if (verbs.length === 0) errors.push(required(path.child('verbs'), 'verbs must contain at least one value'));
  if (nonResourceURLs.length > 0) {
    const urlsPath = path.child('nonResourceURLs');
    if (isNamespaced)
      errors.push(invalid(urlsPath, nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'));
    if (apiGroups.length + resources.length + resourceNames.length > 0) {
      errors.push(
        invalid(urlsPath, nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs'),
      );
    }
    return errors;
  }
  if (apiGroups.length === 0) {
    errors.push(required(path.child('apiGroups'), 'resource rules must supply at least one api group'));
  }
  if (resources.length === 0)
    errors.push(required(path.child('resources'), 'resource rules must supply at least one resource'));
  return errors;
}

/** API groups that clients may leave out. */
export function defaultBinding(binding: BindingContent): void {
  if (binding.roleRef !== undefined) binding.roleRef.apiGroup ||= RBAC_GROUP;
  for (const subject of binding.subjects ?? []) {
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= RBAC_GROUP;
  }
}

export function validateBinding(binding: BindingContent, { isNamespaced, roleKinds }: BindingRules): FieldError[] {
  const errors = validateRoleRef(binding.roleRef ?? { apiGroup: '', kind: '', name: '' }, roleKinds);
  (binding.subjects ?? []).forEach((subject, i) =>
    errors.push(...validateSubject(subject, isNamespaced, fieldPath('subjects').index(i))),
  );
  return errors;
}

/** The role of a binding never changes: it would give subjects rights that nobody granted them. */
export function validateBindingUpdate(next: BindingContent, previous: BindingContent): FieldError[] {
  if (deepEqual(next.roleRef, previous.roleRef)) return [];
  const { apiGroup = '', kind = '', name = '' } = next.roleRef ?? {};
  // As upstream's internal type prints it.
  return [invalid(fieldPath('roleRef'), { APIGroup: apiGroup, Kind: kind, Name: name }, 'cannot change roleRef')];
}

function validateRoleRef({ apiGroup, kind, name }: RoleRef, roleKinds: readonly string[]): FieldError[] {
  const path = fieldPath('roleRef');
  const errors: FieldError[] = [];
  if (apiGroup !== RBAC_GROUP) errors.push(notSupported(path.child('apiGroup'), apiGroup ?? '', [RBAC_GROUP]));
  if (!roleKinds.includes(kind)) errors.push(notSupported(path.child('kind'), kind ?? '', roleKinds));
  if (!name) errors.push(required(path.child('name')));
  else errors.push(...invalidEach(path.child('name'), name, validatePathSegmentName(name, false)));
  return errors;
}

function validateSubject(
  { kind, name, namespace, apiGroup = '' }: Subject,
  isNamespaced: boolean,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = name ? [] : [required(path.child('name'))];
  const groupPath = path.child('apiGroup');
  switch (kind) {
    case 'ServiceAccount':
      if (name) errors.push(...invalidEach(path.child('name'), name, isDns1123Subdomain(name)));
      if (apiGroup !== '') errors.push(notSupported(groupPath, apiGroup, ['']));
      if (!isNamespaced && !namespace) errors.push(required(path.child('namespace')));
      return errors;
    case 'User':
    case 'Group':
      if (apiGroup !== RBAC_GROUP) errors.push(notSupported(groupPath, apiGroup, [RBAC_GROUP]));
      return errors;
    default:
      return [...errors, notSupported(path.child('kind'), kind ?? '', ['ServiceAccount', 'User', 'Group'])];
  }
}
