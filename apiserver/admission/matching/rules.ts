/**
 * Whether a request is one that a rule names: operation, group, version, resource, subresource, scope, name (apiserver
 * `pkg/admission/plugin/webhook/predicates/rules/rules.go`).
 */
import { listOf } from '../../../api/admissionregistration/v1/group.ts';
import type { Rule } from '../../../api/admissionregistration/v1/rule-validation.ts';
import type { AdmissionAttributes } from '../admission.ts';

/** What a rule looks at. */
export interface RuleTarget {
  operation: string;
  group: string;
  version: string;
  resource: string;
  subresource: string;
  /** Of a Namespace its own name; `''` for everything else that has none. */
  namespace: string;
  name: string;
}

export function ruleTarget({ operation, resource, subresource, namespace, name }: AdmissionAttributes): RuleTarget {
  const { group, version, names } = resource;
  return {
    operation,
    group,
    version,
    resource: names.plural,
    subresource,
    namespace: isNamespaces(group, names.plural) ? name : namespace,
    name,
  };
}

export function isNamespaces(group: string, resource: string): boolean {
  return resource === 'namespaces' && group === '';
}

export function matchesAnyRule(rules: readonly Rule[], target: RuleTarget): boolean {
  for (const rule of rules) if (matchesRule(rule, target)) return true;
  return false;
}

function matchesRule(rule: Rule, target: RuleTarget): boolean {
  return (
    hasOrAny(rule.operations, target.operation) &&
    hasOrAny(rule.apiGroups, target.group) &&
    hasOrAny(rule.apiVersions, target.version) &&
    matchesResource(listOf(rule.resources), target) &&
    matchesScope(rule.scope, target) &&
    matchesName(listOf(rule.resourceNames), target)
  );
}

function hasOrAny(values: readonly string[] | undefined, value: string): boolean {
  return listOf(values).some((one) => one === '*' || one === value);
}

function matchesResource(entries: readonly string[], { resource, subresource }: RuleTarget): boolean {
  return entries.some((entry) => {
    const slash = entry.indexOf('/');
    const wanted = slash < 0 ? entry : entry.slice(0, slash);
    const wantedSubresource = slash < 0 ? '' : entry.slice(slash + 1);
    return (wanted === '*' || wanted === resource) && (wantedSubresource === '*' || wantedSubresource === subresource);
  });
}

function matchesScope(scope: string | undefined, { group, resource, namespace }: RuleTarget): boolean {
  const isClusterScoped = namespace === '' || isNamespaces(group, resource);
  if (scope === 'Namespaced') return !isClusterScoped;
  return scope !== 'Cluster' || isClusterScoped;
}

/** Empty: all names. */
function matchesName(names: readonly string[], { name }: RuleTarget): boolean {
  return names.length === 0 || names.includes(name);
}
