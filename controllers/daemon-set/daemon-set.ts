/** DaemonSet: a pod on every node that wants one (upstream `pkg/controller/daemon`). */
import type { DaemonSet } from '../../api/apps/v1/daemon-set.ts';
import { daemonSets } from '../../api/apps/v1/daemon-set.ts';
import { controllerRevisions } from '../../api/apps/v1/controller-revision.ts';
import type { Node } from '../../api/core/v1/node.ts';
import { nodes } from '../../api/core/v1/node.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import { selectorFromObject } from '../../api/machinery/label-selector.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { CacheReader, Controller, ControllerContext, ReconcileResult } from '../../client/controller.ts';
import { defineController } from '../../client/controller.ts';
import { keyOf } from '../../client/keys.ts';
import { controllerOf } from '../../client/owner-references.ts';
import { requeueForAvailability } from '../availability.ts';
import { claimPods } from '../claim-pods.ts';
import { claimRevisions, deleteRevisions } from '../controller-history/history.ts';
import { watchRevisions } from '../controller-history/watch.ts';
import { createPod, deletePod, podFromTemplate } from '../pod-control.ts';
import { isAdoptabilityChange, ORPHANS_BY_NAMESPACE } from '../pods.ts';
import { runInSlowStartBatches } from '../slow-start.ts';
import { FailedPodBackoff } from './failed-pods.ts';
import { forgettable, hashOf, syncHistory } from './history.ts';
import { daemonPodTemplate, forNode, placementOf } from './placement.ts';
import type { DaemonPlan, DaemonView, UpdatePlan } from './plan.ts';
import { groupByNode, planPlacement, planUpdate } from './plan.ts';
import { daemonSetStatus } from './status.ts';

/** At most this many pods are created, and as many deleted, in one reconcile (`BurstReplicas`). */
const BURST = 250;

/** Each has its own memory of failed pods. */
export function daemonSetController(): Controller {
  const backoff = new FailedPodBackoff();
  return defineController<DaemonSet>({
    name: 'daemon-set-controller',
    component: 'daemonset-controller',
    for: daemonSets,
    owns: [pods],
    watches: [
      // A pod without a controller may match: its set adopts it.
      {
        resource: pods,
        isRelevant: isAdoptabilityChange,
        map: (pod, cache) => (controllerOf(pod) === undefined ? setsMatching(pod, cache) : []),
      },
      { resource: nodes, isRelevant: isPlacementChange, map: (node, cache) => setsOnNode(node as Node, cache) },
      watchRevisions(daemonSets),
    ],
    writes: [daemonSets, pods, controllerRevisions],
    indexes: [ORPHANS_BY_NAMESPACE],
    workers: 2,
    async reconcile({ namespace, name }, context) {
      // Observe
      const set = context.lister<DaemonSet>(daemonSets).get(namespace, name);
      // While it goes, its revisions go too: nothing could be told of its pods.
      if (set === undefined || set.metadata.deletionTimestamp !== undefined) return undefined;
      if (selectorFromObject(set.spec.selector).requirements.length === 0) return selectsEverything(set, context);
      const owned = await claimPods(set, { resource: daemonSets }, context);
      const known = await claimRevisions(set, daemonSets, context);
      const { current, old } = await syncHistory(set, { known, owned }, context);
      const view = viewOf(set, { owned, hash: hashOf(current) }, context);

      // Decide and act
      const placed = planPlacement(view, (node) => backoff.remainingMs(backoffKey(set, node), view.nowMs));
      tellEnded(set, placed, context);
      for (const { node } of placed.failed) backoff.next(backoffKey(set, node), view.nowMs);
      let failure = await carryOut(view, withEnded(placed), context);
      // An update builds on pods being where they belong; what was just done shows next time.
      if (failure === undefined && isNothing(withEnded(placed)))
        failure = await carryOut(view, planUpdate(view), context);
      if (failure === undefined) await deleteRevisions(forgettable(set, old, owned), context);

      // Report
      await writeStatus(view, context);
      if (failure !== undefined) throw failure;
      return soonest([
        placed.waitMs === undefined ? undefined : { requeueAfterMs: placed.waitMs },
        requeueForAvailability(owned, { minReadySeconds: set.spec.minReadySeconds, nowMs: view.nowMs }),
      ]);
    },
  });
}

