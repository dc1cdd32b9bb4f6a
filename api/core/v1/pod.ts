/**
 * Pod: containers that share a sandbox on one node (upstream: `pkg/registry/core/pod/strategy.go`). Binding, eviction,
 * logs and exec are served by the registry; `ephemeralcontainers` and `resize` with the rules in
 * `pod/subresource-updates.ts`.
 */
import { defineResource } from '../../machinery/resource.ts';
import type { DeleteOptions } from '../../machinery/resource.ts';
import { preparePodForCreate } from './pod/creation.ts';
import { defaultPod } from './pod/defaults.ts';
import { podPrinterColumns } from './pod/printer-columns.ts';
import { prepareForStatusUpdate, validatePodStatusUpdate } from './pod/status.ts';
import type { Pod } from './pod/types.ts';
import { validatePodUpdate } from './pod/update.ts';
import { validatePodCreate } from './pod/validation.ts';
import { warningsForPod } from './pod/warnings.ts';

export type {
  AnyContainer,
  Container,
  ContainerStatus,
  EphemeralContainer,
  Pod,
  PodSpec,
  PodStatus,
  PodTemplateSpec,
  Probe,
  ResourceList,
  Toleration,
  Volume,
} from './pod/types.ts';

export const pods = defineResource<Pod>({
  group: '',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'pods', singular: 'pod', kind: 'Pod', shortNames: ['po'], categories: ['all'] },
  schema: 'V1Pod',
  storagePrefix: 'pods',
  subresources: { status: {} },
  additionalPrinterColumns: podPrinterColumns,
  selectableFields: {
    'spec.nodeName': ({ spec }) => spec?.nodeName ?? '',
    'spec.restartPolicy': ({ spec }) => spec?.restartPolicy ?? '',
    'spec.schedulerName': ({ spec }) => spec?.schedulerName ?? '',
    'spec.serviceAccountName': ({ spec }) => spec?.serviceAccountName ?? '',
    'spec.hostNetwork': ({ spec }) => String(spec?.hostNetwork === true),
    'status.phase': ({ status }) => status?.phase ?? '',
    'status.podIP': ({ status }) => status?.podIPs?.[0]?.ip ?? status?.podIP ?? '',
    'status.nominatedNodeName': ({ status }) => status?.nominatedNodeName ?? '',
  },
  strategy: {
    default: defaultPod,
    prepareForCreate: (pod, { nowMs }) => preparePodForCreate(pod, nowMs),
    prepareForUpdate(next, previous) {
      if (previous.status === undefined) delete next.status;
      else next.status = previous.status;
    },
    validate: validatePodCreate,
    validateUpdate: validatePodUpdate,
    warnings: (pod, previous) => (previous === undefined ? warningsForPod(pod) : []),
    status: {
      keptMetadata: ['ownerReferences'],
      prepareForUpdate: prepareForStatusUpdate,
      validateUpdate: validatePodStatusUpdate,
    },
    gracefulDeletion: podGracePeriodSeconds,
  },
});

/**
 * `podStrategy.CheckGracefulDelete`: what was asked for, else what the pod wants; 0 for a pod that no node runs (not
 * bound, or ended); 1 for a negative period.
 */
export function podGracePeriodSeconds({ spec, status }: Pod, options: DeleteOptions): number {
  const runs = !!spec?.nodeName && status?.phase !== 'Failed' && status?.phase !== 'Succeeded';
  if (!runs) return 0;
  const seconds = options.gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 0;
  return seconds < 0 ? 1 : seconds;
}
