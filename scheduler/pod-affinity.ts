/** The inter-pod (anti-)affinity of a pod, compiled once (`framework.AffinityTerm`). */
import type { V1PodAffinityTerm, V1WeightedPodAffinityTerm } from '@kubernetes/client-node';
import type { Namespace } from '../api/core/v1/namespace.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import type { Lister } from '../api/machinery/handler.ts';
import { nothing, selectorFromObject } from '../api/machinery/label-selector.ts';
import type { Selector } from '../api/machinery/label-selector.ts';

type Labels = Readonly<Record<string, string>>;

/** Matches pods by their labels, in namespaces named or chosen by labels. */
export interface AffinityTerm {
  /** Terms of the same text match the same pods in the same domains. */
  readonly text: string;
  readonly topologyKey: string;
  readonly selector: Selector;
  readonly namespaces: ReadonlySet<string>;
  readonly namespaceSelector: Selector;
}

export interface WeightedAffinityTerm extends AffinityTerm {
  readonly weight: number;
}

export interface PodAffinityTerms {
  readonly required: readonly AffinityTerm[];
  readonly requiredAnti: readonly AffinityTerm[];
  readonly preferred: readonly WeightedAffinityTerm[];
  readonly preferredAnti: readonly WeightedAffinityTerm[];
}

/** `undefined` for a pod without; a selector that cannot be read matches nothing. */
export function podAffinityOf({ metadata: { namespace = '' }, spec }: Pod): PodAffinityTerms | undefined {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  if (!podAffinity && !podAntiAffinity) return undefined;
  const compile = (term: V1PodAffinityTerm): AffinityTerm => compileTerm(term, namespace);
  const compileWeighted = ({ weight, podAffinityTerm }: V1WeightedPodAffinityTerm): WeightedAffinityTerm => ({
    ...compile(podAffinityTerm),
    weight,
  });
  return {
    required: (podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(compile),
    requiredAnti: (podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(compile),
    preferred: (podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(compileWeighted),
    preferredAnti: (podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(compileWeighted),
  };
}

/** `namespaceLabels`: of the pod's namespace. */
export function termMatches(term: AffinityTerm, { metadata }: Pod, namespaceLabels: Labels): boolean {
  const isInNamespace =
    term.namespaces.has(metadata.namespace ?? '') || term.namespaceSelector.matches(namespaceLabels);
  return isInNamespace && term.selector.matches(metadata.labels);
}

/**
 * The term with its namespace selector resolved to the namespaces of now (`mergeAffinityTermNamespacesIfNotEmpty`):
 * it matches without looking at a namespace's labels.
 */
export function resolveNamespaces<T extends AffinityTerm>(term: T, namespaces: Lister<Namespace>): T {
  const { namespaceSelector } = term;
  if (namespaceSelector === nothing || namespaceSelector.requirements.length === 0) return term;
  const found = namespaces.list({ labelSelector: namespaceSelector }).map(({ metadata }) => metadata.name ?? '');
  return withText({ ...term, namespaces: new Set([...term.namespaces, ...found]), namespaceSelector: nothing });
}

/** Without any namespace named or chosen: the pod's own. */
function compileTerm(term: V1PodAffinityTerm, ownNamespace: string): AffinityTerm {
  const { topologyKey, labelSelector, namespaces = [], namespaceSelector } = term;
  const isOwn = namespaces.length === 0 && !namespaceSelector;
  return withText({
    text: '',
    topologyKey,
    selector: compileSelector(labelSelector),
    namespaces: new Set(isOwn ? [ownNamespace] : namespaces),
    namespaceSelector: compileSelector(namespaceSelector),
  });
}

function withText<T extends AffinityTerm>(term: T): T {
  const requirementsOf = (selector: Selector): unknown => (selector === nothing ? null : selector.requirements);
  const { topologyKey, selector, namespaces, namespaceSelector } = term;
  const parts = [topologyKey, requirementsOf(selector), [...namespaces].sort(), requirementsOf(namespaceSelector)];
  return { ...term, text: JSON.stringify(parts) };
}

function compileSelector(selector: V1PodAffinityTerm['labelSelector']): Selector {
  try {
    return selectorFromObject(selector);
  } catch {
    return nothing;
  }
}
