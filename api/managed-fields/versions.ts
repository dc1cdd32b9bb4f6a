/**
 * Other API versions of an object: whoever wrote through one of them owns fields as that version names them, so the
 * object is looked at in that version (upstream: apimachinery `util/managedfields/internal/versionconverter.go`).
 */
import type { ApiObject } from '../machinery/meta.ts';
import type { Schema, SchemaTable } from '../schema/schema.ts';
import { rootShape } from './shape.ts';
import type { Shape } from './shape.ts';

export interface KindVersions {
  /**
   * The structure of the kind in a version (`apps/v1`): a model's name for a built-in kind, a schema for a custom one.
   * `undefined` when that version does not exist, or does not any more.
   */
  schemaOf(apiVersion: string): string | Schema | undefined;
  /**
   * The object as another version shows it, which `schemaOf` knows; the argument stays as it is. May be a promise (a
   * conversion webhook): then `runLater` has to run what asks for it. A failure fails the write.
   */
  convert(object: ApiObject, apiVersion: string): ApiObject | Promise<ApiObject>;
}

/** One version of a kind: `schema` describes objects of `apiVersion`. */
export interface KindVersion {
  apiVersion: string;
  schema: string | Schema;
  table: SchemaTable;
  /** Default: objects look alike in every version. */
  versions?: KindVersions | undefined;
}

export interface Conversion {
  object: ApiObject;
  apiVersion: string;
}

/** A computation that asks for objects in other versions on its way. */
export type Converting<T> = Generator<Conversion, T, ApiObject>;

/** Throws when a conversion has to be waited for. */
export function runNow<T>(computation: Converting<T>, versions: KindVersions | undefined): T {
  let step = computation.next();
  while (step.done !== true) {
    const { object, apiVersion } = step.value;
    const converted = versions === undefined ? object : versions.convert(object, apiVersion);
    if (converted instanceof Promise) throw new Error(`conversion to ${apiVersion} has to be waited for`);
    step = computation.next(converted);
  }
  return step.value;
}

export async function runLater<T>(computation: Converting<T>, versions: KindVersions | undefined): Promise<T> {
  let step = computation.next();
  while (step.done !== true) {
    const { object, apiVersion } = step.value;
    step = computation.next(versions === undefined ? object : await versions.convert(object, apiVersion));
  }
  return step.value;
}

/** The shape of the kind in a version; `undefined` when there is none. */
export function shapeIn({ table, schema, versions, ...own }: KindVersion, apiVersion: string): Shape | undefined {
  if (versions === undefined || apiVersion === own.apiVersion) return rootShape(table, schema);
  const other = versions.schemaOf(apiVersion);
  return other === undefined ? undefined : rootShape(table, other);
}

/** An object of `from` in another version that exists. */
export function* convertTo(
  { versions }: KindVersion,
  object: ApiObject,
  { from, to }: { from: string; to: string },
): Converting<ApiObject> {
  if (versions === undefined || from === to) return object;
  return yield { object, apiVersion: to };
}
