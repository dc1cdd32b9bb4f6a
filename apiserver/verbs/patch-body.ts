/** The body of a patch: JSON patch, merge patch or strategic merge patch (apiserver `endpoints/handlers/patch.go`). */
import * as errors from '../../api/machinery/errors.ts';
import { goText } from '../../api/patch/go-text.ts';
import { applyJsonPatch } from '../../api/patch/json-patch.ts';
import { cloneJson, isObject } from '../../api/patch/json-value.ts';
import { applyMergePatch } from '../../api/patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../../api/patch/strategic-merge-patch.ts';
import { decodeJson, findDuplicateKeys } from '../../api/schema/json.ts';
import type { SchemaTable } from '../../api/schema/schema.ts';
import { fieldValidationOf, mediaTypeOf } from '../decode.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { RequestContext } from '../request-context.ts';
import { APPLY_YAML } from './applied-body.ts';

const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
const STRATEGIC_MERGE_PATCH = 'application/strategic-merge-patch+json';

/** Custom kinds have no Go types, which strategic merge reads. */
export function patchTypesOf({ resource }: ServedKind): string[] {
  const isCustom = resource.structure !== undefined;
  return [JSON_PATCH, MERGE_PATCH, ...(isCustom ? [] : [STRATEGIC_MERGE_PATCH]), APPLY_YAML];
}

export interface Patch {
  applyTo(document: unknown): unknown;
  /** What an error about the outcome quotes. */
  quote(outcome: unknown): string;
  /** Of the patch itself, for field validation: `duplicate field "spec.x"`. */
  problems: readonly string[];
}

const asJson = (outcome: unknown): string => JSON.stringify(outcome);

/**
 * Reads the patch once; a patch that is not one is the client's fault whatever the object. `schema` is that of the
 * patched object, for strategic merge.
 */
export function readPatch(context: RequestContext, schema: string, table: SchemaTable): Patch {
  const type = mediaTypeOf(context.request.headers['content-type']);
  const { body, duplicates } = decodeBody(context, type);
  const isLoose = fieldValidationOf(context) === 'Ignore';
  if (type === JSON_PATCH) {
    const problems = isLoose ? [] : [...duplicates, ...checkOperations(body)].map((problem) => `json patch ${problem}`);
    return { applyTo: (document) => applyJsonPatch(document, body), quote: asJson, problems };
  }
  if (body === null && type === MERGE_PATCH) throw errors.badRequest('Invalid JSON Patch');
  if (body !== null && !isObject(body)) throw notAnObject(body, type);
  const problems = isLoose ? [] : duplicates;
  if (type === MERGE_PATCH) return { applyTo: (document) => applyMergePatch(document, body), quote: asJson, problems };
  return {
    applyTo: (document) => applyStrategicMergePatch({ original: document, patch: body ?? {}, schema, table }),
    quote: () => goText(body),
    problems,
  };
}

const OPERATION_FIELDS = ['op', 'path', 'from', 'value'];

/** Unknown members of operations; throws for what is no list of them, as Go decodes `[]jsonPatchOp`. */
function checkOperations(body: unknown): string[] {
  const failure = (value: unknown, target: string): errors.ApiError =>
    errors.badRequest(`error decoding patch: json: cannot unmarshal ${goKind(value)} into Go ${target}`);
  if (body === null) return [];
  if (!Array.isArray(body)) throw failure(body, 'value of type []handlers.jsonPatchOp');
  const unknown: string[] = [];
  for (const [i, operation] of (body as unknown[]).entries()) {
    if (operation === null) continue;
    if (!isObject(operation)) throw failure(operation, 'value of type handlers.jsonPatchOp');
    for (const name of Object.keys(operation)) {
      const value = operation[name];
      if (!OPERATION_FIELDS.includes(name)) unknown.push(`unknown field ${JSON.stringify(`[${i}].${name}`)}`);
      else if (name !== 'value' && value !== null && typeof value !== 'string')
        throw failure(value, `struct field jsonPatchOp.${name} of type string`);
    }
  }
  return unknown;
}

function goKind(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function notAnObject(body: unknown, type: string): errors.ApiError {
  const prefix = type === MERGE_PATCH ? 'error decoding patch: ' : '';
  const target = 'Go value of type map[string]interface {}';
  return errors.badRequest(`${prefix}json: cannot unmarshal ${goKind(body)} into ${target}`);
}

function decodeBody({ request }: RequestContext, type: string): { body: unknown; duplicates: string[] } {
  if (request.object !== undefined) return { body: cloneJson(request.object), duplicates: [] };
  const bytes = request.body ?? new Uint8Array();
  try {
    return { body: decodeJson(bytes), duplicates: findDuplicateKeys(Buffer.from(bytes).toString()) };
  } catch (error) {
    if (error instanceof errors.ApiError) throw error;
    const prefix = type === STRATEGIC_MERGE_PATCH ? '' : 'error decoding patch: ';
    throw errors.badRequest(`${prefix}${(error as Error).message}`);
  }
}
