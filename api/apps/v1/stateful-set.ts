/** StatefulSet: pods with names and claims of their own (upstream: `pkg/apis/apps/validation`, `ValidateStatefulSet…`). */
import type { V1StatefulSet, V1StatefulSetSpec } from '@kubernetes/client-node';
import { defaultPodTemplate } from '../../core/v1/pod/defaults.ts';
import { validateClaimSpec } from '../../core/v1/volume/claim-validation.ts';
import { canonicalizeResourceList } from '../../core/v1/pod/resources.ts';
import type { PodTemplateSpec, Volume } from '../../core/v1/pod/types.ts';
import { validatePodTemplateSpec } from '../../core/v1/pod/validation.ts';
import { deepEqual } from '../../machinery/equality.ts';
import { fieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { Wire, WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import {
  isNotMoreThan100Percent,
  isZeroIntOrPercent,
  validatePositiveIntOrPercent,
} from '../../machinery/validation-int-or-percent.ts';
import {
  invalidEach,
  isDns1123Label,
  validateDnsLabelName,
  validateLabelSelector,
  validateNonNegative,
} from '../../machinery/validation.ts';
import { ageColumn, workloadColumns } from '../../table-cells.ts';
import { validateCollisionCount, validateReplicaCounts } from './workload/status-validation.ts';
import { isEmptySelector, validateRunsForEver, validateTemplateLabels } from './workload/template-validation.ts';
import { warningsForWorkload } from './workload/warnings.ts';

export type StatefulSetSpec = Omit<Wire<V1StatefulSetSpec>, 'template'> & { template: PodTemplateSpec };

/** A decoded StatefulSet: defaulting has seen to it that `spec` is there. */
export type StatefulSet = Omit<WireObject<V1StatefulSet>, 'spec'> & { spec: StatefulSetSpec };

type StatefulSetStatus = NonNullable<StatefulSet['status']>;
type ClaimTemplate = NonNullable<StatefulSetSpec['volumeClaimTemplates']>[number];

const SPEC = fieldPath('spec');
const STATUS = fieldPath('status');

const NO_STATUS: StatefulSetStatus = { replicas: 0, availableReplicas: 0 };

export const statefulSets = defineResource<StatefulSet>({
  group: 'apps',
  version: 'v1',
  scope: 'Namespaced',
  names: {
    plural: 'statefulsets',
    singular: 'statefulset',
    kind: 'StatefulSet',
    shortNames: ['sts'],
    categories: ['all'],
  },
  schema: 'V1StatefulSet',
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
    ageColumn(),
    ...workloadColumns<StatefulSet>().filter(({ name }) => name !== 'Selector'),
  ],
  strategy: {
    default: defaultStatefulSet,
    validateName: validateDnsLabelName,
    prepareForCreate(object) {
      object.status = { ...NO_STATUS };
    },
    prepareForUpdate(next, previous) {
      next.status = structuredClone(previous.status ?? NO_STATUS);
    },
    validate: ({ spec }) => [
      ...validateServiceName(spec),
      ...validateStatefulSetSpec(spec),
      ...validateClaimTemplates(spec),
    ],
    validateUpdate: validateStatefulSetUpdate,
    warnings: (next, previous) => [...warningsForWorkload(next, previous), ...historyWarnings(next, previous)],
    status: { validateUpdate: validateStatefulSetStatus },
  },
});

/** `SetDefaults_StatefulSet` of `pkg/apis/apps/v1/defaults.go`. */
function defaultStatefulSet(statefulSet: StatefulSet): void {
  const spec = (statefulSet.spec ??= {} as StatefulSetSpec);
  spec.podManagementPolicy ||= 'OrderedReady';
  defaultUpdateStrategy((spec.updateStrategy ??= {}));
  const retention = (spec.persistentVolumeClaimRetentionPolicy ??= {});
  retention.whenDeleted ||= 'Retain';
  retention.whenScaled ||= 'Retain';
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  spec.template ??= { metadata: {}, spec: { containers: [] } };
  defaultPodTemplate(spec.template);
  for (const claim of spec.volumeClaimTemplates ?? []) defaultClaimTemplate(claim);
}

/** Who names the strategy gets no parameters for it. */
function defaultUpdateStrategy(strategy: UpdateStrategy): void {
  if (!strategy.type) {
    strategy.type = 'RollingUpdate';
    strategy.rollingUpdate ??= {};
  }
  if (strategy.type === 'RollingUpdate' && strategy.rollingUpdate) strategy.rollingUpdate.partition ??= 0;
}

/** A claim in a template has everything that one of its own has (`SetDefaults_PersistentVolumeClaim`). */
function defaultClaimTemplate(claim: ClaimTemplate): void {
  claim.apiVersion = 'v1';
  claim.kind = 'PersistentVolumeClaim';
  claim.status ??= {};
  claim.status.phase ||= 'Pending';
  const spec = (claim.spec ??= {});
  spec.volumeMode ??= 'Filesystem';
  canonicalizeResourceList(spec.resources?.limits);
  canonicalizeResourceList(spec.resources?.requests);
}

function validateStatefulSetUpdate(next: StatefulSet, previous: StatefulSet): FieldError[] {
  // What was stored before templates were checked may stay as it is.
  const errors = validateStatefulSetSpec(next.spec, validateStatefulSetSpec(previous.spec).length === 0);
  if (!deepEqual(unchangeable(next.spec), unchangeable(previous.spec))) errors.push(forbidden(SPEC, UNCHANGEABLE));
  return errors;
}

const UNCHANGEABLE =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', " +
  "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

function unchangeable(spec: StatefulSetSpec): object {
  const {
    replicas: _replicas,
    ordinals: _ordinals,
    template: _template,
    updateStrategy: _strategy,
    revisionHistoryLimit: _limit,
    persistentVolumeClaimRetentionPolicy: _retention,
    minReadySeconds: _seconds,
    ...rest
  } = spec;
  return rest;
}

/** Of a new one: claims that could not be made. Afterwards they do not change. */
function validateClaimTemplates({ volumeClaimTemplates = [] }: StatefulSetSpec): FieldError[] {
  const path = SPEC.child('volumeClaimTemplates');
  return volumeClaimTemplates.flatMap(({ spec = {} }, i) => validateClaimSpec(spec, path.index(i).child('spec')));
}

function validateServiceName({ serviceName }: StatefulSetSpec): FieldError[] {
  return serviceName ? invalidEach(SPEC.child('serviceName'), serviceName, isDns1123Label(serviceName)) : [];
}

function validateStatefulSetSpec(spec: StatefulSetSpec, checksTemplate = true): FieldError[] {
  const { selector, template } = spec;
  const selectorPath = SPEC.child('selector');
  const templatePath = SPEC.child('template');
  const errors = [
    ...validatePodManagement(spec.podManagementPolicy ?? ''),
    ...validateUpdateStrategy(spec.updateStrategy ?? {}),
    ...validateRetention(spec.persistentVolumeClaimRetentionPolicy ?? {}),
    ...validateNonNegative(spec.replicas, SPEC.child('replicas')),
    ...validateNonNegative(spec.minReadySeconds, SPEC.child('minReadySeconds')),
    ...validateNonNegative(spec.ordinals?.start, SPEC.child('ordinals.start')),
  ];
  if (!selector) errors.push(required(selectorPath));
  else {
    errors.push(...validateLabelSelector(selector, selectorPath));
    if (isEmptySelector(selector))
      errors.push(invalid(selectorPath, selector, 'empty selector is invalid for statefulset'));
  }
  if (selector) errors.push(...validateTemplateLabels(spec, SPEC));
  if (checksTemplate) errors.push(...validatePodTemplateSpec(withClaimVolumes(spec), templatePath));
  return [...errors, ...validateRunsForEver(template, { path: templatePath, kind: 'StatefulSet' })];
}

/** Containers mount the claims by the names of their templates, which stand before volumes of the same name. */
function withClaimVolumes({ template, volumeClaimTemplates = [] }: StatefulSetSpec): PodTemplateSpec {
  const claims = volumeClaimTemplates.map(({ metadata }): Volume => {
    const name = metadata?.name ?? '';
    return { name, persistentVolumeClaim: { claimName: name } };
  });
  const names = new Set(claims.map(({ name }) => name));
  const others = (template.spec.volumes ?? []).filter(({ name }) => !names.has(name));
  if (claims.length === 0) return template;
  return { ...template, spec: { ...template.spec, volumes: [...others, ...claims] } };
}

function validatePodManagement(policy: string): FieldError[] {
  const path = SPEC.child('podManagementPolicy');
  if (policy === '') return [required(path)];
  if (policy === 'OrderedReady' || policy === 'Parallel') return [];
  return [invalid(path, policy, "must be 'OrderedReady' or 'Parallel'")];
}

type UpdateStrategy = NonNullable<StatefulSetSpec['updateStrategy']>;

function validateUpdateStrategy(strategy: UpdateStrategy): FieldError[] {
  const path = SPEC.child('updateStrategy');
  const { type, rollingUpdate } = strategy;
  if (!type) return [required(path)];
  if (type === 'OnDelete') {
    const detail = "only allowed for updateStrategy 'RollingUpdate'";
    return rollingUpdate ? [invalid(path.child('rollingUpdate'), rollingUpdate, detail)] : [];
  }
  if (type !== 'RollingUpdate') return [invalid(path, strategy, "must be 'RollingUpdate' or 'OnDelete'")];
  return rollingUpdate ? validateRollingUpdate(rollingUpdate) : [];
}

function validateRollingUpdate({
  partition,
  maxUnavailable,
}: NonNullable<UpdateStrategy['rollingUpdate']>): FieldError[] {
  const path = SPEC.child('updateStrategy', 'rollingUpdate');
  const errors = validateNonNegative(partition, path.child('partition'));
  if (maxUnavailable === undefined) return errors;
  const unavailablePath = path.child('maxUnavailable');
  errors.push(...validatePositiveIntOrPercent(maxUnavailable, unavailablePath));
  if (isZeroIntOrPercent(maxUnavailable)) errors.push(invalid(unavailablePath, maxUnavailable, 'cannot be 0'));
  return [...errors, ...isNotMoreThan100Percent(maxUnavailable, unavailablePath)];
}

function validateRetention(policy: NonNullable<StatefulSetSpec['persistentVolumeClaimRetentionPolicy']>): FieldError[] {
  const path = SPEC.child('persistentVolumeClaimRetentionPolicy');
  return (['whenDeleted', 'whenScaled'] as const).flatMap((field) => {
    const value = policy[field];
    if (value === undefined || value === 'Retain' || value === 'Delete') return [];
    return [notSupported(path.child(field), value, ['Retain', 'Delete'])];
  });
}

/** `WarningsOnCreate` and `WarningsOnUpdate` of `pkg/registry/apps/statefulset/strategy.go`. */
function historyWarnings({ metadata, spec }: StatefulSet, previous: StatefulSet | undefined): string[] {
  const isUnchanged = previous !== undefined && metadata.generation === previous.metadata.generation;
  if (isUnchanged || (spec.revisionHistoryLimit ?? 0) >= 0) return [];
  return ['spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended'];
}

function validateStatefulSetStatus({ status }: StatefulSet, previous: StatefulSet): FieldError[] {
  const {
    conditions: _conditions,
    currentRevision: _current,
    updateRevision: _update,
    ...counts
  } = status ?? NO_STATUS;
  const within = ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'];
  return [
    ...validateReplicaCounts(counts, { within, readyName: 'status.readyReplicas' }, STATUS),
    ...validateCollisionCount(status?.collisionCount, previous.status?.collisionCount, STATUS),
  ];
}
