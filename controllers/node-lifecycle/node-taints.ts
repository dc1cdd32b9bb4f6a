/** The taints that follow from how a node is (upstream `doNoScheduleTaintingPass`, `doNoExecuteTaintingPass`). */
import type { Node, Taint } from '../../api/core/v1/node.ts';
import { nodes } from '../../api/core/v1/node.ts';
import { formatTime } from '../../base/clock.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { readyStatus } from './zone-state.ts';

type WantedTaint = Pick<Taint, 'key' | 'effect'>;

const NOT_READY = 'node.kubernetes.io/not-ready';
const UNREACHABLE = 'node.kubernetes.io/unreachable';
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';

const CONDITION_TAINTS: Readonly<Record<string, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
};

const MANAGED = new Set([NOT_READY, UNREACHABLE, UNSCHEDULABLE, ...Object.values(CONDITION_TAINTS)]);

/** Its pods leave, because it is not ready or not there. */
export function toldToLeave({ spec }: Node): boolean {
  return (spec.taints ?? []).some(
    ({ key, effect }) => effect === 'NoExecute' && (key === NOT_READY || key === UNREACHABLE),
  );
}

/** By the node's conditions and `spec.unschedulable`; `mayEvict`: its pods may be told to leave if it is not ready. */
export function wantedTaints(node: Node, mayEvict: boolean): WantedTaint[] {
  const taints: WantedTaint[] = [];
  const ready = readyStatus(node);
  const key = ready === 'False' ? NOT_READY : ready === 'Unknown' ? UNREACHABLE : undefined;
  if (key !== undefined) taints.push({ key, effect: 'NoSchedule' });
  if (key !== undefined && mayEvict) taints.push({ key, effect: 'NoExecute' });
  if (node.spec.unschedulable === true) taints.push({ key: UNSCHEDULABLE, effect: 'NoSchedule' });
  for (const { type, status } of node.status?.conditions ?? []) {
    const pressure = CONDITION_TAINTS[type];
    if (pressure !== undefined && status === 'True') taints.push({ key: pressure, effect: 'NoSchedule' });
  }
  return taints;
}

/** Writes the node if its taints are to change, and gives it as it is then. */
export async function syncTaints(node: Node, mayEvict: boolean, context: ControllerContext): Promise<Node> {
  const current = node.spec.taints ?? [];
  const wanted = wantedTaints(node, mayEvict);
  const isSame = (a: WantedTaint, b: WantedTaint): boolean => a.key === b.key && a.effect === b.effect;
  const kept = current.filter((taint) => !MANAGED.has(taint.key) || wanted.some((other) => isSame(taint, other)));
  const added = wanted
    .filter((taint) => !current.some((other) => isSame(taint, other)))
    .map((taint) => ({ ...taint, timeAdded: formatTime(context.now()) }));
  if (added.length === 0 && kept.length === current.length) return node;
  const { taints: _, ...spec } = node.spec;
  const taints = [...kept, ...added];
  return context.client.update<Node>(nodes, { ...node, spec: { ...spec, ...(taints.length > 0 ? { taints } : {}) } });
}
