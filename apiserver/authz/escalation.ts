/**
 * Nobody may grant what they do not have (upstream `pkg/registry/rbac/validation/rule.go`, `ConfirmNoEscalation`, and
 * component-helpers `auth/rbac/validation/policy_comparator.go`).
 */
import type { UserInfo } from '../../api/machinery/handler.ts';
import type { PolicyRule } from '../../api/rbac/v1/validation.ts';
import { urlCovers } from './policy-rules.ts';

/** Rights over everything, which using an aggregation rule takes. */
export const FULL_AUTHORITY: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** Every right of `wanted` that none of `held` covers, each as a rule with one verb, group and resource. */
export function uncoveredRules(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakDown).filter((single) => !held.some((rule) => ruleCovers(rule, single)));
}

/** Whether all that `wanted` allows is allowed by the one rule `held`. */
export function ruleCovers(held: PolicyRule, wanted: PolicyRule): boolean {
  return (
    hasAll(held.verbs, wanted.verbs) &&
    hasAll(held.apiGroups, wanted.apiGroups) &&
    coversResources(held.resources ?? [], wanted.resources ?? []) &&
    coversUrls(held.nonResourceURLs ?? [], wanted.nonResourceURLs ?? []) &&
    coversNames(held.resourceNames ?? [], wanted.resourceNames ?? [])
  );
}

/**
 * `undefined` when the user holds all of `wanted`, else the reason to refuse. `errors` are roles that could not be
 * read when the user's rules were gathered.
 */
export function confirmNoEscalation(
  user: UserInfo,
  held: { rules: readonly PolicyRule[]; errors: readonly string[] },
  wanted: readonly PolicyRule[],
): string | undefined {
  const missing = uncoveredRules(held.rules, wanted);
  if (missing.length === 0) return undefined;
  const lines = [...new Set(compactRules(missing).map(describeRule))].sort();
  const resolution = held.errors.length === 0 ? '' : `; resolution errors: [${held.errors.join(', ')}]`;
  const who = `user ${JSON.stringify(user.name)} (groups=${quotedList(user.groups)})`;
  return `${who} is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}${resolution}`;
}

function breakDown(rule: PolicyRule): PolicyRule[] {
  const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const forResources = apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb): PolicyRule[] => {
        const single: PolicyRule = { apiGroups: [group], resources: [resource], verbs: [verb] };
        return resourceNames.length === 0
          ? [single]
          : resourceNames.map((name) => ({ ...single, resourceNames: [name] }));
      }),
    ),
  );
  const forUrls = nonResourceURLs.flatMap((url) => verbs.map((verb) => ({ nonResourceURLs: [url], verbs: [verb] })));
  return [...forResources, ...forUrls];
}

function hasAll(held: readonly string[] = [], wanted: readonly string[] = []): boolean {
  return held.includes('*') || wanted.every((item) => held.includes(item));
}

function coversResources(held: readonly string[], wanted: readonly string[]): boolean {
  if (hasAll(held, wanted)) return true;
  return wanted.every((resource) => {
    const slash = resource.indexOf('/');
    return held.includes(resource) || (slash >= 0 && held.includes(`*${resource.slice(slash)}`));
  });
}

function coversUrls(held: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((url) => held.some((pattern) => urlCovers(pattern, url)));
}

/** No names mean all names. */
function coversNames(held: readonly string[], wanted: readonly string[]): boolean {
  if (wanted.length === 0) return held.length === 0;
  return held.length === 0 || wanted.every((name) => held.includes(name));
}

/** Puts single rights that differ in nothing but the verb together. */
function compactRules(rules: readonly PolicyRule[]): PolicyRule[] {
  const compact = new Map<string, PolicyRule>();
  for (const rule of rules) {
    // Rules about URLs are left apart, as upstream leaves them.
    const isUrl = rule.nonResourceURLs !== undefined;
    const key = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames, isUrl ? rule : null]);
    const present = compact.get(key);
    compact.set(key, present === undefined ? rule : { ...rule, verbs: [...present.verbs, ...rule.verbs] });
  }
  return [...compact.values()];
}

/** `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}` (upstream `rbacv1helpers.CompactString`). */
export function describeRule(rule: PolicyRule): string {
  const parts: [string, readonly string[] | undefined][] = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ];
  const shown = parts.filter(([, list]) => (list ?? []).length > 0);
  return `{${shown.map(([name, list]) => `${name}:${quotedList(list ?? [])}`).join(', ')}}`;
}

/** As Go prints a list of quoted strings. */
function quotedList(list: readonly string[]): string {
  return `[${list.map((item) => JSON.stringify(item)).join(' ')}]`;
}
