/** Events about pods and their containers; reasons are upstream's (`pkg/kubelet/events/event.go`). */
import type { Pod } from '../../api/core/v1/pod/types.ts';
import type { EventRecorder } from '../../client/events.ts';
import { fieldPathOf } from './container-kinds.ts';
import type { PodContainer } from './container-kinds.ts';
import type { RefusalReason } from './node-fit.ts';

export type PodEventReason =
  | 'Created'
  | 'Started'
  | 'Failed'
  | 'Killing'
  | 'BackOff'
  | 'Pulling'
  | 'Pulled'
  | 'ErrImageNeverPull'
  | 'InspectFailed'
  | 'Unhealthy'
  | 'FailedMount'
  | 'FailedMapVolume'
  | 'FailedCreatePodSandBox'
  | 'SandboxChanged'
  | 'FailedKillPod'
  | 'FailedPostStartHook'
  | 'FailedPreStopHook'
  | 'DeadlineExceeded'
  | 'Evicted'
  | 'NetworkNotReady'
  | 'FailedToRetrieveImagePullSecret'
  | 'ResizeStarted'
  | 'ResizeCompleted'
  | 'ResizeDeferred'
  | 'ResizeInfeasible'
  | 'ResizeError'
  | 'FailedSync'
  | RefusalReason;

export interface PodEvents {
  normal(pod: Pod, reason: PodEventReason, message: string, container?: PodContainer): void;
  warning(pod: Pod, reason: PodEventReason, message: string, container?: PodContainer): void;
}

export function createPodEvents(recorder: EventRecorder): PodEvents {
  const record =
    (type: 'Normal' | 'Warning') => (pod: Pod, reason: string, message: string, container?: PodContainer) => {
      // What comes out of a list carries no kind.
      const object = { apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata };
      recorder.event(
        object,
        type,
        reason,
        message,
        container === undefined ? {} : { fieldPath: fieldPathOf(container) },
      );
    };
  return { normal: record('Normal'), warning: record('Warning') };
}
