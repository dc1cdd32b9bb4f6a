/**
 * Identities are unique: of each name at most one pod runs, wherever that is. An ordered StatefulSet begins with a pod
 * only when those before it have been ready of late. At rest it has its pods, all of them of the newest revision.
 */
import type { StatefulSet } from '../../../api/apps/v1/stateful-set.ts';
import type { Pod } from '../../../api/core/v1/pod.ts';
import { controllerUid, isActive, isReady } from '../state.ts';
import type { Check, CheckContext, Invariant } from './invariant.ts';
import { LAG_MS } from './recent.ts';

export const statefulSetIdentities: Invariant = (context) => {
  const { cluster, violated } = context;
  /** By name, when a pod was last ready; Infinity: it is. */
  const readyMs = new Map<string, number>();
  return {
    onChange({ kind, name, object, previous }) {
      if (kind !== 'pods') return;
      if (object !== undefined && previous === undefined) checkOrder(object as Pod, readyMs, context);
      if (object !== undefined && isReady(object as Pod)) readyMs.set(name, Infinity);
      else if (readyMs.get(name) === Infinity) readyMs.set(name, cluster.time.elapsedMs);
    },
    onMachines() {
      const seen = new Map<string, string>();
      for (const { name: node, machine } of cluster.nodes) {
        for (const { namespace, name, state } of machine.all()) {
          if (state === 'exited') continue;
          const other = seen.get(`${namespace}/${name}`);
          if (other !== undefined) violated(`two pods ${name} run, on ${other} and on ${node}`);
          seen.set(`${namespace}/${name}`, node);
        }
      }
    },
    atRest() {
      for (const set of cluster.state.all<StatefulSet>('statefulsets')) {
        const wanted = Array.from({ length: set.spec.replicas ?? 1 }, (_, index) => `${set.metadata.name}-${index}`);
        const owned = cluster.state.ownedBy<Pod>(set.metadata.uid!, 'Pod').filter(isActive);
        const found = owned.filter((pod) => isReady(pod) && isNewest(pod, set)).map(({ metadata }) => metadata.name!);
        if (owned.length !== found.length || found.sort().join() !== wanted.sort().join())
          violated(`StatefulSet ${set.metadata.name} came to rest with [${found.join()}] of [${wanted.join()}]`);
      }
    },
  } satisfies Check;
};

function isNewest({ metadata }: Pod, { status }: StatefulSet): boolean {
  return metadata.labels?.['controller-revision-hash'] === status?.updateRevision;
}

function checkOrder(pod: Pod, readyMs: ReadonlyMap<string, number>, { cluster, violated }: CheckContext): void {
  const set = cluster.state.byUid<StatefulSet>(controllerUid(pod) ?? '');
  if (set?.kind !== 'StatefulSet' || set.spec.podManagementPolicy === 'Parallel') return;
  const { namespace, name = '' } = pod.metadata;
  for (let index = Number(name.slice(name.lastIndexOf('-') + 1)) - 1; index >= 0; index--) {
    const before = `${namespace}/${set.metadata.name}-${index}`;
    if ((readyMs.get(before) ?? -Infinity) < cluster.time.elapsedMs - LAG_MS)
      violated(`${name} is made, and ${before} has not been ready of late`);
  }
}
