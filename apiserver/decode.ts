/**
 * From a request's body to a checked object: media type, JSON or YAML, structure by the kind's schema, field
 * validation as the client asked for it, defaults (apiserver `endpoints/handlers/create.go`, `rest.go`).
 */
import type { ApiObject } from '../api/machinery/meta.ts';
import * as errors from '../api/machinery/errors.ts';
import { cloneJson } from '../api/patch/json-value.ts';
import { decodeProtobuf } from '../api/protobuf/decode.ts';
import { PROTOBUF_TYPE } from '../api/protobuf/unknown.ts';
import { checkStructure } from '../api/schema/check.ts';
import { decodeJson, decodeYaml, findDuplicateKeys } from '../api/schema/json.ts';
import type { SchemaTable } from '../api/schema/schema.ts';
import type { RequestContext } from './request-context.ts';
import type { ServedKind } from './registry/served-kind.ts';
import { checkWriteOptions } from './verbs/write-options.ts';

export const JSON_TYPE = 'application/json';
export const YAML_TYPE = 'application/yaml';
const ACCEPTED_BODIES = [JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE];

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

/** Default: Warn; other values have been refused with the request's options. */
export function fieldValidationOf(context: RequestContext): FieldValidation {
  const value = context.request.query.get('fieldValidation') ?? '';
  return value === 'Ignore' || value === 'Strict' ? value : 'Warn';
}

export function mediaTypeOf(header: string | undefined): string {
  return (header ?? '').split(';')[0]!.trim().toLowerCase();
}

export interface DecodedDocument {
  value: unknown;
  /** `duplicate field "spec.x"`, for field validation. */
  duplicates: string[];
}

/** Parses a body of JSON, YAML or protobuf. Throws 415 for another type, 400 for text that does not parse. */
export function decodeDocument(context: RequestContext, findDuplicates: boolean): DecodedDocument {
  const { request } = context;
  // In-process callers keep their object: what is stored must be a copy.
  if (request.object !== undefined) return { value: cloneJson(request.object), duplicates: [] };
  const body = request.body ?? new Uint8Array();
  const type = mediaTypeOf(request.headers['content-type']);
  if (type === YAML_TYPE) return decodeYaml(Buffer.from(body).toString());
  if (type === PROTOBUF_TYPE) return { value: decodeProtobuf(body), duplicates: [] };
  if (type !== JSON_TYPE && type !== '') throw errors.unsupportedMediaType(ACCEPTED_BODIES);
  return { value: decodeJson(body), duplicates: findDuplicates ? findDuplicateKeys(Buffer.from(body).toString()) : [] };
}

/** The body as an object of `kind`, private to the caller, pruned, checked and defaulted. The options come first. */
export function decodeObject(context: RequestContext, kind: ServedKind, schemas: SchemaTable): ApiObject {
  checkWriteOptions(context);
  const validation = fieldValidationOf(context);
  const { value, duplicates } = decodeBody(context, validation !== 'Ignore');
  const object = asObject(value);
  checkKind(object, kind);
  checkObject(context, object, { kind, schemas, duplicates });
  kind.resource.strategy.default?.(object);
  return object;
}

/** What a subresource or an option takes: `schema` need not be a served kind's. */
export interface BodyForm {
  schema: string;
  kind: string;
  apiVersion: string;
}

/** The body as a private, pruned object of another form than the kind's. Throws BadRequest for what does not fit. */
export function decodeAs<T>(context: RequestContext, { schema, kind, apiVersion }: BodyForm, table: SchemaTable): T {
  const { value } = decodeBody(context, false);
  const { typeError } = checkStructure({ table, schema, kind, apiVersion, object: value });
  if (typeError === undefined) return value as T;
  throw errors.badRequest(
    `${kind} in version ${JSON.stringify(versionOf(apiVersion))} cannot be handled as a ${kind}: ${typeError}`,
  );
}

