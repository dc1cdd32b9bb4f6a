/**
 * Priority: resolves a pod's priority from its class, and lets one class only be the default
 * (upstream `plugin/pkg/admission/priority/admission.go`).
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Lister } from '../../api/machinery/handler.ts';
import type { PriorityClass } from '../../api/scheduling/v1/priority-class.ts';
import { SYSTEM_PRIORITY_CLASSES } from '../../api/scheduling/v1/priority-class.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './admission.ts';
import { isCreationOf, isKind, refuse } from './refusal.ts';

type PreemptionPolicy = 'PreemptLowerPriority' | 'Never';

interface Resolved {
  name: string;
  value: number;
  preemptionPolicy: string;
}

export function priorityAdmission(classes: Lister<PriorityClass>): AdmissionPlugin {
  return {
    name: 'Priority',
    mutate(attributes) {
      if (isCreationOf(attributes, 'pods')) setPriority(attributes, classes);
    },
    validate(attributes) {
      const { operation, resource, subresource, object } = attributes;
      if (operation === 'DELETE' || subresource !== '' || !isKind(resource, 'priorityclasses', 'scheduling.k8s.io'))
        return;
      const { globalDefault, metadata } = object as PriorityClass;
      const present = globalDefault === true ? globalDefaultOf(classes) : undefined;
      if (present === undefined || (operation === 'UPDATE' && present.metadata.name === metadata.name)) return;
      const name = present.metadata.name ?? '';
      refuse(attributes, `PriorityClass ${name} is already marked as default. Only one default can exist`);
    },
  };
}

function setPriority(attributes: AdmissionAttributes, classes: Lister<PriorityClass>): void {
  const { spec } = attributes.object as Pod;
  if (spec === undefined) return;
  const resolved = resolve(spec.priorityClassName ?? '', classes);
  if (resolved === undefined)
    return refuse(attributes, `no PriorityClass with name ${spec.priorityClassName} was found`);
  const { name, value, preemptionPolicy } = resolved;
  if (name !== '') spec.priorityClassName = name;
  if (spec.priority !== undefined && spec.priority !== value) {
    refuse(
      attributes,
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  }
  spec.priority = value;
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== preemptionPolicy) {
    refuse(
      attributes,
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${preemptionPolicy} from the given PriorityClass name`,
    );
  }
  spec.preemptionPolicy = preemptionPolicy as PreemptionPolicy;
}

/** Without a name: the default class or, where there is none, 0. The system's classes are there from the first moment. */
function resolve(name: string, classes: Lister<PriorityClass>): Resolved | undefined {
  const found = name === '' ? globalDefaultOf(classes) : classes.get('', name);
  if (found !== undefined) {
    const { metadata, value = 0, preemptionPolicy = 'PreemptLowerPriority' } = found;
    return { name: metadata.name ?? '', value, preemptionPolicy };
  }
  if (name === '') return { name: '', value: 0, preemptionPolicy: 'PreemptLowerPriority' };
  const system = SYSTEM_PRIORITY_CLASSES.find((one) => one.name === name);
  return system === undefined ? undefined : { ...system, preemptionPolicy: 'PreemptLowerPriority' };
}

/** When a race has made several, the one of the lowest value. */
function globalDefaultOf(classes: Lister<PriorityClass>): PriorityClass | undefined {
  return classes
    .list()
    .filter(({ globalDefault }) => globalDefault === true)
    .reduce<PriorityClass | undefined>(
      (lowest, one) => (lowest === undefined || (one.value ?? 0) < (lowest.value ?? 0) ? one : lowest),
      undefined,
    );
}
