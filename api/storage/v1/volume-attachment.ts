/** VolumeAttachment: a volume that is, or shall be, attached to a node (upstream: `ValidateVolumeAttachment`). */
import type { V1VolumeAttachment } from '@kubernetes/client-node';
import { validateInlineVolume } from '../../core/v1/volume/validation.ts';
import { validateCsiDriverName } from '../../core/v1/pod/volume-sources.ts';
import { fieldPath, forbidden, invalid, required, tooLong } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { Wire, WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { invalidEach, rangeMessage, validateDnsSubdomainName, validateImmutable } from '../../machinery/validation.ts';
import { ageColumn } from '../../table-cells.ts';
import { bytesOf, STORAGE_GROUP } from './validation.ts';

type Content = Wire<V1VolumeAttachment>;
type AttachmentSpec = NonNullable<Content['spec']>;
type AttachmentStatus = NonNullable<Content['status']>;
type VolumeError = NonNullable<AttachmentStatus['attachError']>;

export type VolumeAttachment = WireObject<V1VolumeAttachment>;

const SPEC = fieldPath('spec');
const STATUS = fieldPath('status');
const MAX_METADATA_BYTES = 256 * 1024;
const MAX_MESSAGE_BYTES = 1024;
const MAX_INT32 = 2 ** 31 - 1;
const ONE_SOURCE = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';

export const volumeAttachments = defineResource<VolumeAttachment>({
  group: STORAGE_GROUP,
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'volumeattachments', singular: 'volumeattachment', kind: 'VolumeAttachment' },
  schema: 'V1VolumeAttachment',
  subresources: { status: {} },
  additionalPrinterColumns: [
    { name: 'Attacher', type: 'string', description: 'The driver', cell: ({ spec }) => spec?.attacher ?? '' },
    {
      name: 'PV',
      type: 'string',
      description: 'The volume',
      cell: ({ spec }) => spec?.source?.persistentVolumeName ?? '',
    },
    { name: 'Node', type: 'string', description: 'The node', cell: ({ spec }) => spec?.nodeName ?? '' },
    {
      name: 'Attached',
      type: 'boolean',
      description: 'Whether it is attached',
      cell: ({ status }) => status?.attached === true,
    },
    ageColumn(),
  ],
  strategy: {
    prepareForCreate(attachment) {
      attachment.status = { attached: false };
    },
    validate: ({ spec, status }) => [...validateSpec(spec), ...validateNames(spec), ...validateStatus(status)],
    validateUpdate: (next, previous) => [
      ...validateSpec(next.spec),
      ...validateStatus(next.status),
      ...validateImmutable(next.spec, previous.spec, SPEC),
    ],
    status: {
      keptMetadata: ['labels', 'annotations', 'finalizers', 'ownerReferences'],
      validateUpdate: ({ status }) => validateStatus(status),
    },
    hasGeneration: false,
    allowUnconditionalUpdate: false,
  },
});

function validateSpec(spec: AttachmentSpec | undefined): FieldError[] {
  const { attacher = '', nodeName = '', source } = spec ?? ({} as Partial<AttachmentSpec>);
  return [
    ...(attacher === '' ? [required(SPEC.child('attacher'))] : []),
    ...validateSource(source, SPEC.child('source')),
    ...invalidEach(SPEC.child('nodeName'), nodeName, validateDnsSubdomainName(nodeName, false)),
  ];
}

function validateSource(source: AttachmentSpec['source'] | undefined, path: FieldPath): FieldError[] {
  const { inlineVolumeSpec: inline, persistentVolumeName: name } = source ?? {};
  if (inline && name !== undefined) return [forbidden(path, ONE_SOURCE)];
  if (inline) return validateInlineVolume(inline, path.child('inlineVolumeSpec'));
  if (name === undefined) return [required(path, ONE_SOURCE)];
  if (name !== '') return [];
  return [required(path.child('persistentVolumeName'), 'must specify non empty persistentVolumeName')];
}

/** What only v1 checks, and only at creation (`ValidateVolumeAttachmentV1`). */
function validateNames(spec: AttachmentSpec | undefined): FieldError[] {
  const errors = validateCsiDriverName(spec?.attacher, SPEC.child('attacher'));
  const name = spec?.source?.persistentVolumeName;
  if (name === undefined) return errors;
  const path = SPEC.child('source', 'persistentVolumeName');
  return [...errors, ...invalidEach(path, name, validateDnsSubdomainName(name, false))];
}

function validateStatus(status: AttachmentStatus | undefined): FieldError[] {
  const errors: FieldError[] = [];
  if (bytesOf(status?.attachmentMetadata) > MAX_METADATA_BYTES)
    errors.push(tooLong(STATUS.child('attachmentMetadata'), MAX_METADATA_BYTES));
  for (const field of ['attachError', 'detachError'] as const)
    errors.push(...validateError(status?.[field], STATUS.child(field)));
  return errors;
}

function validateError(error: VolumeError | undefined, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  // Upstream names the limit of the metadata.
  if (Buffer.byteLength(error?.message ?? '') > MAX_MESSAGE_BYTES)
    errors.push(tooLong(path.child('message'), MAX_METADATA_BYTES));
  const code = error?.errorCode ?? 0;
  if (code < 0) errors.push(invalid(path.child('errorCode'), code, rangeMessage(0, MAX_INT32)));
  return errors;
}
