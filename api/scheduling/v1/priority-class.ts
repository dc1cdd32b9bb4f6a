/** PriorityClass: a name for the priority of pods (upstream: `pkg/apis/scheduling`, `pkg/registry/scheduling/priorityclass`). */
import type { V1PriorityClass } from '@kubernetes/client-node';
import { validateRequiredEnum } from '../../core/v1/pod/enums.ts';
import { fieldPath, forbidden } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { validateImmutable } from '../../machinery/validation.ts';
import { ageColumn } from '../../table-cells.ts';

export type PriorityClass = WireObject<V1PriorityClass>;

export const HIGHEST_USER_PRIORITY = 1_000_000_000;
const SYSTEM_PREFIX = 'system-';

/** The classes that every cluster has (`scheduling/v1 SystemPriorityClasses`): name, value, description. */
export const SYSTEM_PRIORITY_CLASSES = [
  {
    name: 'system-node-critical',
    value: 2 * HIGHEST_USER_PRIORITY + 1000,
    description: 'Used for system critical pods that must not be moved from their current node.',
  },
  {
    name: 'system-cluster-critical',
    value: 2 * HIGHEST_USER_PRIORITY,
    description:
      'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  },
] as const;

export const priorityClasses = defineResource<PriorityClass>({
  group: 'scheduling.k8s.io',
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'priorityclasses', singular: 'priorityclass', kind: 'PriorityClass', shortNames: ['pc'] },
  schema: 'V1PriorityClass',
  additionalPrinterColumns: [
    { name: 'Value', type: 'integer', description: 'The priority of its pods', cell: ({ value }) => value ?? 0 },
    {
      name: 'Global-Default',
      type: 'boolean',
      description: 'Whether pods without a class get it',
      cell: ({ globalDefault }) => globalDefault === true,
    },
    ageColumn(),
    {
      name: 'PreemptionPolicy',
      type: 'string',
      description: 'Whether its pods make others go',
      cell: ({ preemptionPolicy }) => preemptionPolicy ?? '',
    },
  ],
  strategy: {
    default(priorityClass) {
      priorityClass.preemptionPolicy ??= 'PreemptLowerPriority';
      // Go writes the number even when it is 0.
      priorityClass.value ??= 0;
    },
    validate: validatePriorityClass,
    validateUpdate: validatePriorityClassUpdate,
    // It is 1 for ever: nothing that counts may change.
    hasGeneration: true,
  },
});

function validatePriorityClass({ metadata, value = 0, globalDefault, preemptionPolicy }: PriorityClass): FieldError[] {
  const errors: FieldError[] = [];
  const { name = '' } = metadata;
  if (name.startsWith(SYSTEM_PREFIX)) {
    const problem = systemClassProblem(name, value, globalDefault === true);
    const detail = `priority class names with '${SYSTEM_PREFIX}' prefix are reserved for system use only. error: ${problem}`;
    if (problem !== '') errors.push(forbidden(fieldPath('metadata', 'name'), detail));
  } else if (value > HIGHEST_USER_PRIORITY) {
    const detail = `maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`;
    errors.push(forbidden(fieldPath('value'), detail));
  }
  return [...errors, ...validateRequiredEnum('preemptionPolicy', preemptionPolicy, fieldPath('preemptionPolicy'))];
}

/** `IsKnownSystemPriorityClass` */
function systemClassProblem(name: string, value: number, globalDefault: boolean): string {
  const known = SYSTEM_PRIORITY_CLASSES.find((one) => one.name === name);
  if (known === undefined) return `${name} is not a known system priority class`;
  if (known.value !== value) return `value of ${name} PriorityClass must be ${known.value}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : '';
}

function validatePriorityClassUpdate(next: PriorityClass, previous: PriorityClass): FieldError[] {
  const errors: FieldError[] = [];
  if ((next.value ?? 0) !== (previous.value ?? 0))
    errors.push(forbidden(fieldPath('value'), 'may not be changed in an update.'));
  const path = fieldPath('preemptionPolicy');
  return [...errors, ...validateImmutable(next.preemptionPolicy, previous.preemptionPolicy, path)];
}