function viewOf(
  set: DaemonSet,
  { owned, hash }: { owned: readonly Pod[]; hash: string },
  context: ControllerContext,
): DaemonView {
  const all = context.lister<Node>(nodes).list();
  const place = placementOf(set);
  const placements = new Map(all.map((node) => [node, place(node)]));
  return {
    set,
    nodes: all,
    podsByNode: groupByNode(owned),
    placement: (node) => placements.get(node)!,
    hash,
    nowMs: context.now(),
  };
}

/** A change of the template begins anew. */
function backoffKey({ metadata, status }: DaemonSet, node: string): string {
  return `${metadata.uid}/${status?.observedGeneration ?? 0}/${node}`;
}

function selectsEverything(set: DaemonSet, { events }: ControllerContext): undefined {
  const message = 'This daemon set is selecting all pods. A non-empty selector is required.';
  events.event(set, 'Warning', 'SelectingAll', message);
}

function tellEnded(set: DaemonSet, { failed, succeeded }: DaemonPlan, { events }: ControllerContext): void {
  for (const { pod, node } of failed) {
    const message = `Found failed daemon pod ${keyOf(pod)} on node ${node}, will try to kill it`;
    events.event(set, 'Warning', 'FailedDaemonPod', message);
  }
  for (const { pod, node } of succeeded) {
    const message = `Found succeeded daemon pod ${keyOf(pod)} on node ${node}, will try to delete it`;
    events.event(set, 'Normal', 'SucceededDaemonPod', message);
  }
}

function withEnded({ create, delete: doomed, failed, succeeded }: DaemonPlan): UpdatePlan {
  return { create, delete: [...[...failed, ...succeeded].map(({ pod }) => pod), ...doomed] };
}

function isNothing({ create, delete: doomed }: UpdatePlan): boolean {
  return create.length === 0 && doomed.length === 0;
}

/** The first error; the other pods are made and deleted all the same, unless making them fails (`syncNodes`). */
async function carryOut(
  { set, hash }: DaemonView,
  { create, delete: doomed }: UpdatePlan,
  context: ControllerContext,
): Promise<Error | undefined> {
  const template = daemonPodTemplate(set, hash);
  const waiting = create.slice(0, BURST).values();
  const created = await runInSlowStartBatches(Math.min(create.length, BURST), async () => {
    const pod = podFromTemplate(forNode(template, waiting.next().value!), set, daemonSets);
    await createPod(pod, set, context);
  });
  const deleted = await Promise.allSettled(doomed.slice(0, BURST).map((pod) => deletePod(pod, set, context)));
  const failed = deleted.find((result) => result.status === 'rejected');
  return created.failure ?? (failed?.reason as Error | undefined);
}

async function writeStatus(view: DaemonView, context: ControllerContext): Promise<void> {
  const { set } = view;
  const status = daemonSetStatus(view);
  if (deepEqual(status, set.status)) return;
  await context.client.update<DaemonSet>(daemonSets, { ...set, status }, { subresource: 'status' });
}

function soonest(results: readonly ReconcileResult[]): ReconcileResult {
  const delaysMs = results.flatMap((result) => result?.requeueAfterMs ?? []);
  return delaysMs.length === 0 ? undefined : { requeueAfterMs: Math.min(...delaysMs) };
}

function setsMatching({ metadata }: ApiObject, cache: CacheReader): string[] {
  return cache
    .lister<DaemonSet>(daemonSets)
    .list({ namespace: metadata.namespace ?? '' })
    .map((set) => ({ set, selector: selectorFromObject(set.spec.selector) }))
    .filter(({ selector }) => selector.requirements.length > 0 && selector.matches(metadata.labels))
    .map(({ set }) => keyOf(set));
}

function setsOnNode(node: Node, cache: CacheReader): string[] {
  return cache
    .lister<DaemonSet>(daemonSets)
    .list()
    .filter((set) => {
      const { shouldRun, mayStay } = placementOf(set)(node);
      return shouldRun || mayStay;
    })
    .map(keyOf);
}

/** Only labels and taints say what may run there; a heartbeat does not. */
function isPlacementChange(node: ApiObject, previous: ApiObject): boolean {
  const [now, before] = [node as Node, previous as Node];
  return !deepEqual(now.metadata.labels, before.metadata.labels) || !deepEqual(now.spec?.taints, before.spec?.taints);
}
