/**
 * From client-side apply to server-side apply: what the annotation of `kubectl apply` says about ownership, and how it
 * is kept up to date (upstream: apimachinery `util/managedfields/internal` lastappliedmanager.go, lastappliedupdater.go).
 */
import type { ApiObject } from '../machinery/meta.ts';
import { decodeJson } from '../schema/json.ts';
import type { Schema, SchemaTable } from '../schema/schema.ts';
import { compare, fieldsOf, isObject } from './compare.ts';
import type { FieldSet } from './field-set.ts';
import { rootDifference } from './field-set.ts';
import { rootShape } from './shape.ts';
import { typedProblems } from './typed.ts';

export const LAST_APPLIED_ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';

/** The manager that takes over from client-side apply without conflicts. */
export const KUBECTL_MANAGER = 'kubectl';

/** All annotations of an object together may be this large (`ValidateAnnotationsSize`). */
const MAX_ANNOTATIONS_BYTES = 256 << 10;

/**
 * The fields that client-side apply set and that still are as it set them; `undefined` without a usable annotation,
 * which is a client's text.
 */
export function lastAppliedFields(
  live: ApiObject,
  { apiVersion, schema, table }: { apiVersion: string; schema: string | Schema; table: SchemaTable },
): FieldSet | undefined {
  const lastApplied = parseObject(live.metadata.annotations?.[LAST_APPLIED_ANNOTATION] ?? '');
  if (lastApplied === undefined || lastApplied['apiVersion'] !== apiVersion) return undefined;
  if (typedProblems({ table, schema, object: lastApplied }).length > 0) return undefined;
  const shape = rootShape(table, schema);
  const { taken, removed } = compare(shape, lastApplied, live);
  let fields = fieldsOf(shape, lastApplied);
  for (const changed of [taken, removed]) {
    if (fields !== undefined && changed !== undefined) fields = rootDifference(fields, changed);
  }
  return fields;
}

/**
 * Writes `applied` into the annotation of `object` where it has one; takes the annotation away when all annotations
 * would be too large with it. Changes `object`, not `applied`.
 */
export function refreshLastApplied(object: ApiObject, applied: ApiObject): void {
  const { annotations } = object.metadata;
  if (annotations === undefined || (annotations[LAST_APPLIED_ANNOTATION] ?? '') === '') return;
  const next: Record<string, string> = { ...annotations, [LAST_APPLIED_ANNOTATION]: lastAppliedText(applied) };
  const size = Object.entries(next).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  if (size > MAX_ANNOTATIONS_BYTES) delete next[LAST_APPLIED_ANNOTATION];
  object.metadata.annotations = next;
}

/** As Go's encoder writes it, which sorts members and ends the line. */
function lastAppliedText(applied: ApiObject): string {
  const { annotations, ...metadata } = applied.metadata;
  const { [LAST_APPLIED_ANNOTATION]: _last, ...others } = annotations ?? {};
  const copy = { ...applied, metadata: annotations === undefined ? metadata : { ...metadata, annotations: others } };
  return `${JSON.stringify(copy, sortMembers)}\n`;
}

function sortMembers(_key: string, value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function parseObject(text: string): Record<string, unknown> | undefined {
  if (text === '') return undefined;
  try {
    const value = decodeJson(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
