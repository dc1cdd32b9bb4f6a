/** Validation of `metadata`, the same for every kind (apimachinery `api/validation/objectmeta.go`). */
import { forbidden, invalid, required, tooLong } from './field-error.ts';
import type { FieldError, FieldPath } from './field-error.ts';
import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from './meta.ts';
import {
  invalidEach,
  isQualifiedName,
  validateAnnotations,
  validateDnsLabelName,
  validateDnsSubdomainName,
  validateImmutable,
  validateLabels,
  validateNonNegative,
} from './validation.ts';

export interface ObjectMetaRules {
  requiresNamespace: boolean;
  /** Default: DNS subdomain. */
  validateName?: ((name: string, prefix: boolean) => string[]) | undefined;
  /** Finalizers are `domain/name`, but for those that Kubernetes itself has (`validateKubeFinalizerName`). */
  qualifiesFinalizers?: boolean;
  path: FieldPath;
}

/** Metadata of a new object, after `metadata.name` has been generated. */
export function validateObjectMeta(meta: ObjectMeta, rules: ObjectMetaRules): FieldError[] {
  const { path, validateName = validateDnsSubdomainName } = rules;
  const errors: FieldError[] = [];
  if (meta.generateName) {
    errors.push(...invalidEach(path.child('generateName'), meta.generateName, validateName(meta.generateName, true)));
  }
  if (!meta.name) errors.push(required(path.child('name'), 'name or generateName is required'));
  else errors.push(...invalidEach(path.child('name'), meta.name, validateName(meta.name, false)));
  errors.push(
    ...validateNamespace(meta.namespace, rules),
    ...validateNonNegative(meta.generation, path.child('generation')),
    ...validateSharedMeta(meta, rules),
  );
  return errors;
}

