/**
 * A version of a custom kind over what is stored, in whatever version and under whatever schema it was written: read
 * in this version, pruned and with its defaults (apiextensions `apiserver/customresource_handler.go`, the decoder from
 * storage and the `None` converter, unless the kind has another).
 */
import type { ApiObject } from '../../machinery/meta.ts';
import type { ObjectView, VersionConverter } from '../../machinery/resource.ts';
import { cloneJson } from '../../patch/json-value.ts';
import { defaultCustomObject } from './defaulting.ts';
import { pruneCustomObject } from './prune.ts';
import type { JsonSchemaProps } from './types.ts';

export interface CustomViewOptions {
  /** `example.com/v1` */
  apiVersion: string;
  storedApiVersion: string;
  schema: JsonSchemaProps;
  /** Of the version in which objects are stored. */
  storedSchema: JsonSchemaProps;
  /** Absent: versions differ in nothing but their name. */
  convert?: VersionConverter | undefined;
}

export function customView(options: CustomViewOptions): ObjectView<ApiObject> {
  const { apiVersion, storedApiVersion, schema, storedSchema, convert } = options;
  return {
    storedApiVersion,
    ...(convert === undefined ? {} : { converted: { apiVersion, storedApiVersion, convert } }),
    toStored(object) {
      if (convert === undefined || apiVersion === storedApiVersion) return { ...object, apiVersion: storedApiVersion };
      const stored = cloneJson(object);
      pruneCustomObject(stored as unknown as Record<string, unknown>, storedSchema);
      return stored;
    },
    fromStored(object) {
      const fields = object as unknown as Record<string, unknown>;
      const pruned = pruneCustomObject(fields, schema).length > 0;
      const defaulted = defaultCustomObject(fields, schema);
      return pruned || defaulted || object.apiVersion !== apiVersion ? { ...object, apiVersion } : object;
    },
  };
}
