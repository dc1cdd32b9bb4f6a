/** PATCH: JSON patch, merge patch and strategic merge patch (apiserver `endpoints/handlers/patch.go`). */
import type { ApiResponse } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import * as errors from '../../api/machinery/errors.ts';
import { applyJsonPatch } from '../../api/patch/json-patch.ts';
import { applyMergePatch } from '../../api/patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../../api/patch/strategic-merge-patch.ts';
import { decodeJson } from '../../api/schema/json.ts';
import { checkObject, mediaTypeOf } from '../decode.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { RequestContext } from '../request-context.ts';
import { pathName } from '../request-info.ts';
import { encodedResponse } from '../responses.ts';
import { takeNamespaceFromPath } from './create.ts';
import type { VerbDependencies } from './dependencies.ts';
import { checkName } from './update.ts';
import { writeContext } from './write-context.ts';

const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
const STRATEGIC_MERGE_PATCH = 'application/strategic-merge-patch+json';
const ACCEPTED = [JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH];

export async function patch(context: RequestContext, kind: ServedKind, dependencies: VerbDependencies): Promise<ApiResponse> {
  const applyTo = patchFunction(context, kind, dependencies);
  const { namespace, subresource } = context.info;
  const name = pathName(context.info);
  const result = await dependencies.store.update({
    kind,
    key: { namespace, name },
    subresource,
    transform: (current) => patched(context, kind, { dependencies, current, applyTo }),
    context: writeContext(context),
    retriesLostRace: true,
  });
  return encodedResponse(result.encoded, 200);
}

type PatchFunction = (document: unknown) => unknown;

/** Reads the patch once; a patch that is not one is the client's fault whatever the object. */
function patchFunction(context: RequestContext, kind: ServedKind, { schemas }: VerbDependencies): PatchFunction {
  const type = mediaTypeOf(context.request.headers['content-type']);
  if (!ACCEPTED.includes(type)) throw errors.unsupportedMediaType(ACCEPTED);
  const body = readPatch(context);
  if (type === JSON_PATCH) return (document) => applyJsonPatch(document, body);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw errors.badRequest('the patch must be a JSON object');
  if (type === MERGE_PATCH) return (document) => applyMergePatch(document, body);
  return (document) => applyStrategicMergePatch({ original: document, patch: body, schema: kind.resource.schema, table: schemas });
}

function readPatch(context: RequestContext): unknown {
  if (context.request.object !== undefined) return structuredClone(context.request.object);
  try {
    return decodeJson(context.request.body ?? new Uint8Array());
  } catch (error) {
    throw error instanceof errors.ApiError ? error : errors.badRequest(`error decoding patch: ${(error as Error).message}`);
  }
}

function patched(
  context: RequestContext,
  kind: ServedKind,
  { dependencies, current, applyTo }: { dependencies: VerbDependencies; current: ApiObject; applyTo: PatchFunction },
): ApiObject {
  const result = applyTo(current);
  if (typeof result !== 'object' || result === null || Array.isArray(result)) throw errors.badRequest('the patch does not leave an object');
  const next = structuredClone(result) as ApiObject;
  if (typeof next.metadata !== 'object' || next.metadata === null) next.metadata = {};
  if (next.kind !== current.kind || next.apiVersion !== current.apiVersion) {
    throw errors.badRequest(`the patch may not change kind or apiVersion (${String(next.apiVersion)} ${String(next.kind)})`);
  }
  checkObject(context, next, { kind, schemas: dependencies.schemas, duplicates: [] });
  takeNamespaceFromPath(context, kind, next);
  checkName(next, pathName(context.info));
  return next;
}
