/** What `nocher why` prints: nodes one by one where there are few, by what is wrong with them where there are many. */
import type { Pod } from '../api/core/v1/pod.ts';
import { adviceFor } from '../scheduler/advice.ts';
import { podInfoOf } from '../scheduler/pod-info.ts';
import type { NodeVerdict, Verdicts } from '../scheduler/verdicts.ts';

/** More nodes are grouped. */
const MAX_NODES = 10;
const MAX_NAMES = 3;

export interface Explanation {
  lines: string[];
  /** The pod has a node, or can have one. */
  isWell: boolean;
}

/** Without `verdicts`, of a pod that has a node or is held back. */
export function explain(pod: Pod, verdicts: Verdicts | undefined, { isOurs } = { isOurs: true }): Explanation {
  const { namespace = '', name = '' } = pod.metadata;
  const who = `pod ${namespace}/${name}`;
  const gates = (pod.spec.schedulingGates ?? []).map((gate) => gate.name);
  if (pod.spec.nodeName) return { lines: [`${who} is on node ${pod.spec.nodeName}`], isWell: true };
  if (gates.length > 0) {
    const line = `${who} is held back until its scheduling gates are removed: ${gates.join(', ')}`;
    return { lines: [line], isWell: false };
  }
  const { outright = [], nodes = [] } = verdicts ?? {};
  const lines = isOurs ? [] : [schedulerNote(pod)];
  // Several plugins may miss the same object.
  for (const reason of new Set(outright.map(({ reasons }) => reasons.join(', '))))
    lines.push(`no node can do: ${reason}`);
  const fitting = outright.length > 0 ? [] : nodes.filter(({ rejections }) => rejections.length === 0);
  lines.unshift(headline(who, { count: nodes.length, fitting: fitting.length }));
  // Where no node can do, none fits for having nothing against it.
  const shown = outright.length === 0 ? nodes : nodes.filter(({ rejections }) => rejections.length > 0);
  if (shown.length <= MAX_NODES) lines.push(...shown.flatMap((verdict) => nodeLines(pod, verdict)));
  else lines.push(...groupLines(pod, shown));
  lines.push(...nominationNote(pod));
  return { lines, isWell: fitting.length > 0 };
}

function headline(who: string, { count, fitting }: { count: number; fitting: number }): string {
  if (count === 0) return `${who} has no node: there are no nodes`;
  if (fitting === 0) return `${who} fits none of ${count} node(s)`;
  return `${who} has no node yet and fits ${fitting} of ${count} node(s): the scheduler places it when it tries next`;
}

function schedulerNote({ spec }: Pod): string {
  return `it is for the scheduler ${spec.schedulerName ?? ''}; this is what the default plugins say`;
}

function nominationNote({ status }: Pod): string[] {
  const nodeName = status?.nominatedNodeName;
  if (!nodeName) return [];
  return [`is to have node ${nodeName}: once pods of lower priority have left it, or its volumes are there`];
}

function nodeLines(pod: Pod, verdict: NodeVerdict): string[] {
  const advice = adviceOn(pod, verdict);
  return advice.length === 0
    ? [`  ${verdict.node.name}: fits`]
    : advice.map((line) => `  ${verdict.node.name}: ${line}`);
}

function adviceOn(pod: Pod, { node, rejections }: NodeVerdict): string[] {
  const podInfo = podInfoOf(pod);
  return rejections.flatMap((rejection) => adviceFor(rejection, podInfo, node));
}

/** By the plugins' reasons, the most frequent first, each with what the nearest node would need. */
function groupLines(pod: Pod, nodes: readonly NodeVerdict[]): string[] {
  const groups = new Map<string, NodeVerdict[]>();
  for (const verdict of nodes) {
    const reason = verdict.rejections.flatMap(({ reasons }) => reasons).join(', ');
    const members = groups.get(reason);
    if (members === undefined) groups.set(reason, [verdict]);
    else members.push(verdict);
  }
  const sorted = [...groups].sort(([a, first], [b, second]) => second.length - first.length || (a < b ? -1 : 1));
  return sorted.flatMap(([reason, members]) => {
    const line = `  ${members.length} node(s) (${namesOf(members)}): ${reason === '' ? 'fits' : reason}`;
    if (reason === '') return [line];
    const nearest = nearestOf(members);
    return [line, ...adviceOn(pod, nearest).map((advice) => `    ${nearest.node.name}: ${advice}`)];
  });
}

/** The one with the most cpu to spare, and of those with the most memory. */
function nearestOf(members: readonly NodeVerdict[]): NodeVerdict {
  const free = ({ node: { allocatable, requested } }: NodeVerdict): [number, number] => [
    allocatable.milliCpu - requested.milliCpu,
    allocatable.memory - requested.memory,
  ];
  return members.reduce((best, one) => {
    const [cpu, memory] = free(one);
    const [bestCpu, bestMemory] = free(best);
    return cpu > bestCpu || (cpu === bestCpu && memory > bestMemory) ? one : best;
  });
}

function namesOf(members: readonly NodeVerdict[]): string {
  const names = members.slice(0, MAX_NAMES).map(({ node }) => node.name);
  const more = members.length - names.length;
  return more === 0 ? names.join(', ') : `${names.join(', ')} and ${more} more`;
}
