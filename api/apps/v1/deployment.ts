/** Deployment: rolls out a pod template (upstream: `pkg/apis/apps/validation/validation.go`, `ValidateDeployment…`). */
import type { V1Deployment, V1DeploymentSpec } from '@kubernetes/client-node';
import { defaultPodTemplate } from '../../core/v1/pod/defaults.ts';
import type { PodTemplateSpec } from '../../core/v1/pod/types.ts';
import { fieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { Wire, WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import {
  isNotMoreThan100Percent,
  isZeroIntOrPercent,
  validatePositiveIntOrPercent,
} from '../../machinery/validation-int-or-percent.ts';
import { validateImmutable, validateNonNegative } from '../../machinery/validation.ts';
import { ageColumn, workloadColumns } from '../../table-cells.ts';
import { raiseGenerationForAnnotations } from './workload/generation.ts';
import { validateCollisionCount, validateReplicaCounts } from './workload/status-validation.ts';
import { validateSelectorAndTemplate } from './workload/template-validation.ts';
import { warningsForWorkload } from './workload/warnings.ts';

export type DeploymentSpec = Omit<Wire<V1DeploymentSpec>, 'template'> & { template: PodTemplateSpec };

/** A decoded Deployment: defaulting has seen to it that `spec` is there. */
export type Deployment = Omit<WireObject<V1Deployment>, 'spec'> & { spec: DeploymentSpec };

const SPEC = fieldPath('spec');
const STATUS = fieldPath('status');

export const deployments = defineResource<Deployment>({
  group: 'apps',
  version: 'v1',
  scope: 'Namespaced',
  names: {
    plural: 'deployments',
    singular: 'deployment',
    kind: 'Deployment',
    shortNames: ['deploy'],
    categories: ['all'],
  },
  schema: 'V1Deployment',
  subresources: {
    status: {},
    // The selector is an object here; it is a string only in custom resources.
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.spec.selector',
    },
  },
  additionalPrinterColumns: [
    {
      name: 'Ready',
      type: 'string',
      description: 'Ready pods of wanted ones',
      cell: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
    },
    {
      name: 'Up-to-date',
      type: 'integer',
      description: 'Pods made from the present template',
      cell: ({ status }) => status?.updatedReplicas ?? 0,
    },
    {
      name: 'Available',
      type: 'integer',
      description: 'Available pods',
      cell: ({ status }) => status?.availableReplicas ?? 0,
    },
    ageColumn(),
    ...workloadColumns<Deployment>(),
  ],
  strategy: {
    default: defaultDeployment,
    prepareForCreate(object) {
      object.status = {};
    },
    prepareForUpdate(next, previous) {
      next.status = structuredClone(previous.status ?? {});
      raiseGenerationForAnnotations(next, previous);
    },
    validate: ({ spec }) => validateDeploymentSpec(spec),
    validateUpdate: (next, previous) => [
      ...validateDeploymentSpec(next.spec),
      ...validateImmutable(next.spec.selector, previous.spec.selector, SPEC.child('selector')),
    ],
    warnings: warningsForWorkload,
    status: { keptMetadata: ['labels'], validateUpdate: validateDeploymentStatus },
  },
});

/** `SetDefaults_Deployment` of `pkg/apis/apps/v1/defaults.go`. */
function defaultDeployment(deployment: Deployment): void {
  const spec = (deployment.spec ??= {} as DeploymentSpec);
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  const strategy = (spec.strategy ??= {});
  strategy.type ||= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    const rollingUpdate = (strategy.rollingUpdate ??= {});
    rollingUpdate.maxUnavailable ??= '25%';
    rollingUpdate.maxSurge ??= '25%';
  }
  spec.template ??= { metadata: {}, spec: { containers: [] } };
  defaultPodTemplate(spec.template);
}

function validateDeploymentSpec(spec: DeploymentSpec): FieldError[] {
  const errors = [
    ...validateNonNegative(spec.replicas, SPEC.child('replicas')),
    ...validateSelectorAndTemplate(spec, SPEC),
    ...validateStrategy(spec.strategy ?? {}),
    ...validateNonNegative(spec.minReadySeconds, SPEC.child('minReadySeconds')),
    ...validateNonNegative(spec.revisionHistoryLimit, SPEC.child('revisionHistoryLimit')),
  ];
  const deadline = spec.progressDeadlineSeconds;
  if (deadline === undefined) return errors;
  const path = SPEC.child('progressDeadlineSeconds');
  errors.push(...validateNonNegative(deadline, path));
  if (deadline <= (spec.minReadySeconds ?? 0))
    errors.push(invalid(path, deadline, 'must be greater than minReadySeconds'));
  return errors;
}

type DeploymentStrategy = NonNullable<DeploymentSpec['strategy']>;

function validateStrategy(strategy: DeploymentStrategy): FieldError[] {
  const path = SPEC.child('strategy');
  const { type = '', rollingUpdate } = strategy;
  if (type === 'Recreate') {
    const detail = "may not be specified when strategy `type` is 'Recreate'";
    return rollingUpdate ? [forbidden(path.child('rollingUpdate'), detail)] : [];
  }
  if (type !== 'RollingUpdate') return [notSupported(path, internalStrategy(strategy), ['Recreate', 'RollingUpdate'])];
  if (!rollingUpdate) return [required(path.child('rollingUpdate'), 'this should be defaulted and never be nil')];
  return validateRollingUpdate(rollingUpdate);
}

/** As upstream's internal type prints it. */
function internalStrategy({ type = '', rollingUpdate }: DeploymentStrategy): object {
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate ?? {};
  return { Type: type, RollingUpdate: rollingUpdate ? { MaxUnavailable: maxUnavailable, MaxSurge: maxSurge } : null };
}

function validateRollingUpdate({
  maxUnavailable = 0,
  maxSurge = 0,
}: NonNullable<DeploymentStrategy['rollingUpdate']>): FieldError[] {
  const path = SPEC.child('strategy', 'rollingUpdate');
  const unavailablePath = path.child('maxUnavailable');
  const errors = [
    ...validatePositiveIntOrPercent(maxUnavailable, unavailablePath),
    ...validatePositiveIntOrPercent(maxSurge, path.child('maxSurge')),
  ];
  if (isZeroIntOrPercent(maxUnavailable) && isZeroIntOrPercent(maxSurge)) {
    errors.push(invalid(unavailablePath, maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  }
  return [...errors, ...isNotMoreThan100Percent(maxUnavailable, unavailablePath)];
}

function validateDeploymentStatus(next: Deployment, previous: Deployment): FieldError[] {
  const { conditions: _conditions, ...counts } = next.status ?? {};
  return [
    ...validateReplicaCounts(counts, { within: ['updatedReplicas', 'readyReplicas', 'availableReplicas'] }, STATUS),
    ...validateCollisionCount(next.status?.collisionCount, previous.status?.collisionCount, STATUS),
  ];
}
