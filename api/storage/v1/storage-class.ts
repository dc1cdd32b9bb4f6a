/** StorageClass: how volumes are made on demand (upstream: `pkg/registry/storage/storageclass`, `ValidateStorageClass`). */
import type { V1StorageClass } from '@kubernetes/client-node';
import { deepEqual } from '../../machinery/equality.ts';
import { duplicate, fieldPath, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { Wire, WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { invalidEach, isQualifiedName, validateImmutable } from '../../machinery/validation.ts';
import { ageColumn } from '../../table-cells.ts';
import { warningForNodeLabel } from '../../core/v1/node-labels.ts';
import { STORAGE_GROUP, validateParameters, validateProvisioner, validateUnchanged } from './validation.ts';

export type StorageClass = WireObject<V1StorageClass>;
type Topology = NonNullable<Wire<V1StorageClass>['allowedTopologies']>[number];

/** Marks the class of claims that name none; the older form is read, too. */
export const DEFAULT_CLASS_ANNOTATION = 'storageclass.kubernetes.io/is-default-class';
const BETA_DEFAULT_CLASS_ANNOTATION = 'storageclass.beta.kubernetes.io/is-default-class';

const RECLAIM_POLICIES = ['Delete', 'Retain'];
const BINDING_MODES = ['Immediate', 'WaitForFirstConsumer'];

export const storageClasses = defineResource<StorageClass>({
  group: STORAGE_GROUP,
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'storageclasses', singular: 'storageclass', kind: 'StorageClass', shortNames: ['sc'] },
  schema: 'V1StorageClass',
  additionalPrinterColumns: [
    {
      name: 'Name',
      type: 'string',
      format: 'name',
      description: 'Name, and whether it is the default',
      cell: (object) => `${object.metadata.name ?? ''}${isDefaultStorageClass(object) ? ' (default)' : ''}`,
    },
    {
      name: 'Provisioner',
      type: 'string',
      description: 'Who makes them',
      cell: ({ provisioner }) => provisioner ?? '',
    },
    {
      name: 'ReclaimPolicy',
      type: 'string',
      description: 'What becomes of released volumes',
      cell: ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete',
    },
    {
      name: 'VolumeBindingMode',
      type: 'string',
      description: 'When claims are bound',
      cell: ({ volumeBindingMode }) => volumeBindingMode ?? 'Immediate',
    },
    {
      name: 'AllowVolumeExpansion',
      type: 'string',
      description: 'Whether volumes may grow',
      cell: ({ allowVolumeExpansion }) => allowVolumeExpansion === true,
    },
    ageColumn(),
  ],
  strategy: {
    default(storageClass) {
      storageClass.reclaimPolicy ??= 'Delete';
      storageClass.volumeBindingMode ??= 'Immediate';
    },
    validate: validateStorageClass,
    validateUpdate: (next, previous) => [
      ...validateUnchanged(next, previous, ['parameters', 'provisioner', 'reclaimPolicy']),
      ...validateImmutable(next.volumeBindingMode, previous.volumeBindingMode, fieldPath('volumeBindingMode')),
    ],
    warnings: warningsForTopologies,
    hasGeneration: false,
  },
});

export function isDefaultStorageClass({ metadata: { annotations } }: Pick<StorageClass, 'metadata'>): boolean {
  return annotations?.[DEFAULT_CLASS_ANNOTATION] === 'true' || annotations?.[BETA_DEFAULT_CLASS_ANNOTATION] === 'true';
}

/** The class of claims that name none: of several defaults the newest, and of those the first by name. */
export function newestDefaultClass(classes: readonly StorageClass[]): StorageClass | undefined {
  const age = ({ metadata }: StorageClass): string => metadata.creationTimestamp ?? '';
  return classes
    .filter(isDefaultStorageClass)
    .reduce<StorageClass | undefined>(
      (best, one) => (best === undefined || age(one) > age(best) ? one : best),
      undefined,
    );
}

function validateStorageClass(storageClass: StorageClass): FieldError[] {
  const { provisioner, parameters, reclaimPolicy, volumeBindingMode, allowedTopologies } = storageClass;
  const errors = [
    ...validateProvisioner(provisioner, fieldPath('provisioner')),
    ...validateParameters(parameters, { allowEmpty: true }),
  ];
  if (reclaimPolicy && !RECLAIM_POLICIES.includes(reclaimPolicy))
    errors.push(notSupported(fieldPath('reclaimPolicy'), reclaimPolicy, RECLAIM_POLICIES));
  if (!BINDING_MODES.includes(volumeBindingMode ?? ''))
    errors.push(notSupported(fieldPath('volumeBindingMode'), volumeBindingMode ?? '', BINDING_MODES));
  return [...errors, ...validateTopologies(allowedTopologies ?? [], fieldPath('allowedTopologies'))];
}

/** `validateAllowedTopologies`, `ValidateTopologySelectorTerm` */
function validateTopologies(topologies: readonly Topology[], path: FieldPath): FieldError[] {
  const seen: Record<string, string[]>[] = [];
  return topologies.flatMap((term, i) => {
    const expressions = path.index(i).child('matchLabelExpressions');
    const [valuesByKey, errors] = validateTerm(term, expressions);
    if (seen.some((other) => deepEqual(other, valuesByKey))) errors.push(duplicate(expressions, ''));
    seen.push(valuesByKey);
    return errors;
  });
}

function validateTerm(term: Topology, path: FieldPath): [Record<string, string[]>, FieldError[]] {
  const valuesByKey: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  const errors: FieldError[] = [];
  for (const [i, { key = '', values = [] }] of (term.matchLabelExpressions ?? []).entries()) {
    const requirement = path.index(i);
    const valuesPath = requirement.child('values');
    if (values.length === 0) errors.push(required(valuesPath));
    const seen = new Set<string>();
    for (const [j, value] of values.entries()) {
      if (seen.has(value)) errors.push(duplicate(valuesPath.index(j), value));
      seen.add(value);
    }
    errors.push(...invalidEach(requirement.child('key'), key, isQualifiedName(key)));
    if (key in valuesByKey) errors.push(duplicate(requirement.child('key'), key));
    valuesByKey[key] = [...new Set(values)].sort();
  }
  return [valuesByKey, errors];
}

function warningsForTopologies({ allowedTopologies }: StorageClass): string[] {
  return (allowedTopologies ?? []).flatMap(({ matchLabelExpressions }, i) =>
    (matchLabelExpressions ?? []).flatMap(({ key }, j) => {
      const warning = warningForNodeLabel(key ?? '');
      return warning === undefined ? [] : [`allowedTopologies[${i}].matchLabelExpressions[${j}].key: ${warning}`];
    }),
  );
}
