/**
 * Which requests a webhook or a policy gets to see, and in which version (apiserver
 * `pkg/admission/plugin/webhook/generic/webhook.go` ShouldCallHook, `pkg/admission/plugin/policy/matching/matching.go`).
 */
import { listOf } from '../../../api/admissionregistration/v1/group.ts';
import type { Rule } from '../../../api/admissionregistration/v1/rule-validation.ts';
import * as errors from '../../../api/machinery/errors.ts';
import type { Lister } from '../../../api/machinery/handler.ts';
import type { Selector } from '../../../api/machinery/label-selector.ts';
import { selectorFromObject } from '../../../api/machinery/label-selector.ts';
import type { ApiObject, LabelSelector } from '../../../api/machinery/meta.ts';
import type { Resource } from '../../../api/machinery/resource.ts';
import type { AdmissionAttributes } from '../admission.ts';
import type { RuleTarget } from './rules.ts';
import { isNamespaces, matchesAnyRule, ruleTarget } from './rules.ts';

export interface Criteria {
  /** Empty: every request, for policies' bindings. */
  rules: readonly Rule[];
  excludedRules: readonly Rule[];
  matchPolicy: string;
  namespaceSelector: Selector;
  objectSelector: Selector;
}

/** The version of the resource that a rule names: the request's own, or an equivalent one. */
export interface MatchedResource {
  resource: Resource;
  /** Absent: the request's own. */
  isConverted: boolean;
}

export interface MatcherOptions {
  namespaces: Lister;
  /** The other versions and groups that serve the same objects. */
  equivalents(resource: Resource): readonly Resource[];
}

export function criteriaOf(match: {
  rules?: readonly Rule[] | undefined;
  excludedRules?: readonly Rule[] | undefined;
  matchPolicy?: string | undefined;
  namespaceSelector?: object | undefined;
  objectSelector?: object | undefined;
}): Criteria {
  return {
    rules: listOf(match.rules),
    excludedRules: listOf(match.excludedRules),
    matchPolicy: match.matchPolicy ?? 'Equivalent',
    namespaceSelector: selectorFromObject((match.namespaceSelector ?? {}) as LabelSelector),
    objectSelector: selectorFromObject((match.objectSelector ?? {}) as LabelSelector),
  };
}

export class RequestMatcher {
  readonly #options: MatcherOptions;

  constructor(options: MatcherOptions) {
    this.#options = options;
  }

  /** Undefined: the request is none of its business. Throws NotFound for a namespace that is not there. */
  match(criteria: Criteria, attributes: AdmissionAttributes): MatchedResource | undefined {
    const target = ruleTarget(attributes);
    if (criteria.excludedRules.length > 0 && this.#matchRules(criteria.excludedRules, criteria, { attributes, target }))
      return undefined;
    const matched =
      criteria.rules.length === 0
        ? { resource: attributes.resource, isConverted: false }
        : this.#matchRules(criteria.rules, criteria, { attributes, target });
    if (matched === undefined || !matchesObject(criteria.objectSelector, attributes)) return undefined;
    return this.#matchesNamespace(criteria.namespaceSelector, attributes, target) ? matched : undefined;
  }

  #matchRules(
    rules: readonly Rule[],
    { matchPolicy }: Criteria,
    { attributes, target }: { attributes: AdmissionAttributes; target: RuleTarget },
  ): MatchedResource | undefined {
    const { resource } = attributes;
    if (matchesAnyRule(rules, target)) return { resource, isConverted: false };
    if (matchPolicy === 'Exact') return undefined;
    for (const other of this.#options.equivalents(resource)) {
      const { group, version, names } = other;
      if (matchesAnyRule(rules, { ...target, group, version, resource: names.plural }))
        return { resource: other, isConverted: true };
    }
    return undefined;
  }

  /** What is in no namespace is never left out by one. */
  #matchesNamespace(selector: Selector, attributes: AdmissionAttributes, { namespace }: RuleTarget): boolean {
    const { resource, subresource, operation, object } = attributes;
    const isNamespace = isNamespaces(resource.group, resource.names.plural);
    if (selector.requirements.length === 0 || (namespace === '' && !isNamespace)) return true;
    // The namespace itself, before it is stored.
    if (isNamespace && subresource === '' && (operation === 'CREATE' || operation === 'UPDATE'))
      return selector.matches(object?.metadata.labels);
    const found = this.#options.namespaces.get('', namespace);
    if (found === undefined) throw errors.notFound({ group: '', resource: 'namespaces' }, namespace);
    return selector.matches(found.metadata.labels);
  }
}

function matchesObject(selector: Selector, { object, oldObject }: AdmissionAttributes): boolean {
  if (selector.requirements.length === 0) return true;
  return [object, oldObject].some((one) => one !== undefined && selector.matches(one.metadata?.labels));
}

/** `object` in another version of its kind; of subresources with a form of their own nothing changes. */
export function inVersion(
  object: ApiObject | undefined,
  attributes: AdmissionAttributes,
  { resource, isConverted }: MatchedResource,
): ApiObject | undefined | Promise<ApiObject> {
  if (object === undefined || !isConverted || attributes.form !== undefined) return object;
  return convert(object, { from: attributes.resource, to: resource });
}

/** A promise where somebody outside converts the kind. Rejects with an ApiError when that fails. */
export function convert(
  object: ApiObject,
  { from, to }: { from: Resource; to: Resource },
): ApiObject | Promise<ApiObject> {
  const { converted: outside, fromStored } = to.view ?? {};
  if (outside !== undefined) {
    const { convert: ask, apiVersion } = outside;
    return ask([object], apiVersion).then(([other]) => completed(fromStored!(other!), to));
  }
  const stored = from.view === undefined ? object : from.view.toStored(object);
  return completed(structuredClone(to.view === undefined ? stored : to.view.fromStored(stored)), to);
}

function completed(converted: ApiObject, to: Resource): ApiObject {
  converted.kind = to.names.kind;
  converted.apiVersion = to.group === '' ? to.version : `${to.group}/${to.version}`;
  to.strategy.default?.(converted);
  return converted;
}