/** Metadata of an update. `next.resourceVersion` must be set by then; name, namespace, uid and times do not change. */
export function validateObjectMetaUpdate(
  next: ObjectMeta,
  previous: ObjectMeta,
  rules: Pick<ObjectMetaRules, 'path' | 'qualifiesFinalizers'>,
): FieldError[] {
  const { path } = rules;
  const errors: FieldError[] = [];
  if (previous.deletionTimestamp) {
    errors.push(...validateNoNewFinalizers(next.finalizers ?? [], previous.finalizers ?? [], path.child('finalizers')));
  }
  if (!next.resourceVersion) {
    errors.push(invalid(path.child('resourceVersion'), next.resourceVersion ?? '', 'must be specified for an update'));
  }
  if ((next.generation ?? 0) < (previous.generation ?? 0)) {
    errors.push(invalid(path.child('generation'), next.generation ?? 0, 'must not be decremented'));
  }
  for (const field of ['name', 'namespace', 'uid'] as const) {
    errors.push(...validateImmutable(next[field] ?? '', previous[field] ?? '', path.child(field)));
  }
  for (const field of ['creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const) {
    errors.push(...validateImmutable(next[field], previous[field], path.child(field)));
  }
  errors.push(...validateSharedMeta(next, rules));
  return errors;
}

function validateNamespace(namespace: string | undefined, { requiresNamespace, path }: ObjectMetaRules): FieldError[] {
  const namespacePath = path.child('namespace');
  if (!requiresNamespace) return namespace ? [forbidden(namespacePath, 'not allowed on this type')] : [];
  if (!namespace) return [required(namespacePath)];
  return invalidEach(namespacePath, namespace, validateDnsLabelName(namespace, false));
}

function validateSharedMeta(
  meta: ObjectMeta,
  { path, qualifiesFinalizers = false }: Pick<ObjectMetaRules, 'path' | 'qualifiesFinalizers'>,
): FieldError[] {
  return [
    ...validateLabels(meta.labels, path.child('labels')),
    ...validateAnnotations(meta.annotations, path.child('annotations')),
    ...validateOwnerReferences(meta.ownerReferences ?? [], path.child('ownerReferences')),
    ...validateFinalizers(meta.finalizers ?? [], path.child('finalizers')),
    ...validateManagedFields(meta.managedFields ?? [], path.child('managedFields')),
    ...(qualifiesFinalizers ? validateQualified(meta.finalizers ?? [], path.child('finalizers')) : []),
  ];
}

const STANDARD_FINALIZERS = ['kubernetes', 'orphan', 'foregroundDeletion'];

function validateQualified(finalizers: readonly string[], path: FieldPath): FieldError[] {
  const detail = 'name is neither a standard finalizer name nor is it fully qualified';
  return finalizers.flatMap((finalizer, i) =>
    finalizer.includes('/') || STANDARD_FINALIZERS.includes(finalizer)
      ? []
      : [invalid(path.index(i), finalizer, detail)],
  );
}

function validateOwnerReference(reference: OwnerReference, path: FieldPath): FieldError[] {
  const { apiVersion = '', kind = '', name = '', uid = '' } = reference;
  const errors: FieldError[] = [];
  const version = apiVersion.split('/').at(-1)!;
  if (version === '' || apiVersion.split('/').length > 2) {
    errors.push(invalid(path.child('apiVersion'), apiVersion, 'version must not be empty'));
  }
  if (kind === '') errors.push(invalid(path.child('kind'), kind, 'must not be empty'));
  if (name === '') errors.push(invalid(path.child('name'), name, 'must not be empty'));
  if (uid === '') errors.push(invalid(path.child('uid'), uid, 'must not be empty'));
  if (apiVersion === 'v1' && kind === 'Event') {
    errors.push(invalid(path, reference, '/v1, Kind=Event is disallowed from being an owner'));
  }
  return errors;
}

function validateOwnerReferences(references: readonly OwnerReference[], path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  let first = '';
  for (const reference of references) {
    errors.push(...validateOwnerReference(reference, path));
    if (reference.controller !== true) continue;
    const current = `${reference.kind ?? ''}/${reference.name ?? ''}`;
    if (first === '') {
      first = current;
    } else {
      const detail = 'Only one reference can have Controller set to true. Found "true" in references for';
      errors.push(invalid(path, references, `${detail} ${first} and ${current}`));
    }
  }
  return errors;
}

export function validateFinalizers(finalizers: readonly string[], path: FieldPath): FieldError[] {
  const errors = finalizers.flatMap((finalizer) => invalidEach(path, finalizer, isQualifiedName(finalizer)));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(invalid(path, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
  }
  return errors;
}

function validateNoNewFinalizers(next: readonly string[], previous: readonly string[], path: FieldPath): FieldError[] {
  const added = [...new Set(next)].filter((finalizer) => !previous.includes(finalizer)).sort();
  if (added.length === 0) return [];
  // Go prints the list with %#v.
  const list = `[]string{${added.map((finalizer) => JSON.stringify(finalizer)).join(', ')}}`;
  const detail = `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`;
  return [forbidden(path, detail)];
}

function validateManagedFields(entries: readonly ManagedFieldsEntry[], path: FieldPath): FieldError[] {
  return entries.flatMap((entry, i) => {
    const entryPath = path.index(i);
    const errors: FieldError[] = [];
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') {
      errors.push(invalid(entryPath.child('operation'), entry.operation ?? '', 'must be `Apply` or `Update`'));
    }
    if (entry.fieldsType && entry.fieldsType !== 'FieldsV1') {
      errors.push(invalid(entryPath.child('fieldsType'), entry.fieldsType, 'must be `FieldsV1`'));
    }
    errors.push(...validateFieldManager(entry.manager ?? '', entryPath.child('manager')));
    if (Buffer.byteLength(entry.subresource ?? '') > 256) errors.push(tooLong(entryPath.child('subresource'), 256));
    return errors;
  });
}

/** At most 128 bytes, printable (`metav1 validation.ValidateFieldManager`); also for the query's `fieldManager`. */
export function validateFieldManager(manager: string, path: FieldPath): FieldError[] {
  const errors = Buffer.byteLength(manager) > 128 ? [tooLong(path, 128)] : [];
  let position = 0;
  for (const character of manager) {
    // Go's unicode.IsPrint: letters, marks, numbers, punctuation, symbols and the ASCII space.
    if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character)) {
      const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
      errors.push(invalid(path, manager, `invalid character U+${code} (at position ${position})`));
    }
    position += Buffer.byteLength(character);
  }
  return errors;
}
