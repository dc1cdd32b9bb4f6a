/** CSINode: the storage drivers of a node (upstream: `pkg/registry/storage/csinode`, `ValidateCSINode`). */
import type { V1CSINode, V1CSINodeDriver } from '@kubernetes/client-node';
import { validateCsiDriverName } from '../../core/v1/pod/volume-sources.ts';
import { duplicate, fieldPath, invalid, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { Wire, WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { invalidEach, isQualifiedName, validateImmutable, validateNonNegative } from '../../machinery/validation.ts';
import { ageColumn } from '../../table-cells.ts';
import { STORAGE_GROUP } from './validation.ts';

export type CsiNodeDriver = Wire<V1CSINodeDriver>;

/** A decoded CSINode: defaulting has seen to it that `spec` is there. */
export type CsiNode = Omit<WireObject<V1CSINode>, 'spec'> & { spec: { drivers?: CsiNodeDriver[] } };

const DRIVERS = fieldPath('spec', 'drivers');
/** Longer ones are kept where they were stored before. */
const MAX_NODE_ID_BYTES = 256;

export const csiNodes = defineResource<CsiNode>({
  group: STORAGE_GROUP,
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'csinodes', singular: 'csinode', kind: 'CSINode' },
  schema: 'V1CSINode',
  additionalPrinterColumns: [
    {
      name: 'Drivers',
      type: 'integer',
      description: 'Drivers on the node',
      cell: ({ spec }) => spec?.drivers?.length ?? 0,
    },
    ageColumn(),
  ],
  strategy: {
    default(node) {
      // Go writes the list even when it is empty.
      (node.spec ??= {}).drivers ??= [];
    },
    validate: ({ spec }) => validateDrivers(spec.drivers ?? []),
    validateUpdate: validateCsiNodeUpdate,
    hasGeneration: false,
    allowUnconditionalUpdate: false,
  },
});

function validateDrivers(drivers: readonly CsiNodeDriver[]): FieldError[] {
  const names = new Set<string>();
  return drivers.flatMap((driver, i) => {
    const path = DRIVERS.index(i);
    const errors = validateDriver(driver, path);
    if (names.has(driver.name)) errors.push(duplicate(path.child('name'), driver.name));
    names.add(driver.name);
    return [...errors, ...validateTopologyKeys(driver.topologyKeys ?? [], path)];
  });
}

function validateDriver({ name, nodeID, allocatable }: CsiNodeDriver, path: FieldPath): FieldError[] {
  const errors = validateCsiDriverName(name, path.child('name'));
  if (!nodeID) errors.push(required(path.child('nodeID')));
  else if (Buffer.byteLength(nodeID) > MAX_NODE_ID_BYTES)
    errors.push(invalid(path.child('nodeID'), nodeID, `must be ${MAX_NODE_ID_BYTES} characters or less`));
  return [...errors, ...validateNonNegative(allocatable?.count, path.child('allocatable', 'count'))];
}

function validateTopologyKeys(keys: readonly string[], path: FieldPath): FieldError[] {
  return keys.flatMap((key, i) => [
    ...(key === '' ? [required(path)] : []),
    ...(keys.indexOf(key) < i ? [duplicate(path, key)] : []),
    ...invalidEach(path, key, isQualifiedName(key)),
  ]);
}

/** Drivers come and go; of one that stays, only what it can take may change. */
function validateCsiNodeUpdate(next: CsiNode, previous: CsiNode): FieldError[] {
  const errors = validateDrivers(next.spec.drivers ?? []);
  for (const { allocatable: _before, ...before } of previous.spec.drivers ?? []) {
    const same = (next.spec.drivers ?? []).filter(({ name }) => name === before.name);
    for (const { allocatable: _after, ...after } of same) errors.push(...validateImmutable(after, before, DRIVERS));
  }
  return errors;
}
