/**
 * Namespace: lives until its content and its `spec.finalizers` are gone (upstream: `pkg/registry/core/namespace`,
 * `ValidateNamespace…`). The `finalize` subresource is served by the registry with `validateNamespaceFinalize`.
 */
import type { V1Namespace } from '@kubernetes/client-node';
import { fieldPath, invalid } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { invalidEach, isQualifiedName, validateDnsLabelName } from '../../machinery/validation.ts';
import { ageColumn } from '../../table-cells.ts';

export type Namespace = WireObject<V1Namespace>;

/** The finalizer of `spec.finalizers` that the namespace controller takes out once the content is deleted. */
export const NAMESPACE_FINALIZER = 'kubernetes';

/** Label that every namespace carries, with its own name as value. */
export const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name';

export const namespaces = defineResource<Namespace>({
  group: '',
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'namespaces', singular: 'namespace', kind: 'Namespace', shortNames: ['ns'] },
  schema: 'V1Namespace',
  subresources: { status: {} },
  // deletecollection is not served for namespaces.
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  additionalPrinterColumns: [
    {
      name: 'Status',
      type: 'string',
      description: 'Phase of the namespace',
      cell: ({ status }) => status?.phase ?? '',
    },
    ageColumn(),
  ],
  selectableFields: {
    // Namespaces from before this field had been defaulted read as Active.
    'status.phase': ({ status }) => status?.phase ?? 'Active',
    name: ({ metadata }) => metadata.name ?? '',
  },
  strategy: {
    default(namespace) {
      const name = namespace.metadata.name;
      if (!name) return;
      (namespace.metadata.labels ??= {})[NAMESPACE_NAME_LABEL] = name;
    },
    prepareForCreate(namespace) {
      namespace.status = { phase: 'Active' };
      const finalizers = (namespace.spec ??= {}).finalizers ?? [];
      namespace.spec.finalizers = finalizers.includes(NAMESPACE_FINALIZER)
        ? finalizers
        : [...finalizers, NAMESPACE_FINALIZER];
      const name = namespace.metadata.name;
      if (name) (namespace.metadata.labels ??= {})[NAMESPACE_NAME_LABEL] = name;
    },
    prepareForUpdate(next, previous) {
      keep(next, previous, 'spec');
      keep(next, previous, 'status');
    },
    validateName: validateDnsLabelName,
    validate: validateNamespace,
    // Spec and status were kept by prepareForUpdate; metadata is checked generically.
    validateUpdate: () => [],
    status: {
      prepareForUpdate: (next, previous) => keep(next, previous, 'spec'),
      validateUpdate: validateNamespaceStatusUpdate,
    },
    hasPendingFinalizers: ({ spec }) => (spec?.finalizers ?? []).length > 0,
    // Upstream never sets a namespace's generation.
    hasGeneration: false,
  },
});

/** Checks a write to `/finalize`, which changes only `spec.finalizers` (`ValidateNamespaceFinalizeUpdate`). */
export function validateNamespaceFinalize(namespace: Namespace): FieldError[] {
  return validateNamespace(namespace);
}

function keep(next: Namespace, previous: Namespace, field: 'spec' | 'status'): void {
  const value = previous[field];
  if (value === undefined) delete next[field];
  else Object.assign(next, { [field]: structuredClone(value) });
}

function validateNamespace({ spec }: Namespace): FieldError[] {
  return (spec?.finalizers ?? []).flatMap((finalizer, i) =>
    validateFinalizerName(finalizer, fieldPath('spec', 'finalizers').index(i)),
  );
}

function validateFinalizerName(finalizer: string, path: FieldPath): FieldError[] {
  const errors = invalidEach(path, finalizer, isQualifiedName(finalizer));
  if (errors.length > 0) return errors;
  if (!finalizer.includes('/') && finalizer !== NAMESPACE_FINALIZER) {
    errors.push(invalid(path, finalizer, 'name is neither a standard finalizer name nor is it fully qualified'));
  }
  return errors;
}

function validateNamespaceStatusUpdate(next: Namespace): FieldError[] {
  const path = fieldPath('status', 'Phase');
  const phase = next.status?.phase ?? '';
  if (!next.metadata.deletionTimestamp) {
    return phase === 'Active' ? [] : [invalid(path, phase, "may only be 'Active' if `deletionTimestamp` is empty")];
  }
  return phase === 'Terminating'
    ? []
    : [invalid(path, phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")];
}
