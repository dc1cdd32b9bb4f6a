/** The body of an apply: YAML, of the form that the endpoint takes, with every field known. */
import * as errors from '../../api/machinery/errors.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { joinTypedProblems, typedProblems } from '../../api/managed-fields/typed.ts';
import { cloneJson } from '../../api/patch/json-value.ts';
import { decodeYaml } from '../../api/schema/json.ts';
import type { SchemaTable } from '../../api/schema/schema.ts';
import type { BodyForm } from '../decode.ts';
import { fieldValidationOf } from '../decode.ts';
import type { RequestContext } from '../request-context.ts';

export const APPLY_YAML = 'application/apply-patch+yaml';

/** A private copy, neither pruned nor defaulted. Throws BadRequest, and 500 for fields that are not declared. */
export function readApplied(context: RequestContext, form: BodyForm, table: SchemaTable): ApiObject {
  const { value, duplicates } = decodeBody(context);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badYaml(`json: cannot unmarshal ${jsonType(value)} into Go value of type map[string]interface {}`);
  checkDuplicates(context, duplicates);
  const sent = value as ApiObject;
  if (typeof sent.metadata !== 'object' || sent.metadata === null) sent.metadata ??= {};
  checkVersion(sent, form);
  if (Array.isArray(sent.metadata.managedFields)) throw errors.badRequest('metadata.managedFields must be nil');
  checkTyped(sent, form.schema, table);
  return sent;
}

function decodeBody({ request }: RequestContext): { value: unknown; duplicates: string[] } {
  if (request.object !== undefined) return { value: cloneJson(request.object), duplicates: [] };
  try {
    return decodeYaml(Buffer.from(request.body ?? new Uint8Array()).toString());
  } catch (error) {
    throw badYaml((error as Error).message);
  }
}

function badYaml(problem: string): errors.ApiError {
  return errors.badRequest(`error decoding YAML: ${problem}`);
}

function jsonType(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function checkDuplicates(context: RequestContext, duplicates: readonly string[]): void {
  const validation = fieldValidationOf(context);
  if (duplicates.length === 0 || validation === 'Ignore') return;
  const problem = `error converting YAML to JSON: yaml: unmarshal errors:\n${duplicates.map((text) => `  ${text}`).join('\n')}`;
  if (validation === 'Strict') throw errors.badRequest(`error strict decoding YAML: ${problem}`);
  context.warnings.add(problem);
}

/** Worded as `managedfields/internal/versioncheck.go`. */
function checkVersion(sent: ApiObject, form: BodyForm): void {
  if (sent.apiVersion === form.apiVersion && sent.kind === form.kind) return;
  throw errors.badRequest(`invalid object type: ${goKind(sent)}`);
}

/** Every field must be known, whatever the request says about field validation. */
function checkTyped(sent: ApiObject, schema: string, table: SchemaTable): void {
  const problems = typedProblems({ table, schema, object: sent });
  if (problems.length > 0) throw untyped(sent, joinTypedProblems(problems));
}

/** Upstream has no reason and no better code for it. */
function untyped(sent: ApiObject, problem: string): errors.ApiError {
  const { namespace = '', name = '' } = sent.metadata;
  const message = `failed to create typed patch object (${String(namespace)}/${String(name)}; ${goKind(sent)}): ${problem}`;
  return new errors.ApiError({ code: 500, message });
}

/** What is no text counts as absent. */
function textOrNone(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** `apps/v1, Kind=Deployment`; the core group leaves a lone slash, and nothing at all `/, Kind=`. */
function goKind({ kind, apiVersion }: ApiObject): string {
  const [version, name] = [textOrNone(apiVersion), textOrNone(kind)];
  return `${version.includes('/') ? '' : '/'}${version}, Kind=${name}`;
}
