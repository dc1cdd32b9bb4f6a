/** PATCH: JSON patch, merge patch, strategic merge patch, and server-side apply (apiserver `endpoints/handlers/patch.go`). */
import type { ApiResponse } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import * as errors from '../../api/machinery/errors.ts';
import { fieldPath, invalid } from '../../api/machinery/field-error.ts';
import { cloneJson } from '../../api/patch/json-value.ts';
import { checkObject, mediaTypeOf } from '../decode.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { UpdateRules } from '../registry/strategy-update.ts';
import type { RequestContext } from '../request-context.ts';
import { pathName } from '../request-info.ts';
import { encodedResponse } from '../responses.ts';
import { APPLY_YAML } from './applied-body.ts';
import { apply } from './apply.ts';
import { takeNamespaceFromPath } from './create.ts';
import type { VerbDependencies } from './dependencies.ts';
import type { Patch } from './patch-body.ts';
import { patchTypesOf, readPatch } from './patch-body.ts';
import { checkPatchOptions } from './write-options.ts';
import { checkName } from './update.ts';
import { writeContext } from './write-context.ts';

export function patch(context: RequestContext, kind: ServedKind, dependencies: VerbDependencies): Promise<ApiResponse> {
  return patchObject(context, kind, { dependencies, rules: undefined });
}

/** PATCH of a subresource that takes the whole object under rules of its own. */
export function patchWith(rules: UpdateRules): typeof patch {
  return (context, kind, dependencies) => patchObject(context, kind, { dependencies, rules });
}

async function patchObject(
  context: RequestContext,
  kind: ServedKind,
  { dependencies, rules }: { dependencies: VerbDependencies; rules: UpdateRules | undefined },
): Promise<ApiResponse> {
  const type = mediaTypeOf(context.request.headers['content-type']);
  const accepted = patchTypesOf(kind);
  if (!accepted.includes(type)) throw errors.unsupportedMediaType(accepted);
  checkPatchOptions(context, type === APPLY_YAML);
  if (type === APPLY_YAML) return apply(context, kind, { dependencies, rules });
  const change = readPatch(context, kind.resource.schema, dependencies.schemas);
  const { namespace, subresource } = context.info;
  const name = pathName(context.info);
  const result = await dependencies.store.update({
    kind,
    key: { namespace, name },
    subresource,
    transform: (current) => patched(context, kind, { dependencies, current, change }),
    context: writeContext(context),
    retriesLostRace: true,
    ...(rules === undefined ? {} : { rules }),
  });
  return encodedResponse(result.encoded, 200);
}

function patched(
  context: RequestContext,
  kind: ServedKind,
  { dependencies, current, change }: { dependencies: VerbDependencies; current: ApiObject; change: Patch },
): ApiObject {
  const result = change.applyTo(current);
  if (typeof result !== 'object' || result === null || Array.isArray(result))
    throw errors.badRequest('the patch does not leave an object');
  const next = cloneJson(result) as ApiObject;
  if (typeof next.metadata !== 'object' || next.metadata === null) next.metadata = {};
  if (next.kind !== current.kind || next.apiVersion !== current.apiVersion) {
    throw errors.badRequest(
      `the patch may not change kind or apiVersion (${String(next.apiVersion)} ${String(next.kind)})`,
    );
  }
  const refuse = (problem: string): errors.ApiError =>
    errors.invalidObject({ group: '', kind: '' }, '', [invalid(fieldPath('patch'), change.quote(result), problem)]);
  checkObject(context, next, { kind, schemas: dependencies.schemas, duplicates: change.problems, refuse });
  takeNamespaceFromPath(context, kind, next);
  checkName(next, pathName(context.info));
  return next;
}
