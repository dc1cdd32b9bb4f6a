/** A canary never grows beyond the share of the step that its Rollout is at. */
import type { ReplicaSet } from '../../../api/apps/v1/replica-set.ts';
import { canaryCounts } from '../../../controllers/rollout/canary-sizes.ts';
import type { Rollout } from '../../../controllers/rollout/types.ts';
import { hashOf } from '../../../controllers/rollout/types.ts';
import { controllerUid } from '../state.ts';
import type { Check, CheckContext, Invariant } from './invariant.ts';
import { Recent } from './recent.ts';

interface Watched {
  replicas: Recent<number>;
  /** By version, the shares that it was to have. */
  weights: Map<string, Recent<number>>;
}

export const canaries: Invariant = (context) => {
  /** By uid. */
  const watched = new Map<string, Watched>();
  return {
    onChange({ kind, object, previous }) {
      if (object === undefined) return;
      if (kind === 'rollouts') note(object as Rollout, watched, context);
      if (kind !== 'replicasets') return;
      const set = object as ReplicaSet;
      const known = watched.get(controllerUid(set) ?? '');
      const isGrowing = (set.spec.replicas ?? 1) > ((previous as ReplicaSet | undefined)?.spec.replicas ?? 0);
      if (known !== undefined && isGrowing) checkShare(set, known, context);
    },
  } satisfies Check;
};

function note({ metadata, spec, status }: Rollout, watched: Map<string, Watched>, { cluster }: CheckContext): void {
  if (spec.strategy.canary === undefined) return;
  const nowMs = cluster.time.elapsedMs;
  const known = watched.get(metadata.uid!) ?? { replicas: new Recent<number>(), weights: new Map() };
  watched.set(metadata.uid!, known);
  known.replicas.set(spec.replicas, nowMs);
  const version = status?.currentPodHash;
  if (version === undefined) return;
  const recent = known.weights.get(version) ?? new Recent<number>();
  known.weights.set(version, recent);
  const isStable = status?.stableRS === undefined || status.stableRS === version;
  recent.set(isStable ? 100 : weightAt(spec.strategy.canary.steps ?? [], status?.currentStepIndex ?? 0), nowMs);
}

/** Behind the last step it is whole. */
function weightAt(steps: readonly { setWeight?: number }[], index: number): number {
  if (index >= steps.length) return 100;
  const weights = steps.slice(0, index + 1).map(({ setWeight }) => setWeight);
  return weights.filter((weight) => weight !== undefined).at(-1) ?? 0;
}

function checkShare(set: ReplicaSet, { replicas, weights }: Watched, { cluster, violated }: CheckContext): void {
  const rollout = cluster.state.byUid<Rollout>(controllerUid(set) ?? '');
  const version = hashOf(set);
  // The first version is no canary, and neither is the one that is gone back to.
  if (rollout?.status?.stableRS === undefined || rollout.status.stableRS === version) return;
  const nowMs = cluster.time.elapsedMs;
  const first = weightAt(rollout.spec.strategy.canary?.steps ?? [], 0);
  const weight = Math.max(first, ...(weights.get(version)?.within(nowMs) ?? []));
  const shares = replicas.within(nowMs).map((count) => canaryCounts(count, { weight, canSurge: true }).canary);
  const now = set.spec.replicas ?? 1;
  if (now > Math.max(...shares))
    violated(`canary ${set.metadata.name} has ${now} pods at a weight of ${weight}: at most ${Math.max(...shares)}`);
}
