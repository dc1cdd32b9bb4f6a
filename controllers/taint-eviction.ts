/**
 * TaintEviction: has pods leave a node with NoExecute taints, each when what it tolerates of them is over
 * (upstream `pkg/controller/tainteviction`).
 */
import type { Node, Taint } from '../api/core/v1/node.ts';
import { nodes } from '../api/core/v1/node.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { pods } from '../api/core/v1/pod.ts';
import { withDisruptionTarget } from '../api/core/v1/pod/disruption-target.ts';
import { tolerates } from '../api/core/v1/tolerations.ts';
import { deepEqual } from '../api/machinery/equality.ts';
import { isConflict, isNotFound } from '../api/machinery/errors.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { formatTime } from '../base/clock.ts';
import type { Controller, ControllerContext, ReconcileResult } from '../client/controller.ts';
import { defineController } from '../client/controller.ts';
import { keyOf } from '../client/keys.ts';
import { podCondition, PODS_BY_NODE, podsOnNode } from './pods.ts';

const BY_TAINT_MANAGER = {
  reason: 'DeletionByTaintManager',
  message: 'Taint manager: deleting due to NoExecute taint',
};

/** What one run keeps in mind of a node with such taints. */
interface Watched {
  uid: string | undefined;
  /** When each taint was seen first. */
  sinceMs: ReadonlyMap<string, number>;
  /** Keys of pods whose time is running. */
  waiting: ReadonlySet<string>;
}

/** Acts as the node controller. */
export function taintEvictionController(): Controller {
  const watched = new Map<string, Watched>();
  return defineController<Node>({
    name: 'node-controller',
    component: 'taint-eviction-controller',
    for: nodes,
    watches: [{ resource: pods, isRelevant: mayHaveToLeave, map: (pod) => nodeNameOf(pod as Pod) }],
    writes: [pods],
    indexes: [PODS_BY_NODE],
    workers: 8,
    async reconcile({ name }, context) {
      // Observe
      const node = context.lister<Node>(nodes).get('', name);
      const taints = noExecuteTaints(node);
      const before = watched.get(name);
      const known = before?.uid === node?.metadata.uid ? before : undefined;
      if (node === undefined || taints.length === 0) {
        watched.delete(name);
        tellSpared(known, new Set(), context);
        return undefined;
      }
      const nowMs = context.now();
      const sinceMs = sinceOf(taints, known?.sinceMs, nowMs);

      // Decide
      const plan = planEvictions(podsOnNode(name, context), { taints, sinceMs, nowMs });

      // Act
      watched.set(name, { uid: node.metadata.uid, sinceMs, waiting: plan.waiting });
      tellSpared(known, new Set([...plan.waiting, ...plan.leaving.map(keyOf)]), context);
      await evictAll(plan.leaving, context);
      return nextDue(plan.nextMs, nowMs);
    },
  });
}

function nodeNameOf({ spec }: Pod): string[] {
  return (spec.nodeName ?? '') === '' ? [] : [spec.nodeName!];
}

function mayHaveToLeave(object: ApiObject, previous: ApiObject): boolean {
  const [now, before] = [object as Pod, previous as Pod];
  return now.spec.nodeName !== before.spec.nodeName || !deepEqual(now.spec.tolerations, before.spec.tolerations);
}

export function noExecuteTaints(node: Node | undefined): Taint[] {
  return (node?.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
}

/** A taint of another value is another taint. */
const idOf = ({ key, value = '' }: Taint): string => `${key}=${value}`;

/** From when each taint counts: from the time that it bears, or else from when it was seen first. */
export function sinceOf(
  taints: readonly Taint[],
  known: ReadonlyMap<string, number> | undefined,
  nowMs: number,
): Map<string, number> {
  return new Map(
    taints.map((taint) => {
      const addedMs = Date.parse(taint.timeAdded ?? '');
      const seenMs = known?.get(idOf(taint)) ?? nowMs;
      return [idOf(taint), Number.isFinite(addedMs) ? Math.min(addedMs, nowMs) : seenMs];
    }),
  );
}

export interface EvictionPlan {
  leaving: Pod[];
  /** Keys of pods that leave later. */
  waiting: Set<string>;
  /** When the first of them does. */
  nextMs: number | undefined;
}

/** Who leaves now, who later. Pods that are going already need no more. */
export function planEvictions(
  present: readonly Pod[],
  { taints, sinceMs, nowMs }: { taints: readonly Taint[]; sinceMs: ReadonlyMap<string, number>; nowMs: number },
): EvictionPlan {
  const plan: EvictionPlan = { leaving: [], waiting: new Set(), nextMs: undefined };
  for (const pod of present) {
    if (pod.metadata.deletionTimestamp !== undefined) continue;
    const dueMs = leavesAtMs(pod, taints, sinceMs);
    if (dueMs <= nowMs) plan.leaving.push(pod);
    else if (dueMs !== Infinity) {
      plan.waiting.add(keyOf(pod));
      plan.nextMs = Math.min(plan.nextMs ?? dueMs, dueMs);
    }
  }
  return plan;
}

/**
 * When the first of the taints is no longer tolerated: `-Infinity` where one never was, `Infinity` where all are for
 * ever. The time of a taint does not run for a pod before the pod came to the node.
 */
export function leavesAtMs(pod: Pod, taints: readonly Taint[], sinceMs: ReadonlyMap<string, number>): number {
  const cameMs = Date.parse(podCondition(pod, 'PodScheduled')?.lastTransitionTime ?? '') || 0;
  let dueMs = Infinity;
  for (const taint of taints) {
    const tolerating = (pod.spec.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
    if (tolerating.length === 0) return -Infinity;
    const fromMs = Math.max(sinceMs.get(idOf(taint)) ?? 0, cameMs);
    for (const { tolerationSeconds } of tolerating) {
      if (tolerationSeconds === undefined) continue;
      dueMs = Math.min(dueMs, fromMs + Math.max(0, tolerationSeconds) * 1000);
    }
  }
  return dueMs;
}

/** Longer than a timer can wait, the key is looked at again in between. */
function nextDue(nextMs: number | undefined, nowMs: number): ReconcileResult {
  return nextMs === undefined ? undefined : { requeueAfterMs: Math.min(nextMs - nowMs, 86_400_000) };
}

/** Of pods whose time was running and is no more. */
function tellSpared(before: Watched | undefined, still: ReadonlySet<string>, context: ControllerContext): void {
  for (const key of before?.waiting ?? []) {
    if (still.has(key)) continue;
    const [namespace = '', name = ''] = key.split('/');
    const pod = context.lister<Pod>(pods).get(namespace, name);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) continue;
    context.events.event(pod, 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${key}`);
  }
}

async function evictAll(leaving: readonly Pod[], context: ControllerContext): Promise<void> {
  const results = await Promise.allSettled(leaving.map((pod) => evict(pod, context)));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** The pod says why it goes, then goes. */
async function evict(pod: Pod, { client, events, now }: ControllerContext): Promise<void> {
  events.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${keyOf(pod)}`);
  const { namespace = '', name = '', uid = '' } = pod.metadata;
  const status = withDisruptionTarget(pod, { ...BY_TAINT_MANAGER, now: formatTime(now()) });
  try {
    if (status !== pod.status) {
      const body = { metadata: { uid }, status: { conditions: [status.conditions!.at(-1)] } };
      await client.patch<Pod>(pods, { namespace, name }, { type: 'strategic', body, subresource: 'status' });
    }
    await client.delete(pods, { namespace, name }, { preconditions: { uid } });
  } catch (error) {
    // Gone, or another of its name by now.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}
