/**
 * Rules that say which requests a webhook or a policy wants to see, and the match conditions beside them (upstream:
 * `pkg/apis/admissionregistration/validation/validation.go`, `validateRuleWithOperations`, `validateMatchConditions`).
 */
import type { V1MatchCondition, V1MatchResources, V1NamedRuleWithOperations } from '@kubernetes/client-node';
import { duplicate, invalid, notSupported, required, tooMany } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { Wire } from '../../machinery/meta.ts';
import {
  invalidEach,
  isQualifiedName,
  validateLabelSelector,
  validatePathSegmentName,
} from '../../machinery/validation.ts';
import type { ExpressionCompiler } from './expressions.ts';
import { expressionErrors } from './expressions.ts';
import { listOf } from './group.ts';

/** A rule, with `resourceNames` in policies only. */
export type Rule = Wire<V1NamedRuleWithOperations>;
export type MatchCondition = Wire<V1MatchCondition>;
export type MatchResources = Wire<V1MatchResources>;

export const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
export const FAILURE_POLICIES = ['Fail', 'Ignore'];
export const MATCH_POLICIES = ['Equivalent', 'Exact'];
export const REINVOCATION_POLICIES = ['IfNeeded', 'Never'];
const SCOPES = ['*', 'Cluster', 'Namespaced'];
const MAX_MATCH_CONDITIONS = 64;

export function defaultRules(rules: readonly Rule[] | undefined): void {
  for (const rule of listOf(rules)) rule.scope ??= '*';
}

/** `SetDefaults_MatchResources` of `pkg/apis/admissionregistration/v1/defaults.go`. */
export function defaultMatchResources(match: MatchResources | undefined): void {
  if (!match) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  defaultRules(match.resourceRules);
  defaultRules(match.excludeResourceRules);
}

export function validateRules(rules: readonly Rule[] | undefined, path: FieldPath): FieldError[] {
  return listOf(rules).flatMap((rule, i) => validateRule(rule ?? {}, path.index(i)));
}

function validateRule(rule: Rule, path: FieldPath): FieldError[] {
  const operations = listOf(rule.operations);
  const errors = validateWildcardList(operations, path.child('operations'), 'operations');
  operations.forEach((operation, i) => {
    if (!OPERATIONS.includes(operation))
      errors.push(notSupported(path.child('operations').index(i), operation, OPERATIONS));
  });
  errors.push(...validateWildcardList(listOf(rule.apiGroups), path.child('apiGroups'), 'API groups'));
  const versions = listOf(rule.apiVersions);
  errors.push(...validateWildcardList(versions, path.child('apiVersions'), 'API versions'));
  versions.forEach((version, i) => {
    if (version === '') errors.push(required(path.child('apiVersions').index(i)));
  });
  errors.push(...validateResources(listOf(rule.resources), path.child('resources')));
  const { scope } = rule;
  if (scope !== undefined && scope !== null && !SCOPES.includes(scope))
    errors.push(notSupported(path.child('scope'), scope, SCOPES));
  return errors;
}

function validateWildcardList(values: readonly string[], path: FieldPath, what: string): FieldError[] {
  if (values.length === 0) return [required(path)];
  return values.length > 1 && values.includes('*')
    ? [invalid(path, values, `if '*' is present, must not specify other ${what}`)]
    : [];
}

function validateResources(resources: readonly string[], path: FieldPath): FieldError[] {
  if (resources.length === 0) return [required(path)];
  const errors: FieldError[] = [];
  const resourcesOfAnySubresource = new Set<string>();
  const subresourcesOfAnyResource = new Set<string>();
  // As upstream has it: the last one without a slash decides.
  let namesResource = false;
  resources.forEach((entry, i) => {
    if (entry === '') {
      errors.push(required(path.index(i)));
      return;
    }
    const slash = entry.indexOf('/');
    if (slash < 0) {
      namesResource = entry !== '*';
      return;
    }
    const [resource, subresource] = [entry.slice(0, slash), entry.slice(slash + 1)];
    const refuse = (covering: string): void =>
      void errors.push(invalid(path.index(i), entry, `if '${covering}' is present, must not specify ${entry}`));
    if (resourcesOfAnySubresource.has(resource)) refuse(`${resource}/*`);
    if (subresourcesOfAnyResource.has(subresource)) refuse(`*/${subresource}`);
    if (subresource === '*') resourcesOfAnySubresource.add(resource);
    if (resource === '*') subresourcesOfAnyResource.add(subresource);
  });
  if (resources.length > 1 && resources.includes('*/*'))
    errors.push(invalid(path, resources, "if '*/*' is present, must not specify other resources"));
  if (resources.includes('*') && namesResource) {
    errors.push(invalid(path, resources, "if '*' is present, must not specify other resources without subresources"));
  }
  return errors;
}

/** Absent: nothing to say. */
export function validateMatchResources(match: MatchResources | undefined, path: FieldPath): FieldError[] {
  if (!match) return [];
  const { matchPolicy, namespaceSelector, objectSelector } = match;
  const errors: FieldError[] = [];
  if (matchPolicy === undefined) errors.push(required(path.child('matchPolicy')));
  else if (!MATCH_POLICIES.includes(matchPolicy))
    errors.push(notSupported(path.child('matchPolicy'), matchPolicy, MATCH_POLICIES));
  for (const [name, selector] of Object.entries({ namespaceSelector, objectSelector })) {
    if (!selector) errors.push(required(path.child(name)));
    else errors.push(...validateLabelSelector(selector as never, path.child(name)));
  }
  for (const name of ['resourceRules', 'excludeResourceRules'] as const) {
    listOf(match[name]).forEach((rule, i) => {
      const rulePath = path.child(name).index(i);
      errors.push(...validateResourceNames(rule ?? {}, rulePath), ...validateRule(rule ?? {}, rulePath));
    });
  }
  return errors;
}

function validateResourceNames({ resourceNames }: Rule, path: FieldPath): FieldError[] {
  const seen = new Set<string>();
  return listOf(resourceNames).flatMap((name, i) => {
    const namePath = path.child('resourceNames').index(i);
    const errors = invalidEach(namePath, name, validatePathSegmentName(name, false));
    if (seen.has(name)) errors.push(duplicate(namePath, name));
    seen.add(name);
    return errors;
  });
}

export function validateMatchConditions(
  conditions: readonly MatchCondition[] | undefined,
  path: FieldPath,
  compiler: ExpressionCompiler,
): FieldError[] {
  const list = listOf(conditions);
  const errors = list.length > MAX_MATCH_CONDITIONS ? [tooMany(path, list.length, MAX_MATCH_CONDITIONS)] : [];
  const names = new Set<string>();
  list.forEach((condition, i) => {
    const { name = '', expression = '' } = condition ?? {};
    const conditionPath = path.index(i);
    const text = expression.trim();
    if (text === '') errors.push(required(conditionPath.child('expression')));
    else
      errors.push(
        ...expressionErrors(compiler.compile(text, 'matchCondition'), text, conditionPath.child('expression')),
      );
    if (name === '') errors.push(required(conditionPath.child('name')));
    else errors.push(...invalidEach(conditionPath.child('name'), name, isQualifiedName(name)));
    if (names.has(name) && name !== '') errors.push(duplicate(conditionPath.child('name'), name));
    names.add(name);
  });
  return errors;
}
