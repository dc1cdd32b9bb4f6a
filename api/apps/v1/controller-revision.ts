/** ControllerRevision: a remembered state of a workload (upstream: `ValidateControllerRevision`). */
import type { V1ControllerRevision } from '@kubernetes/client-node';
import { fieldPath, required } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { validateImmutable, validateNonNegative } from '../../machinery/validation.ts';
import { NONE, ageColumn } from '../../table-cells.ts';

export type ControllerRevision = Omit<WireObject<V1ControllerRevision>, 'data'> & { data?: unknown };

export const controllerRevisions = defineResource<ControllerRevision>({
  group: 'apps',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'controllerrevisions', singular: 'controllerrevision', kind: 'ControllerRevision' },
  schema: 'V1ControllerRevision',
  additionalPrinterColumns: [
    { name: 'Controller', type: 'string', description: 'Controller of the object', cell: controllerCell },
    { name: 'Revision', type: 'string', description: 'Number of the revision', cell: ({ revision }) => revision ?? 0 },
    ageColumn(),
  ],
  strategy: {
    validate: validateControllerRevision,
    validateUpdate: (next, previous) => [
      ...validateControllerRevision(next),
      ...validateImmutable(next.data, previous.data, fieldPath('data')),
    ],
  },
});

/** `statefulset.apps/web` */
function controllerCell({ metadata }: ControllerRevision): string {
  const controller = (metadata.ownerReferences ?? []).find((reference) => reference.controller === true);
  if (controller === undefined) return NONE;
  const { apiVersion = '', kind = '', name = '' } = controller;
  const group = apiVersion.includes('/') ? `.${apiVersion.split('/')[0]!}` : '';
  return `${kind.toLowerCase()}${group}/${name}`;
}

function validateControllerRevision({ data, revision }: ControllerRevision): FieldError[] {
  const errors = data === undefined || data === null ? [required(fieldPath('data'), 'data is mandatory')] : [];
  return [...errors, ...validateNonNegative(revision, fieldPath('revision'))];
}
