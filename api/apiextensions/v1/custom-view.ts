/**
 * A version of a custom kind over what is stored, in whatever version and under whatever schema it was written: read
 * in this version, pruned and with its defaults (apiextensions `apiserver/customresource_handler.go`, the decoder from
 * storage and the `None` converter).
 */
import type { ApiObject } from '../../machinery/meta.ts';
import type { ObjectView } from '../../machinery/resource.ts';
import { defaultCustomObject } from './defaulting.ts';
import { pruneCustomObject } from './prune.ts';
import type { JsonSchemaProps } from './types.ts';

export interface CustomViewOptions {
  /** `example.com/v1` */
  apiVersion: string;
  storedApiVersion: string;
  schema: JsonSchemaProps;
}

export function customView({ apiVersion, storedApiVersion, schema }: CustomViewOptions): ObjectView<ApiObject> {
  return {
    toStored: (object) => ({ ...object, apiVersion: storedApiVersion }),
    fromStored(object) {
      const fields = object as unknown as Record<string, unknown>;
      const pruned = pruneCustomObject(fields, schema).length > 0;
      const defaulted = defaultCustomObject(fields, schema);
      return pruned || defaulted || object.apiVersion !== apiVersion ? { ...object, apiVersion } : object;
    },
  };
}
