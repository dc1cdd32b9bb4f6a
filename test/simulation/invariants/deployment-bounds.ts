/**
 * What a Deployment promises of a rolling update: its ReplicaSets are never asked for more than replicas + maxSurge
 * pods together; and no pod that is available is taken away when that leaves fewer than replicas - maxUnavailable
 * (unless pods were lost lately that no controller took away: to nodes, to users; or the Deployment was made smaller
 * while several of its sets had pods: they shrink in proportion to their sizes, as upstream's do, available or not).
 */
import type { Deployment } from '../../../api/apps/v1/deployment.ts';
import type { ReplicaSet } from '../../../api/apps/v1/replica-set.ts';
import type { Pod } from '../../../api/core/v1/pod.ts';
import type { ClusterState } from '../state.ts';
import { controllerUid, isActive, isReady } from '../state.ts';
import type { CheckContext, Invariant } from './invariant.ts';
import { LAG_MS, Recent } from './recent.ts';

interface Bounds {
  most: number;
  least: number;
}

interface Watched {
  bounds: Recent<string>;
  /** When a pod was last lost that no controller took away. */
  lossMs: number;
  /** When it was last made smaller in the midst of a rolling update. */
  shrunkMs: number;
}

export const deploymentBounds: Invariant = (context) => {
  const watched = new Map<string, Watched>();
  const { cluster } = context;
  return {
    onChange({ kind, object, previous }) {
      const nowMs = cluster.time.elapsedMs;
      if (kind === 'deployments' && object !== undefined) {
        const known = watched.get(object.metadata.uid!) ?? {
          bounds: new Recent<string>(),
          lossMs: -Infinity,
          shrunkMs: -Infinity,
        };
        if (isProportional(object as Deployment, previous as Deployment | undefined, cluster.state))
          known.shrunkMs = nowMs;
        known.bounds.set(JSON.stringify(boundsOf(object as Deployment)), nowMs);
        watched.set(object.metadata.uid!, known);
      }
      if (kind === 'replicasets' && object !== undefined)
        checkSurge(object as ReplicaSet, previous as ReplicaSet | undefined, { watched, context });
      if (kind === 'pods' && previous !== undefined)
        checkAvailable(object as Pod | undefined, previous as Pod, { watched, context });
    },
  };
};

/** `scale` of upstream's `sync.go`, which asks for sizes alone. */
function isProportional(deployment: Deployment, before: Deployment | undefined, state: ClusterState): boolean {
  if ((deployment.spec.replicas ?? 1) >= (before?.spec.replicas ?? 1)) return false;
  const sets = state.ownedBy<ReplicaSet>(deployment.metadata.uid!, 'ReplicaSet');
  return sets.filter(({ spec }) => (spec.replicas ?? 1) > 0).length > 1;
}

interface Known {
  watched: ReadonlyMap<string, Watched>;
  context: CheckContext;
}

function boundsOf({ spec }: Deployment): Bounds {
  const replicas = spec.replicas ?? 1;
  const { type, rollingUpdate } = spec.strategy ?? {};
  if (type === 'Recreate') return { most: replicas, least: 0 };
  const count = (value: number | string | undefined, round: (value: number) => number): number =>
    typeof value === 'string' ? round((replicas * parseFloat(value)) / 100) : (value ?? 0);
  const surge = count(rollingUpdate?.maxSurge, Math.ceil);
  const unavailable = count(rollingUpdate?.maxUnavailable, Math.floor);
  // Both zero is no strategy: upstream takes one away.
  return { most: replicas + surge, least: replicas - (surge + unavailable === 0 ? 1 : unavailable) };
}

function recentBounds({ bounds }: Watched, nowMs: number): Bounds {
  const all = bounds.within(nowMs).map((text) => JSON.parse(text) as Bounds);
  return { most: Math.max(...all.map(({ most }) => most)), least: Math.min(...all.map(({ least }) => least)) };
}

function checkSurge(set: ReplicaSet, before: ReplicaSet | undefined, { watched, context }: Known): void {
  const { cluster, violated } = context;
  if ((set.spec.replicas ?? 1) <= (before?.spec.replicas ?? 0)) return;
  const owner = controllerUid(set) ?? '';
  const known = watched.get(owner);
  if (known === undefined) return;
  // One that the new leader cannot know of may arrive when it has made another.
  const sets = cluster.state.ownedBy<ReplicaSet>(owner, 'ReplicaSet').filter((one) => !cluster.isUnknown(one));
  const total = sets.reduce((sum, { spec }) => sum + (spec.replicas ?? 1), 0);
  const { most } = recentBounds(known, cluster.time.elapsedMs);
  if (total > most)
    violated(`the sets of ${set.metadata.name} are asked for ${total} pods; at most ${most} are allowed`);
}

function checkAvailable(pod: Pod | undefined, before: Pod, { watched, context }: Known): void {
  const loss = lossOf(pod, before);
  const { cluster, violated } = context;
  const owner = deploymentUid(before, cluster.state);
  const known = watched.get(owner);
  if (loss === undefined || known === undefined) return;
  const nowMs = cluster.time.elapsedMs;
  const { namespace, name } = before.metadata;
  const deleter = cluster.deleterOf(`/api/v1/namespaces/${namespace}/pods/${name}`);
  if (loss !== 'deleted' || deleter !== 'replicaset-controller') {
    known.lossMs = nowMs;
    return;
  }
  if (nowMs - Math.max(known.lossMs, known.shrunkMs) < LAG_MS) return;
  const sets = cluster.state.ownedBy<ReplicaSet>(owner, 'ReplicaSet');
  const all = sets.flatMap(({ metadata }) => cluster.state.ownedBy<Pod>(metadata.uid!, 'Pod'));
  const available = all.filter((one) => isActive(one) && isReady(one)).length;
  const { least } = recentBounds(known, nowMs);
  if (available < least) violated(`${name} was taken away: ${available} are left; at least ${least} must be available`);
}

/** How an available pod ceased to be one of its set's; undefined: it did not. */
function lossOf(pod: Pod | undefined, before: Pod): 'deleted' | 'not ready' | 'released' | undefined {
  if (!isActive(before) || !isReady(before)) return undefined;
  if (pod === undefined || !isActive(pod)) return 'deleted';
  if (!isReady(pod)) return 'not ready';
  return controllerUid(pod) === controllerUid(before) ? undefined : 'released';
}

function deploymentUid(pod: Pod, state: ClusterState): string {
  const set = state.byUid<ReplicaSet>(controllerUid(pod) ?? '');
  return (set && controllerUid(set)) ?? '';
}
