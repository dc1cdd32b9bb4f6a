/** PodGC: removes pods that no kubelet will: of nodes that are gone, unscheduled ones being deleted, too many ended ones (upstream `pkg/controller/podgc`). */
import type { Node } from '../api/core/v1/node.ts';
import { nodes } from '../api/core/v1/node.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { pods } from '../api/core/v1/pod.ts';
import { isNotFound } from '../api/machinery/errors.ts';
import type { ControllerContext } from '../client/controller.ts';
import { defineController } from '../client/controller.ts';
import { keyOf } from '../client/keys.ts';
import { isPodTerminal, PODS_BY_NODE, podsOnNode } from './pods.ts';

/** Ended pods beyond this number go, the oldest first (`terminatedPodGCThreshold`). */
const MAX_TERMINATED = 12_500;
/** A node must be missing this long: it may only be registering again. */
const QUARANTINE_MS = 40_000;

export const podGcController = defineController<Pod>({
  name: 'pod-garbage-collector',
  for: pods,
  watches: [
    {
      resource: nodes,
      // Only whether it is there counts.
      isRelevant: () => false,
      map: (node, context) => podsOnNode(node.metadata.name!, context).map(keyOf),
    },
  ],
  indexes: [PODS_BY_NODE],
  writes: [pods],
  async reconcile({ namespace, name }, context) {
    const pod = context.lister<Pod>(pods).get(namespace, name);
    if (pod === undefined) return undefined;
    const node = pod.spec.nodeName ?? '';
    if (node === '') {
      if (pod.metadata.deletionTimestamp !== undefined) await remove(pod, context);
      return undefined;
    }
    if (context.lister<Node>(nodes).get('', node) === undefined) return removeOrphan(pod, context);
    if (isPodTerminal(pod) && isSurplus(pod, context)) await remove(pod, context);
    return undefined;
  },
});

/** When its node was first missed, by pod uid. */
const missedSinceMs = new Map<string, number>();

async function removeOrphan(pod: Pod, context: ControllerContext): Promise<{ requeueAfterMs: number } | undefined> {
  const uid = pod.metadata.uid!;
  const sinceMs = missedSinceMs.get(uid) ?? context.now();
  missedSinceMs.set(uid, sinceMs);
  const leftMs = sinceMs + QUARANTINE_MS - context.now();
  if (leftMs > 0) return { requeueAfterMs: leftMs };
  missedSinceMs.delete(uid);
  await remove(pod, context);
  return undefined;
}

function isSurplus(pod: Pod, context: ControllerContext): boolean {
  const ended = context
    .lister<Pod>(pods)
    .list()
    .filter((other) => isPodTerminal(other) && other.metadata.deletionTimestamp === undefined);
  if (ended.length <= MAX_TERMINATED) return false;
  const older = ended.filter(
    (other) => (other.metadata.creationTimestamp ?? '') < (pod.metadata.creationTimestamp ?? ''),
  ).length;
  return older < ended.length - MAX_TERMINATED;
}

async function remove(pod: Pod, { client }: ControllerContext): Promise<void> {
  try {
    await client.delete(
      pods,
      { namespace: pod.metadata.namespace!, name: pod.metadata.name! },
      { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid! } },
    );
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
