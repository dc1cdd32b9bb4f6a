/** DaemonSet: one pod on every node that fits (upstream: `pkg/apis/apps/validation/validation.go`, `ValidateDaemonSet…`). */
import type { V1DaemonSet, V1DaemonSetSpec } from '@kubernetes/client-node';
import { defaultPodTemplate } from '../../core/v1/pod/defaults.ts';
import type { PodTemplateSpec } from '../../core/v1/pod/types.ts';
import { validatePodTemplateSpec } from '../../core/v1/pod/validation.ts';
import { fieldPath, invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { Wire, WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import {
  isNotMoreThan100Percent,
  isZeroIntOrPercent,
  validatePositiveIntOrPercent,
} from '../../machinery/validation-int-or-percent.ts';
import { validateImmutable, validateLabelSelector, validateNonNegative } from '../../machinery/validation.ts';
import { ageColumn, countColumn, labelsCell, workloadColumns } from '../../table-cells.ts';
import { validateCollisionCount } from './workload/status-validation.ts';
import { keepTemplateGeneration, startTemplateGeneration } from './workload/template-generation.ts';
import {
  isEmptySelector,
  validateReadOnlyDisks,
  validateRunsForEver,
  validateTemplateLabels,
} from './workload/template-validation.ts';
import { warningsForWorkload } from './workload/warnings.ts';

export type DaemonSetSpec = Omit<Wire<V1DaemonSetSpec>, 'template'> & { template: PodTemplateSpec };

/** A decoded DaemonSet: defaulting has seen to it that `spec` is there. */
export type DaemonSet = Omit<WireObject<V1DaemonSet>, 'spec'> & { spec: DaemonSetSpec };

type DaemonSetStatus = NonNullable<DaemonSet['status']>;

const SPEC = fieldPath('spec');
const STATUS = fieldPath('status');

const NO_STATUS: DaemonSetStatus = {
  currentNumberScheduled: 0,
  desiredNumberScheduled: 0,
  numberMisscheduled: 0,
  numberReady: 0,
};

export const daemonSets = defineResource<DaemonSet>({
  group: 'apps',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'daemonsets', singular: 'daemonset', kind: 'DaemonSet', shortNames: ['ds'], categories: ['all'] },
  schema: 'V1DaemonSet',
  subresources: { status: {} },
  additionalPrinterColumns: [
    countColumn('Desired', 'Nodes that should run the pod', ({ status }) => status?.desiredNumberScheduled),
    countColumn('Current', 'Nodes that have the pod', ({ status }) => status?.currentNumberScheduled),
    countColumn('Ready', 'Nodes whose pod is ready', ({ status }) => status?.numberReady),
    countColumn('Up-to-date', 'Pods made from the present template', ({ status }) => status?.updatedNumberScheduled),
    countColumn('Available', 'Available pods', ({ status }) => status?.numberAvailable),
    {
      name: 'Node Selector',
      type: 'string',
      description: 'Labels that a node must have',
      cell: ({ spec }) => labelsCell(spec?.template?.spec?.nodeSelector),
    },
    ageColumn(),
    ...workloadColumns<DaemonSet>(),
  ],
  strategy: {
    default: defaultDaemonSet,
    prepareForCreate(object) {
      object.status = { ...NO_STATUS };
      startTemplateGeneration(object);
    },
    prepareForUpdate(next, previous) {
      next.status = structuredClone(previous.status ?? NO_STATUS);
      keepTemplateGeneration(next, previous);
    },
    validate: ({ spec }) => validateDaemonSetSpec(spec),
    validateUpdate: (next, previous) => [
      ...validateDaemonSetSpec(next.spec),
      ...validateImmutable(next.spec.selector, previous.spec.selector, SPEC.child('selector')),
    ],
    warnings: warningsForWorkload,
    status: { validateUpdate: validateDaemonSetStatus },
  },
});

/** `SetDefaults_DaemonSet` of `pkg/apis/apps/v1/defaults.go`. */
function defaultDaemonSet(daemonSet: DaemonSet): void {
  const spec = (daemonSet.spec ??= {} as DaemonSetSpec);
  const strategy = (spec.updateStrategy ??= {});
  strategy.type ||= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    const rollingUpdate = (strategy.rollingUpdate ??= {});
    rollingUpdate.maxUnavailable ??= 1;
    rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
  spec.template ??= { metadata: {}, spec: { containers: [] } };
  defaultPodTemplate(spec.template);
}

/** Exported for the older versions, which let more of it change. */
export function validateDaemonSetSpec(spec: DaemonSetSpec): FieldError[] {
  const { selector, template } = spec;
  const templatePath = SPEC.child('template');
  const selectorPath = SPEC.child('selector');
  const errors = [...validateLabelSelector(selector, selectorPath), ...validateTemplateLabels(spec, SPEC)];
  if (selector && isEmptySelector(selector))
    errors.push(invalid(selectorPath, selector, 'empty selector is invalid for daemonset'));
  return [
    ...errors,
    ...validatePodTemplateSpec(template, templatePath),
    ...validateReadOnlyDisks(template, templatePath),
    ...validateRunsForEver(template, { path: templatePath, kind: 'DaemonSet' }),
    ...validateNonNegative(spec.minReadySeconds, SPEC.child('minReadySeconds')),
    ...validateUpdateStrategy(spec.updateStrategy ?? {}),
    ...validateNonNegative(spec.revisionHistoryLimit, SPEC.child('revisionHistoryLimit')),
  ];
}

type UpdateStrategy = NonNullable<DaemonSetSpec['updateStrategy']>;

function validateUpdateStrategy({ type = '', rollingUpdate }: UpdateStrategy): FieldError[] {
  const path = SPEC.child('updateStrategy');
  if (type === 'OnDelete') return [];
  if (type !== 'RollingUpdate') return [notSupported(path, type, ['RollingUpdate', 'OnDelete'])];
  return rollingUpdate ? validateRollingUpdate(rollingUpdate) : [required(path.child('rollingUpdate'))];
}

/** Exactly one of `maxSurge` and `maxUnavailable` is not zero. */
function validateRollingUpdate({
  maxUnavailable = 0,
  maxSurge = 0,
}: NonNullable<UpdateStrategy['rollingUpdate']>): FieldError[] {
  const path = SPEC.child('updateStrategy', 'rollingUpdate');
  const unavailablePath = path.child('maxUnavailable');
  const surgePath = path.child('maxSurge');
  const errors = [
    ...validatePositiveIntOrPercent(maxUnavailable, unavailablePath),
    ...validatePositiveIntOrPercent(maxSurge, surgePath),
    ...isNotMoreThan100Percent(maxUnavailable, unavailablePath),
    ...isNotMoreThan100Percent(maxSurge, surgePath),
  ];
  const [noUnavailable, noSurge] = [isZeroIntOrPercent(maxUnavailable), isZeroIntOrPercent(maxSurge)];
  if (!noUnavailable && !noSurge)
    errors.push(invalid(surgePath, maxSurge, 'may not be set when maxUnavailable is non-zero'));
  if (noUnavailable && noSurge) errors.push(required(unavailablePath, 'cannot be 0 when maxSurge is 0'));
  return errors;
}

const COUNTS = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'observedGeneration',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
] as const satisfies readonly (keyof DaemonSetStatus)[];

function validateDaemonSetStatus({ status }: DaemonSet, previous: DaemonSet): FieldError[] {
  return [
    ...COUNTS.flatMap((name) => validateNonNegative(status?.[name], STATUS.child(name))),
    ...validateCollisionCount(status?.collisionCount, previous.status?.collisionCount, STATUS),
  ];
}
