/** What a write demands of the object as it is: its uid and resourceVersion (apiserver `storage` Preconditions, `registry/store.go`). */
import * as errors from '../../api/machinery/errors.ts';
import type { FieldError } from '../../api/machinery/field-error.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { DeleteOptions } from '../../api/machinery/resource.ts';
import type { CachedObject } from '../cacher/cached-object.ts';
import { formatResourceVersion } from '../cacher/codec.ts';
import type { ServedKind } from './served-kind.ts';

/** Go prints its unsigned number in hexadecimal. */
const NO_VERSION: FieldError = {
  type: 'FieldValueInvalid',
  field: 'metadata.resourceVersion',
  message: 'Invalid value: 0x0: must be specified for an update',
};

/** Checks what the sent metadata demands of the present object; true when a lost race must be reported, not retried. */
export function checkWriteConditions(kind: ServedKind, wanted: ApiObject, previous: ApiObject): boolean {
  const { uid, resourceVersion = '' } = wanted.metadata;
  const name = previous.metadata.name ?? '';
  if (uid !== undefined && uid !== '' && uid !== previous.metadata.uid) {
    throw errors.conflict(
      kind.groupResource,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${previous.metadata.uid ?? ''}`,
    );
  }
  if (resourceVersion === '' || resourceVersion === '0') {
    if (kind.resource.strategy.allowUnconditionalUpdate !== false) return false;
    throw errors.invalidObject(kind.groupKind, name, [NO_VERSION]);
  }
  if (resourceVersion !== previous.metadata.resourceVersion)
    throw errors.conflict(kind.groupResource, name, errors.OPTIMISTIC_LOCK_MESSAGE);
  return true;
}

/** Checks a deletion's preconditions against the present object. */
export function checkPreconditions(kind: ServedKind, current: CachedObject, { preconditions }: DeleteOptions): void {
  const { name = '', uid = '' } = current.object().metadata;
  if (preconditions?.uid !== undefined && preconditions.uid !== uid) {
    throw errors.conflict(
      kind.groupResource,
      name,
      `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`,
    );
  }
  const revision = formatResourceVersion(current.revision);
  if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== revision) {
    const cause = `Precondition failed: ResourceVersion in precondition: ${preconditions.resourceVersion}, ResourceVersion in object meta: ${revision}`;
    throw errors.conflict(kind.groupResource, name, cause);
  }
}
