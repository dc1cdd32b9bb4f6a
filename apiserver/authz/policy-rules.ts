/**
 * What the rules of roles say about a request (upstream `pkg/apis/rbac/v1/evaluation_helpers.go` and
 * `plugin/pkg/auth/authorizer/rbac/rbac.go`, `RuleAllows`).
 */
import type { PolicyRule } from '../../api/rbac/v1/validation.ts';
import type { Attributes } from './authorizer.ts';

const ANY = '*';

export function ruleAllows(rule: PolicyRule, attributes: Attributes): boolean {
  if (!attributes.isResourceRequest) {
    return hasOrAny(rule.verbs, attributes.verb) && urlMatches(rule.nonResourceURLs, attributes.path);
  }
  return (
    hasOrAny(rule.verbs, attributes.verb) &&
    hasOrAny(rule.apiGroups, attributes.apiGroup) &&
    resourceMatches(rule.resources, attributes) &&
    nameMatches(rule.resourceNames, attributes.name)
  );
}

export function rulesAllow(rules: readonly PolicyRule[], attributes: Attributes): boolean {
  return rules.some((rule) => ruleAllows(rule, attributes));
}

/** Whether a rule's URL, which may end in `*`, covers a path. A lone `*` covers all. */
export function urlCovers(pattern: string, path: string): boolean {
  return pattern === path || (pattern.endsWith(ANY) && path.startsWith(pattern.replace(/\*+$/, '')));
}

/** `pods`, `pods/log` */
export function combinedResource({ resource, subresource }: Pick<Attributes, 'resource' | 'subresource'>): string {
  return subresource === '' ? resource : `${resource}/${subresource}`;
}

function hasOrAny(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list.includes(value) || list.includes(ANY));
}

function resourceMatches(resources: readonly string[] | undefined, attributes: Attributes): boolean {
  if (resources === undefined) return false;
  if (hasOrAny(resources, combinedResource(attributes))) return true;
  return attributes.subresource !== '' && resources.includes(`${ANY}/${attributes.subresource}`);
}

function nameMatches(names: readonly string[] | undefined, name: string): boolean {
  return names === undefined || names.length === 0 || names.includes(name);
}

function urlMatches(urls: readonly string[] | undefined, path: string): boolean {
  return urls !== undefined && urls.some((pattern) => urlCovers(pattern, path));
}

/** A rule with its place in the order of evaluation; `grant` is what gave it. */
export interface GrantedRule<G> {
  order: number;
  rule: PolicyRule;
  grant: G;
}

/**
 * Rules in their order of evaluation, found by what a request is about: a user's hundreds of rules are not walked for
 * every request. Answers as a walk would: the first rule that allows.
 */
export class RuleIndex<G> {
  /** By group and combined resource, both named in the rule. */
  readonly #exact = new Map<string, Map<string, GrantedRule<G>[]>>();
  /** Rules that name a group or resource with `*`. */
  readonly #wild: GrantedRule<G>[] = [];
  readonly #urls: GrantedRule<G>[] = [];
  #size = 0;

  add(rule: PolicyRule, grant: G): void {
    const entry = { order: this.#size++, rule, grant };
    if ((rule.nonResourceURLs ?? []).length > 0) this.#urls.push(entry);
    const { apiGroups = [], resources = [] } = rule;
    if (apiGroups.length === 0 || resources.length === 0) return;
    const isWild = apiGroups.includes(ANY) || resources.some((resource) => resource.startsWith(ANY));
    if (isWild) this.#wild.push(entry);
    else for (const group of new Set(apiGroups)) this.#addExact(group, new Set(resources), entry);
  }

  find(attributes: Attributes): GrantedRule<G> | undefined {
    if (!attributes.isResourceRequest) return firstAllowing(this.#urls, attributes);
    const listed = this.#exact.get(attributes.apiGroup)?.get(combinedResource(attributes));
    const exact = listed === undefined ? undefined : firstAllowing(listed, attributes);
    const wild = firstAllowing(this.#wild, attributes);
    if (exact === undefined || wild === undefined) return exact ?? wild;
    return exact.order < wild.order ? exact : wild;
  }

  #addExact(group: string, resources: ReadonlySet<string>, entry: GrantedRule<G>): void {
    let byResource = this.#exact.get(group);
    if (byResource === undefined) this.#exact.set(group, (byResource = new Map()));
    for (const resource of resources) {
      const entries = byResource.get(resource);
      if (entries === undefined) byResource.set(resource, [entry]);
      else entries.push(entry);
    }
  }
}

function firstAllowing<G>(entries: readonly GrantedRule<G>[], attributes: Attributes): GrantedRule<G> | undefined {
  for (const entry of entries) if (ruleAllows(entry.rule, attributes)) return entry;
  return undefined;
}
