/** Why a pod has no node, in the words of `framework.FitError.Error` (`pkg/scheduler/framework/types.go`). */
import type { NodeRejections, PluginRejection } from './framework.ts';

/** What was found out while no node was found. */
export interface Diagnosis {
  /** All nodes of the snapshot. */
  nodeCount: number;
  /** Of the nodes that were looked at. */
  rejections: NodeRejections;
  /** Why the others were not looked at, when a plugin narrowed the search. */
  absentReason?: string;
  /** When `preFilter` rejected the pod for every node. */
  preFilter?: PluginRejection;
  /** Plugins that had a part in it: an event that may help one of them may help the pod. */
  rejectors: ReadonlySet<string>;
}

/** `ErrNoNodesAvailable` */
export const NO_NODES_MESSAGE = 'no nodes available to schedule pods';

/** `0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.`, and what `postFilter` adds. */
export function fitErrorMessage(diagnosis: Diagnosis, postFilterMessage = ''): string {
  const { nodeCount, preFilter } = diagnosis;
  const detail = preFilter === undefined ? countedReasons(diagnosis) : preFilter.reasons.join(', ');
  const sentences = [`0/${nodeCount} nodes are available:`];
  if (detail !== '') sentences.push(`${detail}.`);
  if (postFilterMessage !== '') sentences.push(postFilterMessage);
  return sentences.join(' ');
}

/** How many nodes each reason holds for, in the order of the texts with their numbers. */
function countedReasons({ nodeCount, rejections, absentReason }: Diagnosis): string {
  const counts = new Map<string, number>();
  const count = (reason: string, nodes: number): void => void counts.set(reason, (counts.get(reason) ?? 0) + nodes);
  for (const { reasons } of rejections.values()) for (const reason of reasons) count(reason, 1);
  const absent = nodeCount - rejections.size;
  if (absentReason !== undefined && absent > 0) count(absentReason, absent);
  return [...counts]
    .map(([reason, nodes]) => `${nodes} ${reason}`)
    .sort()
    .join(', ');
}
