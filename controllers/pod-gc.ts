/**
 * PodGC: removes pods that no kubelet will: of nodes that are gone or out of service, unscheduled ones being deleted,
 * too many ended ones (upstream `pkg/controller/podgc`).
 */
import type { Node } from '../api/core/v1/node.ts';
import { nodes } from '../api/core/v1/node.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { pods } from '../api/core/v1/pod.ts';
import type { Disruption } from '../api/core/v1/pod/disruption-target.ts';
import { withDisruptionTarget } from '../api/core/v1/pod/disruption-target.ts';
import { isConflict, isNotFound } from '../api/machinery/errors.ts';
import { formatTime } from '../base/clock.ts';
import type { Controller, ControllerContext, IndexDeclaration, ReconcileResult } from '../client/controller.ts';
import { defineController } from '../client/controller.ts';
import { formatKey, keyOf } from '../client/keys.ts';
import { isPodTerminal, PODS_BY_NODE, podsOnNode } from './pods.ts';

/** Ended pods beyond this number go, the oldest first (`terminatedPodGCThreshold`). */
const MAX_TERMINATED = 12_500;
/** At most so often all ended pods are put in order (`gcCheckPeriod`). */
const SWEEP_PERIOD_MS = 20_000;
/** A node must be missing this long: it may only be registering again. */
const QUARANTINE_MS = 40_000;

const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';
const BY_POD_GC = { reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists' };

const ENDED: IndexDeclaration = {
  resource: pods,
  name: 'ended',
  fn: (pod) => (isPodTerminal(pod as Pod) ? ['yes'] : []),
};

/** What one run keeps in mind, by the key of a pod. */
interface Memory {
  /** When its node was first missed. */
  missedSince: Map<string, { uid: string | undefined; atMs: number }>;
  ended: Set<string>;
  sweptMs: number;
  /** The key that comes back for the next sweep: one for all of them. */
  sweeper: string | undefined;
}

export function podGcController({ maxTerminated = MAX_TERMINATED } = {}): Controller {
  const memory: Memory = { missedSince: new Map(), ended: new Set(), sweptMs: -Infinity, sweeper: undefined };
  return defineController<Pod>({
    name: 'pod-garbage-collector',
    for: pods,
    watches: [
      {
        resource: nodes,
        isRelevant: (node, previous) => isOutOfService(node as Node) !== isOutOfService(previous as Node),
        map: (node, cache) => podsOnNode(node.metadata.name!, cache).map(keyOf),
      },
    ],
    indexes: [PODS_BY_NODE, ENDED],
    writes: [pods],
    async reconcile(key, context) {
      const pod = context.lister<Pod>(pods).get(key.namespace, key.name);
      remember(formatKey(key), pod, memory);
      const later = pod === undefined ? undefined : await collect(pod, memory, context);
      return later ?? sweepIfDue(formatKey(key), { memory, maxTerminated }, context);
    },
  });
}

/** Removes the pod if no kubelet will. */
async function collect(pod: Pod, memory: Memory, context: ControllerContext): Promise<ReconcileResult> {
  const nodeName = pod.spec.nodeName ?? '';
  const isGoing = pod.metadata.deletionTimestamp !== undefined;
  const node = context.lister<Node>(nodes).get('', nodeName);
  if (nodeName !== '' && node === undefined) return removeOrphan(pod, memory, context);
  memory.missedSince.delete(keyOf(pod));
  if (isGoing && (node === undefined || isOutOfService(node))) await failAndRemove(pod, undefined, context);
  return undefined;
}

function remember(key: string, pod: Pod | undefined, { missedSince, ended }: Memory): void {
  if (pod === undefined || !isPodTerminal(pod)) ended.delete(key);
  else ended.add(key);
  if (missedSince.get(key)?.uid !== pod?.metadata.uid) missedSince.delete(key);
}

/** Nobody answers there, and somebody has said that nobody will. */
export function isOutOfService({ spec, status }: Node): boolean {
  const isReady = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
  return !isReady && (spec?.taints ?? []).some(({ key }) => key === OUT_OF_SERVICE);
}

async function removeOrphan(pod: Pod, { missedSince }: Memory, context: ControllerContext): Promise<ReconcileResult> {
  const key = keyOf(pod);
  const nowMs = context.now();
  const { atMs } = missedSince.get(key) ?? { atMs: nowMs };
  missedSince.set(key, { uid: pod.metadata.uid, atMs });
  const leftMs = atMs + QUARANTINE_MS - nowMs;
  if (leftMs > 0) return { requeueAfterMs: leftMs };
  // The cache may be behind; when the node shows there, its pods are looked at again.
  if (await nodeExists(pod.spec.nodeName!, context)) return undefined;
  await failAndRemove(pod, { ...BY_POD_GC, now: formatTime(nowMs) }, context);
  return undefined;
}

async function nodeExists(name: string, { client }: ControllerContext): Promise<boolean> {
  try {
    await client.get<Node>(nodes, { name });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** The first to go: evicted pods, then the oldest (`byEvictionAndCreationTimestamp`). */
export function surplusOf(ended: readonly Pod[], maxTerminated: number): Pod[] {
  const surplus = ended.length - maxTerminated;
  if (surplus <= 0) return [];
  const wasEvicted = ({ status }: Pod): number =>
    status?.phase === 'Failed' && (status as { reason?: string }).reason === 'Evicted' ? 0 : 1;
  const compare = (a = '', b = ''): number => (a < b ? -1 : a > b ? 1 : 0);
  return [...ended]
    .sort(
      (a, b) =>
        wasEvicted(a) - wasEvicted(b) ||
        compare(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '') ||
        compare(a.metadata.name, b.metadata.name),
    )
    .slice(0, surplus);
}

async function sweepIfDue(
  key: string,
  { memory, maxTerminated }: { memory: Memory; maxTerminated: number },
  context: ControllerContext,
): Promise<ReconcileResult> {
  if (memory.ended.size <= maxTerminated || (memory.sweeper ?? key) !== key) {
    if (memory.sweeper === key) memory.sweeper = undefined;
    return undefined;
  }
  const nowMs = context.now();
  const leftMs = memory.sweptMs + SWEEP_PERIOD_MS - nowMs;
  memory.sweeper = leftMs > 0 ? key : undefined;
  if (leftMs > 0) return { requeueAfterMs: leftMs };
  memory.sweptMs = nowMs;
  const surplus = surplusOf(context.byIndex<Pod>(pods, ENDED.name, 'yes'), maxTerminated);
  for (const pod of surplus) await failAndRemove(pod, undefined, context);
  return undefined;
}

/** What has not ended is marked as failed first: no kubelet will say so any more. */
async function failAndRemove(
  pod: Pod,
  disruption: Disruption | undefined,
  { client }: ControllerContext,
): Promise<void> {
  const { namespace = '', name = '', uid = '' } = pod.metadata;
  try {
    if (!isPodTerminal(pod)) {
      const conditions = disruption === undefined ? [] : [withDisruptionTarget(pod, disruption).conditions!.at(-1)];
      const status = { phase: 'Failed', ...(conditions.length === 0 ? {} : { conditions }) };
      const body = { metadata: { uid }, status };
      await client.patch<Pod>(pods, { namespace, name }, { type: 'strategic', body, subresource: 'status' });
    }
    await client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
  } catch (error) {
    // Gone, or another of its name by now.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}
