/**
 * Priority: resolves a pod's priority. Until the PriorityClass kind is served, the two system classes are known and a
 * pod without a class gets 0 (upstream `plugin/pkg/admission/priority/admission.go`).
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import * as errors from '../../api/machinery/errors.ts';
import type { AdmissionPlugin } from './admission.ts';

const SYSTEM_CLASSES: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
};

export const priorityAdmission: AdmissionPlugin = {
  name: 'Priority',
  mutate({ operation, resource, subresource, object }) {
    if (operation !== 'CREATE' || resource.names.plural !== 'pods' || resource.group !== '' || subresource !== '')
      return;
    const { spec, metadata } = object as Pod;
    if (spec === undefined) return;
    const className = spec.priorityClassName ?? '';
    const priority = className === '' ? 0 : SYSTEM_CLASSES[className];
    const pods = { group: '', resource: 'pods' };
    if (priority === undefined)
      throw errors.forbiddenError(pods, metadata.name ?? '', `no PriorityClass with name ${className} was found`);
    if (spec.priority !== undefined && spec.priority !== priority) {
      throw errors.forbiddenError(
        pods,
        metadata.name ?? '',
        `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`,
      );
    }
    spec.priority = priority;
    spec.preemptionPolicy ??= 'PreemptLowerPriority';
  },
};
