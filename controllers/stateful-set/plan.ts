/**
 * What a StatefulSet does next: which pods to create, delete and correct, in which order, and what has to wait
 * (upstream `pkg/controller/statefulset/stateful_set_control.go`, `updateStatefulSet`). Pure.
 */
import type { StatefulSet } from '../../api/apps/v1/stateful-set.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { roomForPods } from '../backlog.ts';
import { resolveIntOrPercent } from '../deployment/bounds.ts';
import { isPodAvailable, isPodReady, isPodTerminal } from '../pods.ts';
import {
  endOrdinal,
  hasIdentity,
  hasStorage,
  isInRange,
  ordinalOf,
  podRevision,
  replicasOf,
  startOrdinal,
} from './identity.ts';

export type Step =
  | { type: 'create'; ordinal: number; revision: 'current' | 'update' }
  | { type: 'delete'; pod: Pod }
  /** The pod waits for claims that are not there, or not owned as the retention policy says. */
  | { type: 'complete-claims'; pod: Pod }
  /** Name, labels, volumes or the owners of its claims are not as they ought to be. */
  | { type: 'correct'; pod: Pod };

/** Stages are done in this order, each only when the one before it succeeded. */
export interface Plan {
  /** Pods that the set wants. */
  replicas: Step[];
  /** Claims of pods that go. */
  claims: Step[];
  /** Pods that go because the set has become smaller. */
  condemned: Step[];
  /** Pods that go because they are of an earlier revision. */
  update: Step[];
}

/** What is known of the claims. */
export interface ClaimView {
  /** The ordinal's claims are of a pod that is gone and will go after it: no new pod may take them. */
  isStale(ordinal: number): boolean;
  areComplete(pod: Pod): boolean;
  /** Those that there are belong to whom the retention policy says. */
  areOwnedRightly(pod: Pod): boolean;
}

export interface PlanInput {
  /** Names of ControllerRevisions. */
  updateRevision: string;
  claims: ClaimView;
  nowMs: number;
}

export const NOTHING: Plan = { replicas: [], claims: [], condemned: [], update: [] };

export function planStatefulSet(set: StatefulSet, pods: readonly Pod[], input: PlanInput): Plan {
  if (set.metadata.deletionTimestamp !== undefined) return NOTHING;
  const view = new SetView(set, pods, input);
  return set.spec.podManagementPolicy === 'Parallel' ? planParallel(view) : planOrdered(view);
}

/** Each pod waits until those before it are available; the set shrinks from its end, and only when all are well. */
function planOrdered(view: SetView): Plan {
  const { steps, isBlocked } = orderedReplicas(view);
  if (isBlocked) return { ...NOTHING, replicas: steps };
  const claims = view.condemned.filter((pod) => !view.claims.areOwnedRightly(pod));
  return {
    replicas: steps,
    claims: claims.map((pod) => ({ type: 'complete-claims', pod })),
    condemned: orderedCondemned(view),
    update: view.condemned.length > 0 ? [] : planUpdate(view),
  };
}

function orderedReplicas(view: SetView): { steps: Step[]; isBlocked: boolean } {
  const steps: Step[] = [];
  for (let ordinal = view.start; ordinal < view.end; ordinal++) {
    const pod = view.podAt(ordinal);
    steps.push(...replicaSteps(view, ordinal));
    if (pod === undefined || isPodTerminal(pod) || view.isUnavailable(pod)) return { steps, isBlocked: true };
  }
  return { steps, isBlocked: false };
}

/**
 * The last pod goes, when it is well or there is none before it that is not. Those that have ended are not waited for,
 * as upstream does: they recover no more.
 */
function orderedCondemned({ condemned, isUnavailable }: SetView): Step[] {
  const [last] = condemned;
  if (last === undefined || isTerminating(last)) return [];
  const mayRecover = (pod: Pod): boolean => isUnavailable(pod) && !isPodTerminal(pod);
  const mustWait = mayRecover(last) && condemned.findLast(mayRecover) !== last;
  return mustWait ? [] : [{ type: 'delete', pod: last }];
}

function planParallel(view: SetView): Plan {
  const creates: Step[] = [];
  const room = roomForPods(view.replicas);
  for (let ordinal = view.start; ordinal < view.end && creates.length < room; ordinal++) {
    if (view.podAt(ordinal) === undefined) creates.push(...replicaSteps(view, ordinal));
  }
  const condemned = view.condemned.filter((pod) => !isTerminating(pod));
  return {
    replicas: [...view.replicas.flatMap((pod) => replicaSteps(view, ordinalOf(pod))), ...creates],
    claims: view.condemned
      .filter((pod) => !view.claims.areOwnedRightly(pod))
      .map((pod) => ({ type: 'complete-claims', pod })),
    condemned: condemned.map((pod) => ({ type: 'delete', pod })),
    update: planUpdate(view),
  };
}

