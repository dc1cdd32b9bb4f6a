/**
 * What a write asks of a `scale`: to replace it, to patch it, or to apply to it; and who owns its fields afterwards
 * (apimachinery `util/managedfields`, for a Scale as for any object).
 */
import { unsupportedMediaType } from '../../../api/machinery/errors.ts';
import type { ApiObject, ManagedFieldsEntry } from '../../../api/machinery/meta.ts';
import { applyPatch } from '../../../api/managed-fields/apply.ts';
import { recordUpdate } from '../../../api/managed-fields/managed-fields.ts';
import { SCALE_VERSION } from '../../../api/managed-fields/scale.ts';
import type { SchemaTable } from '../../../api/schema/schema.ts';
import type { Clock } from '../../../base/clock.ts';
import { formatTime } from '../../../base/clock.ts';
import { decodeAs, mediaTypeOf } from '../../decode.ts';
import type { RequestContext } from '../../request-context.ts';
import { APPLY_YAML, readApplied } from '../../verbs/applied-body.ts';
import { BEFORE_FIRST_APPLY } from '../../verbs/apply.ts';
import { patchTypesOf, readPatch } from '../../verbs/patch-body.ts';
import { checkPatchOptions, isForced } from '../../verbs/write-options.ts';
import { writeContext } from '../../verbs/write-context.ts';
import type { ServedKind } from '../served-kind.ts';

export interface ChangedScale {
  scale: ApiObject;
  entries: ManagedFieldsEntry[];
}

/** From a scale and its entries to what the request makes of them. */
export type ScaleChange = (live: ApiObject, entries: ManagedFieldsEntry[]) => ChangedScale;

export const SCALE = { schema: 'V1Scale', kind: 'Scale', apiVersion: SCALE_VERSION };

/** Reads the request once. Throws 415 and BadRequest. */
export function readScaleChange(
  context: RequestContext,
  kind: ServedKind,
  { schemas, clock }: { schemas: SchemaTable; clock: Clock },
): ScaleChange {
  const common = { apiVersion: SCALE_VERSION, schema: SCALE.schema, table: schemas, subresource: 'scale' };
  const manager = writeContext(context).fieldManager;
  const time = formatTime(clock.now());
  const updated = (live: ApiObject, scale: ApiObject, managedFields: ManagedFieldsEntry[]): ChangedScale => {
    const next = { ...scale, metadata: scale.metadata ?? {} };
    return { scale, entries: recordUpdate({ ...common, previous: live, next, managedFields, manager, time }) };
  };
  if (context.request.method === 'PUT') {
    const sent = decodeAs<ApiObject>(context, SCALE, schemas);
    return (live, entries) => updated(live, sent, entries);
  }
  const type = mediaTypeOf(context.request.headers['content-type']);
  const accepted = patchTypesOf(kind);
  if (!accepted.includes(type)) throw unsupportedMediaType(accepted);
  checkPatchOptions(context, type === APPLY_YAML);
  if (type !== APPLY_YAML) {
    const patch = readPatch(context, SCALE.schema, schemas);
    return (live, entries) => updated(live, patch.applyTo(live) as ApiObject, entries);
  }
  const applied = readApplied(context, SCALE, schemas);
  return (live, entries) => {
    const before = { ...common, previous: undefined, next: live, managedFields: [], manager: BEFORE_FIRST_APPLY, time };
    const managedFields = entries.length > 0 ? entries : recordUpdate(before);
    const result = applyPatch({ ...common, live, applied, managedFields, manager, time, force: isForced(context) });
    const { resourceVersion } = applied.metadata;
    const metadata = { ...result.object.metadata, resourceVersion: resourceVersion ?? '' };
    return { scale: { ...result.object, metadata }, entries: result.managedFields };
  };
}
