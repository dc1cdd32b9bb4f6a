/** The Rollout kind as it travels (`crds/rollouts.yaml`): what its defaults guarantee is not optional here. */
import type { Job } from '../../api/batch/v1/job.ts';
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import type { PodTemplateSpec } from '../../api/core/v1/pod.ts';
import type { ApiObject, LabelSelector, ObjectMeta } from '../../api/machinery/meta.ts';
import type { ResourceRef } from '../../client/client.ts';

export const rollouts: ResourceRef = Object.freeze({
  group: 'rollouts.nocher.io',
  version: 'v1alpha1',
  scope: 'Namespaced' as const,
  names: { plural: 'rollouts', kind: 'Rollout' },
});

export const ROLLOUTS_DEFINITION = 'rollouts.rollouts.nocher.io';

/** On ReplicaSets and pods, and in the selectors of Services: the version. */
export const HASH_LABEL = 'rollouts-pod-template-hash';

/** On ReplicaSets: counts the templates, so that `undo` can name one. */
export const REVISION = 'rollouts.nocher.io/revision';
/** On ReplicaSets: when one that no longer serves goes to 0. */
export const SCALE_DOWN_AT = 'rollouts.nocher.io/scale-down-at';
/** On Services: the Rollout whose versions they are switched between. */
export const MANAGED_BY = 'rollouts.nocher.io/managed-by';
/** `<revision>`: no pause of it waits; `<revision>/<step>`: that one does not; `<revision>/full`: nothing is waited for. */
export const PROMOTE = 'rollouts.nocher.io/promote';
/** `<revision>`: it is not rolled out, and the stable version serves again. */
export const ABORT = 'rollouts.nocher.io/abort';
/** The `status.failure.time` of what is to be tried once more. */
export const RETRY = 'rollouts.nocher.io/retry';

interface CheckCommon {
  name: string;
  initialDelaySeconds: number;
  intervalSeconds: number;
  count: number;
  failureLimit: number;
  timeoutSeconds: number;
}

export interface ProbeCheck {
  target: 'Pods' | 'Service';
  httpGet?: { path: string; port: number | string; scheme: 'HTTP' | 'HTTPS' };
  tcpSocket?: { port: number | string };
}

export interface HttpCheck {
  url: string;
  expectedStatus?: number;
  bodyPattern?: string;
}

export interface JobCheck {
  template: { metadata?: Pick<ObjectMeta, 'labels' | 'annotations'>; spec: NonNullable<Job['spec']> };
}

export type Check = CheckCommon & { probe?: ProbeCheck; http?: HttpCheck; job?: JobCheck };

export interface BlueGreenStrategy {
  activeService: string;
  previewService?: string;
  previewReplicaCount?: number;
  autoPromotionEnabled: boolean;
  autoPromotionSeconds?: number;
  scaleDownDelaySeconds: number;
  abortScaleDownDelaySeconds: number;
  prePromotionChecks?: Check[];
  postPromotionChecks?: Check[];
}

export interface CanaryStep {
  setWeight?: number;
  pause?: { seconds?: number };
  check?: Check;
}

export interface CanaryStrategy {
  stableService?: string;
  canaryService?: string;
  maxSurge: number | string;
  maxUnavailable: number | string;
  steps?: CanaryStep[];
}

export interface RolloutSpec {
  replicas: number;
  selector: LabelSelector;
  template: PodTemplateSpec;
  minReadySeconds: number;
  revisionHistoryLimit: number;
  progressDeadlineSeconds: number;
  paused?: boolean;
  rollbackOnFailure: boolean;
  strategy: { blueGreen?: BlueGreenStrategy; canary?: CanaryStrategy };
}

export interface RolloutCondition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason?: string;
  message?: string;
  lastUpdateTime?: string;
  lastTransitionTime?: string;
}

export type CheckPhase = 'Running' | 'Successful' | 'Failed';

export interface CheckStatus {
  name: string;
  /** `prePromotion`, `postPromotion` or `step-<index>`. */
  when: string;
  phase: CheckPhase;
  successes: number;
  failures: number;
  startTime: string;
  lastTime?: string;
  message?: string;
}

export interface RolloutFailure {
  reason: string;
  message: string;
  time: string;
}

export type Phase = 'Progressing' | 'Paused' | 'Healthy' | 'Degraded';

export interface RolloutStatus {
  observedGeneration?: number;
  phase?: Phase;
  stage?: string;
  message?: string;
  selector?: string;
  revision?: number;
  currentPodHash?: string;
  stableRS?: string;
  collisionCount?: number;
  replicas?: number;
  updatedReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  currentStepIndex?: number;
  currentStepHash?: string;
  promoteFull?: boolean;
  abort?: boolean;
  failure?: RolloutFailure;
  pauseConditions?: { reason: string; startTime: string }[];
  blueGreen?: {
    activeSelector?: string;
    previewSelector?: string;
    scaleUpPreviewCheckPoint?: boolean;
    switchTime?: string;
    /** The version that was stable before. */
    formerRS?: string;
  };
  canary?: { weights: { canary: number; stable: number } };
  checks?: CheckStatus[];
  conditions?: RolloutCondition[];
}

export interface Rollout extends ApiObject {
  spec: RolloutSpec;
  status?: RolloutStatus;
}

export function hashOf(set: ReplicaSet): string {
  return set.metadata.labels?.[HASH_LABEL] ?? '';
}

/** Those that it counts itself, of those that it should have. */
export function availableOf({ spec, status }: ReplicaSet): number {
  return Math.min(status?.availableReplicas ?? 0, spec.replicas ?? 1);
}

export function revisionOf(set: ReplicaSet): number {
  const revision = Number(set.metadata.annotations?.[REVISION] ?? 0);
  return Number.isSafeInteger(revision) && revision > 0 ? revision : 0;
}
