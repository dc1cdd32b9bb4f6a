/**
 * The plain reading of the API's documentation on selectors, tolerations and quantities. Slow on purpose, and shares
 * nothing with the scheduler.
 */
import type { V1LabelSelector, V1NodeSelectorTerm } from '@kubernetes/client-node';
import type { Node, Taint } from '../../../api/core/v1/node.ts';
import type { Pod, Toleration } from '../../../api/core/v1/pod.ts';

type Labels = Record<string, string> | undefined;
interface Requirement {
  key: string;
  operator: string;
  values?: string[];
}

export function matchesMap(map: Record<string, string> | undefined, labels: Labels): boolean {
  return Object.entries(map ?? {}).every(([key, value]) => labels?.[key] === value);
}

function matchesRequirement({ key, operator, values = [] }: Requirement, labels: Labels): boolean {
  const value = labels?.[key];
  if (operator === 'In') return value !== undefined && values.includes(value);
  if (operator === 'NotIn') return value === undefined || !values.includes(value);
  if (operator === 'Exists') return value !== undefined;
  if (operator === 'DoesNotExist') return value === undefined;
  const [actual, bound] = [value, values[0]].map((text) => (/^\d+$/.test(text ?? '') ? Number(text) : NaN));
  if (operator === 'Gt') return actual! > bound!;
  if (operator === 'Lt') return actual! < bound!;
  return false;
}

/** A null selector matches nothing, an empty one everything. */
export function matchesSelector(selector: V1LabelSelector | undefined, labels: Labels): boolean {
  if (selector === undefined) return false;
  const expressions = selector.matchExpressions ?? [];
  return matchesMap(selector.matchLabels, labels) && expressions.every((one) => matchesRequirement(one, labels));
}

/** A null or empty term matches no nodes; otherwise its requirements are ANDed. */
export function matchesNodeTerm({ matchExpressions = [], matchFields = [] }: V1NodeSelectorTerm, node: Node): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  const fields = { 'metadata.name': node.metadata.name! };
  return (
    matchExpressions.every((one) => matchesRequirement(one, node.metadata.labels)) &&
    matchFields.every((one) => matchesRequirement(one, fields))
  );
}

/** `nodeSelector`, and one of the required terms. */
export function allowsNode({ spec }: Pod, node: Node): boolean {
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const inTerms = required === undefined || required.nodeSelectorTerms.some((term) => matchesNodeTerm(term, node));
  return matchesMap(spec.nodeSelector, node.metadata.labels) && inTerms;
}

/** An empty key with Exists matches all keys; an empty effect all effects. */
export function isTolerated(taint: Taint, tolerations: readonly Toleration[] = []): boolean {
  return tolerations.some((toleration) => {
    const sameEffect = !toleration.effect || toleration.effect === taint.effect;
    const sameKey = !toleration.key || toleration.key === taint.key;
    const exists = toleration.operator === 'Exists';
    return sameEffect && sameKey && (exists || (toleration.value ?? '') === (taint.value ?? ''));
  });
}

export function toleratesHardTaints(pod: Pod, node: Node): boolean {
  const hard = (node.spec.taints ?? []).filter(({ effect }) => effect !== 'PreferNoSchedule');
  return hard.every((taint) => isTolerated(taint, pod.spec.tolerations));
}

const UNITS: Record<string, number> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };

/** Thousandths for cpu, else whole. */
export function amountOf(name: string, text: string | undefined): number {
  if (text === undefined) return 0;
  const [, digits, unit] = /^(\d+)(.*)$/.exec(text)!;
  const value = Number(digits) * (unit === 'm' ? 1 : (UNITS[unit!] ?? 1));
  return name === 'cpu' && unit !== 'm' ? value * 1000 : value;
}
