/** CSIDriver: what a storage driver can do and wants (upstream: `pkg/registry/storage/csidriver`, `ValidateCSIDriver`). */
import type { V1CSIDriver, V1CSIDriverSpec } from '@kubernetes/client-node';
import { deepEqual } from '../../machinery/equality.ts';
import { duplicate, fieldPath, invalid, notSupported } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { Wire, WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { validateImmutable } from '../../machinery/validation.ts';
import { ageColumn, UNSET } from '../../table-cells.ts';
import { STORAGE_GROUP } from './validation.ts';

export type CsiDriverSpec = Wire<V1CSIDriverSpec>;

/** A decoded CSIDriver: defaulting has seen to it that `spec` is there. */
export type CsiDriver = Omit<WireObject<V1CSIDriver>, 'spec'> & { spec: CsiDriverSpec };

const SPEC = fieldPath('spec');
const FS_GROUP_POLICIES = ['File', 'None', 'ReadWriteOnceWithFSType'];
const LIFECYCLE_MODES = ['Persistent', 'Ephemeral'];
const MIN_PERIOD_SECONDS = 10;
const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;

/** A change of these raises the generation (`csiDriverStrategy.PrepareForUpdate`). */
const COUNTED_FIELDS = ['tokenRequests', 'requiresRepublish', 'seLinuxMount'] as const;

export const csiDrivers = defineResource<CsiDriver>({
  group: STORAGE_GROUP,
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'csidrivers', singular: 'csidriver', kind: 'CSIDriver' },
  schema: 'V1CSIDriver',
  additionalPrinterColumns: [
    {
      name: 'AttachRequired',
      type: 'boolean',
      description: 'Whether volumes are attached before they are mounted',
      cell: ({ spec }) => spec?.attachRequired ?? true,
    },
    {
      name: 'PodInfoOnMount',
      type: 'boolean',
      description: 'Whether the driver is told of the pod',
      cell: ({ spec }) => spec?.podInfoOnMount ?? false,
    },
    {
      name: 'StorageCapacity',
      type: 'boolean',
      description: 'Whether the driver reports how much is free',
      cell: ({ spec }) => spec?.storageCapacity ?? false,
    },
    {
      name: 'TokenRequests',
      type: 'string',
      description: 'Audiences of the tokens that it gets',
      cell: ({ spec }) => (spec?.tokenRequests ?? []).map(({ audience }) => audience ?? '').join(',') || UNSET,
    },
    {
      name: 'RequiresRepublish',
      type: 'boolean',
      description: 'Whether it publishes volumes again and again',
      cell: ({ spec }) => spec?.requiresRepublish ?? false,
    },
    {
      name: 'Modes',
      type: 'string',
      description: 'Life cycles of its volumes',
      cell: ({ spec }) => (spec?.volumeLifecycleModes ?? []).join(',') || '<none>',
    },
    ageColumn(),
  ],
  strategy: {
    default: defaultCsiDriver,
    prepareForUpdate(next, previous) {
      if (COUNTED_FIELDS.every((field) => deepEqual(next.spec[field], previous.spec[field]))) return;
      next.metadata.generation = (previous.metadata.generation ?? 0) + 1;
    },
    validate: ({ spec }) => validateSpec(spec),
    validateUpdate: (next, previous) => [
      ...validateSpec(next.spec),
      // The path with its misspelling is upstream's.
      ...validateImmutable(next.spec.attachRequired, previous.spec.attachRequired, SPEC.child('attachedRequired')),
      ...validateImmutable(
        next.spec.volumeLifecycleModes,
        previous.spec.volumeLifecycleModes,
        SPEC.child('volumeLifecycleModes'),
      ),
    ],
    // Raised by prepareForUpdate alone.
    hasGeneration: false,
    allowUnconditionalUpdate: false,
  },
});

/** `SetDefaults_CSIDriver` of `pkg/apis/storage/v1/defaults.go`. */
function defaultCsiDriver(driver: CsiDriver): void {
  const spec = (driver.spec ??= {});
  spec.attachRequired ??= true;
  spec.podInfoOnMount ??= false;
  spec.storageCapacity ??= false;
  spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
  if ((spec.volumeLifecycleModes ?? []).length === 0) spec.volumeLifecycleModes = ['Persistent'];
  spec.requiresRepublish ??= false;
  spec.seLinuxMount ??= false;
}

function validateSpec(spec: CsiDriverSpec): FieldError[] {
  const errors: FieldError[] = [];
  const { fsGroupPolicy, nodeAllocatableUpdatePeriodSeconds: period } = spec;
  if (fsGroupPolicy !== undefined && !FS_GROUP_POLICIES.includes(fsGroupPolicy))
    errors.push(notSupported(SPEC.child('fsGroupPolicy'), fsGroupPolicy, FS_GROUP_POLICIES));
  errors.push(...validateTokenRequests(spec, SPEC.child('tokenRequests')));
  for (const mode of spec.volumeLifecycleModes ?? []) {
    if (!LIFECYCLE_MODES.includes(mode))
      errors.push(notSupported(SPEC.child('volumeLifecycleModes'), mode, LIFECYCLE_MODES));
  }
  if (period !== undefined && period < MIN_PERIOD_SECONDS) {
    const path = SPEC.child('nodeAllocatableUpdatePeriodSeconds');
    errors.push(invalid(path, period, 'must be greater than or equal to 10 seconds'));
  }
  if (spec.serviceAccountTokenInSecrets !== undefined && (spec.tokenRequests ?? []).length === 0) {
    const path = SPEC.child('serviceAccountTokenInSecrets');
    errors.push(invalid(path, spec.serviceAccountTokenInSecrets, 'tokenRequests is not set'));
  }
  return errors;
}

function validateTokenRequests({ tokenRequests = [] }: CsiDriverSpec, path: FieldPath): FieldError[] {
  const audiences = new Set<string>();
  return (tokenRequests ?? []).flatMap(({ audience = '', expirationSeconds: seconds }, i) => {
    const requestPath = path.index(i);
    if (audiences.has(audience)) return [duplicate(requestPath.child('audience'), audience)];
    audiences.add(audience);
    const secondsPath = requestPath.child('expirationSeconds');
    if (seconds === undefined) return [];
    if (seconds < MIN_TOKEN_SECONDS)
      return [invalid(secondsPath, seconds, 'may not specify a duration less than 10 minutes')];
    if (seconds > MAX_TOKEN_SECONDS)
      return [invalid(secondsPath, seconds, 'may not specify a duration larger than 2^32 seconds')];
    return [];
  });
}
