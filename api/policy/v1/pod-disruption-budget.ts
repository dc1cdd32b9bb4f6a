/**
 * PodDisruptionBudget: how many of a set of pods may be missing at once for a reason that can wait (upstream:
 * `pkg/apis/policy/validation/validation.go`, `ValidatePodDisruptionBudgetSpec`).
 */
import type { V1PodDisruptionBudget, V1PodDisruptionBudgetSpec } from '@kubernetes/client-node';
import { fieldPath, invalid, notSupported } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { Wire, WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import type { PrinterColumn } from '../../machinery/resource.ts';
import { isNotMoreThan100Percent, validatePositiveIntOrPercent } from '../../machinery/validation-int-or-percent.ts';
import { validateConditions, validateLabelSelector, validateNonNegative } from '../../machinery/validation.ts';
import { ageColumn, countColumn } from '../../table-cells.ts';

export type PodDisruptionBudgetSpec = Wire<V1PodDisruptionBudgetSpec>;

/** A decoded PodDisruptionBudget: defaulting has seen to it that `spec` is there. */
export type PodDisruptionBudget = Omit<WireObject<V1PodDisruptionBudget>, 'spec'> & { spec: PodDisruptionBudgetSpec };

export type PodDisruptionBudgetStatus = NonNullable<PodDisruptionBudget['status']>;

const SPEC = fieldPath('spec');
const STATUS = fieldPath('status');

export const NO_STATUS: PodDisruptionBudgetStatus = {
  currentHealthy: 0,
  desiredHealthy: 0,
  disruptionsAllowed: 0,
  expectedPods: 0,
};

const EVICTION_POLICIES = ['AlwaysAllow', 'IfHealthyBudget'];

/** Kept apart for the older version, whose objects have the same form. */
export const budgetColumns: readonly PrinterColumn<PodDisruptionBudget>[] = [
  {
    name: 'Min Available',
    type: 'string',
    description: 'Pods that must be there',
    cell: ({ spec }) => spec?.minAvailable ?? 'N/A',
  },
  {
    name: 'Max Unavailable',
    type: 'string',
    description: 'Pods that may be missing',
    cell: ({ spec }) => spec?.maxUnavailable ?? 'N/A',
  },
  countColumn('Allowed Disruptions', 'Evictions that are allowed now', ({ status }) => status?.disruptionsAllowed),
  ageColumn(),
];

export const podDisruptionBudgets = defineResource<PodDisruptionBudget>({
  group: 'policy',
  version: 'v1',
  scope: 'Namespaced',
  names: {
    plural: 'poddisruptionbudgets',
    singular: 'poddisruptionbudget',
    kind: 'PodDisruptionBudget',
    shortNames: ['pdb'],
  },
  schema: 'V1PodDisruptionBudget',
  subresources: { status: {} },
  additionalPrinterColumns: budgetColumns,
  strategy: {
    default(object) {
      object.spec ??= {};
    },
    prepareForCreate(object) {
      object.status = { ...NO_STATUS };
    },
    prepareForUpdate(next, previous) {
      next.status = structuredClone(previous.status ?? NO_STATUS);
    },
    validate: ({ spec }) => validateBudgetSpec(spec),
    validateUpdate: ({ spec }) => validateBudgetSpec(spec),
    status: { validateUpdate: validateBudgetStatus },
    allowUnconditionalUpdate: false,
  },
});

export function validateBudgetSpec(spec: PodDisruptionBudgetSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined)
    errors.push(invalid(SPEC, spec, 'minAvailable and maxUnavailable cannot be both set'));
  for (const field of ['minAvailable', 'maxUnavailable'] as const) {
    const value = spec[field];
    if (value === undefined) continue;
    errors.push(...validatePositiveIntOrPercent(value, SPEC.child(field)));
    errors.push(...isNotMoreThan100Percent(value, SPEC.child(field)));
  }
  errors.push(...validateLabelSelector(spec.selector, SPEC.child('selector')));
  const policy = spec.unhealthyPodEvictionPolicy;
  if (policy === undefined || EVICTION_POLICIES.includes(policy)) return errors;
  return [...errors, notSupported(SPEC.child('unhealthyPodEvictionPolicy'), policy, EVICTION_POLICIES)];
}

function validateBudgetStatus({ status }: PodDisruptionBudget): FieldError[] {
  const counts = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const;
  return [
    ...validateConditions(status?.conditions, STATUS.child('conditions')),
    ...counts.flatMap((field) => validateNonNegative(status?.[field], STATUS.child(field))),
  ];
}
