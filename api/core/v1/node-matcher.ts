/**
 * Node selectors compiled for matching (`component-helpers/scheduling/corev1/nodeaffinity/nodeaffinity.go`): terms are
 * alternatives; within a term everything must match; a term that says nothing, or that cannot be read, matches nothing.
 */
import type { V1NodeSelector, V1NodeSelectorRequirement, V1NodeSelectorTerm } from '@kubernetes/client-node';
import type { Node } from './node.ts';
import type { Pod } from './pod.ts';
import type { LabelOperator, LabelRequirement, Selector } from '../../machinery/label-selector.ts';
import { selectorFromMap, selectorOf } from '../../machinery/label-selector.ts';

export interface NodeMatcher {
  matches(node: Node): boolean;
}

const OPERATORS: Readonly<Record<string, LabelOperator>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
  Gt: 'gt',
  Lt: 'lt',
};

const INTEGER = /^[+-]?\d+$/;

/** `spec.nodeSelector` and the required node affinity together; `undefined` when the pod has neither. */
export function requiredNodes({ spec }: Pod): NodeMatcher | undefined {
  const labels = spec.nodeSelector === undefined ? undefined : selectorFromMap(spec.nodeSelector);
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (labels === undefined && required === undefined) return undefined;
  const terms = required === undefined ? undefined : nodeMatcherOf(required);
  return {
    matches: (node) => (labels?.matches(node.metadata.labels) ?? true) && (terms?.matches(node) ?? true),
  };
}

export function nodeMatcherOf({ nodeSelectorTerms = [] }: V1NodeSelector): NodeMatcher {
  const terms = nodeSelectorTerms.map(nodeTermMatcher);
  return { matches: (node) => terms.some((term) => term.matches(node)) };
}

export function isEmptyTerm({ matchExpressions = [], matchFields = [] }: V1NodeSelectorTerm): boolean {
  return matchExpressions.length === 0 && matchFields.length === 0;
}

export function nodeTermMatcher(term: V1NodeSelectorTerm): NodeMatcher {
  const labels = compileRequirements(term.matchExpressions ?? []);
  const fields = compileRequirements(term.matchFields ?? []);
  if (isEmptyTerm(term) || labels === undefined || fields === undefined) return { matches: () => false };
  return {
    matches: ({ metadata }) =>
      labels.matches(metadata.labels) && fields.matches({ 'metadata.name': metadata.name ?? '' }),
  };
}

/** `undefined` when one of them cannot be read. */
function compileRequirements(requirements: readonly V1NodeSelectorRequirement[]): Selector | undefined {
  const compiled: LabelRequirement[] = [];
  for (const { key, operator, values = [] } of requirements) {
    const labelOperator = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator]! : undefined;
    if (labelOperator === undefined) return undefined;
    const isComparison = labelOperator === 'gt' || labelOperator === 'lt';
    if (isComparison && !(values.length === 1 && INTEGER.test(values[0]!))) return undefined;
    compiled.push({ key, operator: labelOperator, values });
  }
  return selectorOf(compiled);
}
