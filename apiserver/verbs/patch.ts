/** PATCH: JSON patch, merge patch, strategic merge patch, and server-side apply (apiserver `endpoints/handlers/patch.go`). */
import type { ApiResponse } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import * as errors from '../../api/machinery/errors.ts';
import { fieldPath, invalid } from '../../api/machinery/field-error.ts';
import { applyJsonPatch } from '../../api/patch/json-patch.ts';
import { cloneJson } from '../../api/patch/json-value.ts';
import { applyMergePatch } from '../../api/patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../../api/patch/strategic-merge-patch.ts';
import { decodeJson } from '../../api/schema/json.ts';
import { checkObject, mediaTypeOf } from '../decode.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { UpdateRules } from '../registry/strategy-update.ts';
import type { RequestContext } from '../request-context.ts';
import { pathName } from '../request-info.ts';
import { encodedResponse } from '../responses.ts';
import { apply, APPLY_YAML } from './apply.ts';
import { takeNamespaceFromPath } from './create.ts';
import type { VerbDependencies } from './dependencies.ts';
import { checkPatchOptions } from './patch-options.ts';
import { checkName } from './update.ts';
import { writeContext } from './write-context.ts';

const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
const STRATEGIC_MERGE_PATCH = 'application/strategic-merge-patch+json';
const ACCEPTED = [JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_YAML];

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
  // Custom kinds have no merge keys of Go's types.
  const accepted =
    kind.resource.structure === undefined ? ACCEPTED : ACCEPTED.filter((known) => known !== STRATEGIC_MERGE_PATCH);
  if (!accepted.includes(type)) throw errors.unsupportedMediaType(accepted);
  checkPatchOptions(context, type === APPLY_YAML);
  if (type === APPLY_YAML) return apply(context, kind, { dependencies, rules });
  const change = readPatch(context, kind, dependencies);
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

interface Patch {
  applyTo(document: unknown): unknown;
  /** What an error about the outcome quotes. */
  quote(outcome: unknown): string;
}

const asJson = (outcome: unknown): string => JSON.stringify(outcome);

/** Reads the patch once; a patch that is not one is the client's fault whatever the object. */
function readPatch(context: RequestContext, kind: ServedKind, { schemas }: VerbDependencies): Patch {
  const type = mediaTypeOf(context.request.headers['content-type']);
  const body = decodeBody(context);
  if (type === JSON_PATCH) return { applyTo: (document) => applyJsonPatch(document, body), quote: asJson };
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw notAnObject(body, type);
  if (type === MERGE_PATCH) return { applyTo: (document) => applyMergePatch(document, body), quote: asJson };
  return {
    applyTo: (document) =>
      applyStrategicMergePatch({ original: document, patch: body, schema: kind.resource.schema, table: schemas }),
    quote: () => goText(body),
  };
}

function notAnObject(body: unknown, type: string): errors.ApiError {
  const found = Array.isArray(body)
    ? 'array'
    : typeof body === 'boolean'
      ? 'bool'
      : body === null
        ? 'null'
        : typeof body;
  const prefix = type === MERGE_PATCH ? 'error decoding patch: ' : '';
  return errors.badRequest(`${prefix}json: cannot unmarshal ${found} into Go value of type map[string]interface {}`);
}

/** A value as Go's `%+v` prints it. */
function goText(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${members.map(([key, member]) => `${key}:${goText(member)}`).join(' ')}]`;
}

function decodeBody(context: RequestContext): unknown {
  if (context.request.object !== undefined) return structuredClone(context.request.object);
  try {
    return decodeJson(context.request.body ?? new Uint8Array());
  } catch (error) {
    throw error instanceof errors.ApiError
      ? error
      : errors.badRequest(`error decoding patch: ${(error as Error).message}`);
  }
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
  checkObject(context, next, { kind, schemas: dependencies.schemas, duplicates: [], refuse });
  takeNamespaceFromPath(context, kind, next);
  checkName(next, pathName(context.info));
  return next;
}