function decodeBody(context: RequestContext, findDuplicates: boolean): DecodedDocument {
  try {
    return decodeDocument(context, findDuplicates);
  } catch (error) {
    if (error instanceof errors.ApiError) throw error;
    throw errors.badRequest(
      `the object provided is unrecognized (must be of type Object): ${(error as Error).message}`,
    );
  }
}

function asObject(value: unknown): ApiObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw errors.badRequest(
      "the object provided is unrecognized (must be of type Object): couldn't get version/kind; json parse error: json: cannot unmarshal value into Go value of type struct",
    );
  }
  const object = value as Record<string, unknown>;
  const { metadata } = object;
  for (const field of ['kind', 'apiVersion']) checkIsText(object, field);
  if (metadata === undefined || metadata === null) object['metadata'] = {};
  return object as unknown as ApiObject;
}

/** What says what the rest is; `null` says nothing. */
function checkIsText(object: Record<string, unknown>, field: string): void {
  const value = object[field];
  if (value === null) object[field] = '';
  if (value === undefined || value === null || typeof value === 'string') return;
  const type = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  throw errors.badRequest(
    `couldn't get version/kind; json parse error: json: cannot unmarshal ${type} into Go struct field .${field} of type string`,
  );
}

/** A body without kind or apiVersion is taken to be what the path says; another kind is refused. */
function checkKind(object: ApiObject, kind: ServedKind): void {
  const expected = kind.groupKind.kind;
  object.kind = object.kind === undefined || object.kind === '' ? expected : object.kind;
  object.apiVersion = object.apiVersion === undefined || object.apiVersion === '' ? kind.apiVersion : object.apiVersion;
  if (object.kind === expected && object.apiVersion === kind.apiVersion) return;
  if (object.kind === expected) {
    throw errors.badRequest(
      `the API version in the data (${object.apiVersion}) does not match the expected API version (${kind.apiVersion})`,
    );
  }
  throw errors.badRequest(
    `${object.kind} in version ${JSON.stringify(versionOf(object.apiVersion))} cannot be handled as a ${expected}: no kind "${object.kind}" is registered for version "${object.apiVersion}"`,
  );
}

function versionOf(apiVersion: string): string {
  return apiVersion.slice(apiVersion.indexOf('/') + 1);
}

export interface ObjectCheck {
  kind: ServedKind;
  schemas: SchemaTable;
  duplicates: readonly string[];
  /** Of an applied configuration, which keeps the zeros that it names. */
  keepsZeros?: boolean;
  /** Words what is wrong with the object. Default: the body cannot be handled as the kind. */
  refuse?(problem: string): errors.ApiError;
}

/** Prunes and checks `object`; unknown and duplicate fields are errors or warnings as the request asks. */
export function checkObject(context: RequestContext, object: ApiObject, check: ObjectCheck): void {
  const { kind, schemas, duplicates, keepsZeros = false, refuse = (problem) => cannotBeHandled(kind, problem) } = check;
  keepCleared(object);
  const { schema, structure } = kind.resource;
  const { unknownFields, typeError } =
    structure?.check(object) ??
    checkStructure({
      table: schemas,
      schema,
      kind: kind.groupKind.kind,
      apiVersion: kind.apiVersion,
      object,
      keepsZeros,
    });
  if (typeError !== undefined) throw refuse(typeError);
  const problems = [...duplicates, ...unknownFields.map((path) => `unknown field ${JSON.stringify(path)}`)];
  if (problems.length === 0) return;
  const validation = fieldValidationOf(context);
  if (validation === 'Strict') throw refuse(`strict decoding error: ${problems.join(', ')}`);
  if (validation === 'Warn') for (const problem of problems) context.warnings.add(problem);
}

/** An empty list of managedFields clears them, as one empty entry does; but empty lists are left out. */
function keepCleared({ metadata }: ApiObject): void {
  if (Array.isArray(metadata.managedFields) && metadata.managedFields.length === 0) metadata.managedFields.push({});
}

function cannotBeHandled({ groupKind: { kind }, resource: { version } }: ServedKind, problem: string): errors.ApiError {
  return errors.badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${problem}`);
}
