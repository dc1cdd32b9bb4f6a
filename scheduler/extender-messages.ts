/**
 * What is said to an extender and what it answers (`staging/src/k8s.io/kube-scheduler/extender/v1/types.go`). Names of
 * fields in answers are read as Go reads them, whatever their case. What is of another form than it has to be throws.
 */
import type { Pod } from '../api/core/v1/pod.ts';
import type { NodeInfo } from './node-info.ts';
import type { Candidate } from './plugins/default-preemption-victims.ts';

/** Of `filter` and `prioritize`: extenders that know the nodes get their names only. */
export function nodesQuestion(pod: Pod, nodes: readonly NodeInfo[], byName: boolean): object {
  return {
    Pod: pod,
    Nodes: byName ? null : { metadata: {}, items: nodes.map(({ node }) => node) },
    NodeNames: byName ? nodes.map(({ name }) => name) : null,
  };
}

/** As `nodesQuestion`: the victims' uids, or the victims. */
export function preemptionQuestion(pod: Pod, candidates: readonly Candidate[], byName: boolean): object {
  const victims = (podOf: (victim: Pod) => unknown): object =>
    Object.fromEntries(
      candidates.map(({ nodeName, victims: pods, violations }) => [
        nodeName,
        { Pods: pods.map((podInfo) => podOf(podInfo.pod)), NumPDBViolations: violations },
      ]),
    );
  return {
    Pod: pod,
    NodeNameToVictims: byName ? null : victims((victim) => victim),
    NodeNameToMetaVictims: byName ? victims(({ metadata }) => ({ UID: metadata.uid ?? '' })) : null,
  };
}

export function bindingQuestion({ metadata }: Pod, nodeName: string): object {
  const { namespace = '', name = '', uid = '' } = metadata;
  return { PodName: name, PodNamespace: namespace, PodUID: uid, Node: nodeName };
}

export interface FilterAnswer {
  /** Absent when the answer has none. */
  nodeNames?: readonly string[];
  /** The names of the nodes in `Nodes`; absent when the answer has none. */
  namesOfNodes?: readonly string[];
  failed: ReadonlyMap<string, string>;
  unresolvable: ReadonlyMap<string, string>;
}

/** Throws the error that the extender gives. */
export function readFilterAnswer(answer: unknown): FilterAnswer {
  const {
    Error: problem,
    NodeNames,
    Nodes,
    ...failures
  } = fieldsOf(answer, ['Error', 'NodeNames', 'Nodes', 'FailedNodes', 'FailedAndUnresolvableNodes']);
  throwIfGiven(problem);
  return {
    ...(NodeNames === undefined ? {} : { nodeNames: listOf(NodeNames, 'NodeNames').map((name) => textOf(name)) }),
    ...(Nodes === undefined ? {} : { namesOfNodes: listOf(fieldsOf(Nodes, ['items']).items, 'items').map(nameOf) }),
    failed: textsOf(failures.FailedNodes),
    unresolvable: textsOf(failures.FailedAndUnresolvableNodes),
  };
}

/** By the names of nodes; those of a node that is there twice are added up. */
export function readScores(answer: unknown): ReadonlyMap<string, number> {
  const scores = new Map<string, number>();
  for (const one of listOf(answer, 'the answer')) {
    const { Host, Score } = fieldsOf(one, ['Host', 'Score']);
    const host = textOf(Host);
    scores.set(host, (scores.get(host) ?? 0) + numberOf(Score));
  }
  return scores;
}

/** Who is to go, by the names of nodes. */
export interface VictimsAnswer {
  nodeName: string;
  uids: readonly string[];
  violations: number;
}

export function readPreemptionAnswer(answer: unknown): readonly VictimsAnswer[] {
  const { NodeNameToMetaVictims = {} } = fieldsOf(answer, ['NodeNameToMetaVictims']);
  return Object.entries(objectOf(NodeNameToMetaVictims)).map(([nodeName, victims]) => {
    const { Pods, NumPDBViolations } = fieldsOf(victims, ['Pods', 'NumPDBViolations']);
    const uids = listOf(Pods, 'Pods').map((pod) => textOf(fieldsOf(pod, ['UID']).UID));
    return { nodeName, uids, violations: numberOf(NumPDBViolations) };
  });
}

/** Throws the error that the extender gives. */
export function readBindingAnswer(answer: unknown): void {
  throwIfGiven(fieldsOf(answer, ['Error']).Error);
}

/** What is `null` is absent. */
function fieldsOf<Name extends string>(value: unknown, names: readonly Name[]): Partial<Record<Name, unknown>> {
  const given = Object.entries(objectOf(value ?? {}));
  const found = names.map((name) => {
    const exact = given.find(([key]) => key === name);
    const similar = exact ?? given.find(([key]) => key.toLowerCase() === name.toLowerCase());
    return [name, similar?.[1] ?? undefined];
  });
  return Object.fromEntries(found) as Partial<Record<Name, unknown>>;
}

function throwIfGiven(problem: unknown): void {
  if (problem !== undefined && problem !== '') throw new Error(textOf(problem));
}

function nameOf(node: unknown): string {
  return textOf(fieldsOf(fieldsOf(node, ['metadata']).metadata, ['name']).name);
}

function textsOf(value: unknown): ReadonlyMap<string, string> {
  return new Map(Object.entries(objectOf(value ?? {})).map(([name, text]) => [name, textOf(text)]));
}

function objectOf(value: unknown): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new Error('the answer has something else in the place of an object');
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value as readonly unknown[];
  throw new Error(`the answer has something else in the place of a list: ${what}`);
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new Error('the answer has something else in the place of a text');
}

function numberOf(value: unknown): number {
  if (value === undefined) return 0;
  if (Number.isSafeInteger(value)) return value as number;
  throw new Error('the answer has something else in the place of a whole number');
}