/** What one ordinal needs, apart from its revision (`processReplica`). */
function replicaSteps(view: SetView, ordinal: number): Step[] {
  const pod = view.podAt(ordinal);
  if (pod === undefined) {
    return view.claims.isStale(ordinal) ? [] : [{ type: 'create', ordinal, revision: view.revisionFor(ordinal) }];
  }
  // Whatever it ended with: a pod that was evicted may have succeeded too.
  if (isPodTerminal(pod)) return isTerminating(pod) ? [] : [{ type: 'delete', pod }];
  const { set, claims } = view;
  const steps: Step[] = [];
  if (pod.status?.phase === 'Pending' && !claims.areComplete(pod)) steps.push({ type: 'complete-claims', pod });
  if (view.isOrdered && view.isUnavailable(pod)) return steps;
  const isRight = hasIdentity(set, pod) && hasStorage(set, pod) && claims.areOwnedRightly(pod);
  return isRight ? steps : [...steps, { type: 'correct', pod }];
}

function planUpdate(view: SetView): Step[] {
  const { updateStrategy } = view.set.spec;
  if (updateStrategy?.type === 'OnDelete') return [];
  const maxUnavailable = updateStrategy?.rollingUpdate?.maxUnavailable as number | string | undefined;
  return maxUnavailable === undefined ? updateOne(view) : updateSeveral(view, maxUnavailable);
}

/** From the end: the first pod of another revision goes, unless one after it is not available yet. */
function updateOne(view: SetView): Step[] {
  for (let ordinal = view.end - 1; ordinal >= view.start + view.partition; ordinal--) {
    const pod = view.podAt(ordinal);
    if (pod === undefined) return [];
    if (view.isOutdated(pod) && !isTerminating(pod)) return [{ type: 'delete', pod }];
    if (view.isUnavailable(pod)) return [];
  }
  return [];
}

/**
 * Outdated pods that serve nobody go at once, and from the end as many others as may be unavailable beside those that
 * are. (`updateStatefulSetAfterInvariantEstablished`, with its amendment of v1.37 that broken old pods stop nothing.)
 */
function updateSeveral(view: SetView, maxUnavailable: number | string): Step[] {
  const allowed = Math.max(1, resolveIntOrPercent(maxUnavailable, replicasOf(view.set), 'down'));
  const unavailable = replicasOf(view.set) - view.replicas.filter((pod) => !view.isUnavailable(pod)).length;
  const outdated = view.replicas
    .filter((pod) => ordinalOf(pod) >= view.start + view.partition && view.isOutdated(pod) && !isTerminating(pod))
    .reverse();
  const broken = outdated.filter(view.isUnavailable);
  const serving = outdated.filter((pod) => !view.isUnavailable(pod)).slice(0, Math.max(0, allowed - unavailable));
  return [...broken, ...serving].map((pod) => ({ type: 'delete', pod }));
}

function isTerminating({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** The set and its pods, by ordinal. Its size is that of the pods, never that of `replicas`, which a client chooses. */
class SetView {
  readonly set: StatefulSet;
  readonly claims: ClaimView;
  readonly start: number;
  readonly end: number;
  readonly partition: number;
  readonly isOrdered: boolean;
  /** By rising ordinal. */
  readonly replicas: readonly Pod[];
  /** By falling ordinal. */
  readonly condemned: readonly Pod[];
  readonly #byOrdinal: ReadonlyMap<number, Pod>;
  readonly #input: PlanInput;

  constructor(set: StatefulSet, pods: readonly Pod[], input: PlanInput) {
    this.set = set;
    this.claims = input.claims;
    this.#input = input;
    this.start = startOrdinal(set);
    this.end = endOrdinal(set);
    this.partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
    this.isOrdered = set.spec.podManagementPolicy !== 'Parallel';
    const known = pods.filter((pod) => ordinalOf(pod) >= 0).sort((a, b) => ordinalOf(a) - ordinalOf(b));
    this.replicas = known.filter((pod) => isInRange(set, ordinalOf(pod)));
    this.condemned = known.filter((pod) => !isInRange(set, ordinalOf(pod))).reverse();
    this.#byOrdinal = new Map(this.replicas.map((pod) => [ordinalOf(pod), pod]));
  }

  podAt(ordinal: number): Pod | undefined {
    return this.#byOrdinal.get(ordinal);
  }

  readonly isUnavailable = (pod: Pod): boolean => {
    const { minReadySeconds = 0 } = this.set.spec;
    const isRunning = pod.status?.phase === 'Running' && isPodReady(pod);
    return isTerminating(pod) || !isRunning || !isPodAvailable(pod, minReadySeconds, this.#input.nowMs);
  };

  isOutdated(pod: Pod): boolean {
    return podRevision(pod) !== this.#input.updateRevision;
  }

  /** Below the partition, and while no partition is given for as many as are still current (`newVersionedStatefulSetPod`). */
  revisionFor(ordinal: number): 'current' | 'update' {
    const { updateStrategy } = this.set.spec;
    const isRolling = updateStrategy?.type === 'RollingUpdate';
    const current = isRolling && updateStrategy.rollingUpdate === undefined ? this.set.status?.currentReplicas : 0;
    return ordinal < this.start + Math.max(this.partition, current ?? 0) ? 'current' : 'update';
  }
}
