/** ConfigMap: configuration as keys and values (upstream: `pkg/registry/core/configmap`, `ValidateConfigMap`). */
import type { V1ConfigMap } from '@kubernetes/client-node';
import { deepEqual } from '../../machinery/equality.ts';
import { fieldPath, forbidden, invalid, tooLong } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { invalidEach, isConfigMapKey } from '../../machinery/validation.ts';
import { ageColumn } from '../../table-cells.ts';
import { base64Problem, decodedLength } from './binary-data.ts';

export type ConfigMap = WireObject<V1ConfigMap>;

/** All values together (`core.MaxSecretSize`, shared by Secrets and ConfigMaps). */
export const MAX_CONFIG_BYTES = 1024 * 1024;

/** How Go prints the path of an unnamed field. */
const WHOLE_OBJECT = fieldPath('[]');

export const configMaps = defineResource<ConfigMap>({
  group: '',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'configmaps', singular: 'configmap', kind: 'ConfigMap', shortNames: ['cm'] },
  schema: 'V1ConfigMap',
  additionalPrinterColumns: [
    {
      name: 'Data',
      type: 'string',
      description: 'Number of keys',
      cell: ({ data, binaryData }) => Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length,
    },
    ageColumn(),
  ],
  strategy: { validate: validateConfigMap, validateUpdate: validateConfigMapUpdate },
});

function validateConfigMap({ data = {}, binaryData = {} }: ConfigMap): FieldError[] {
  const errors: FieldError[] = [];
  let total = 0;
  for (const [key, value] of Object.entries(data)) {
    const path = fieldPath('data').key(key);
    errors.push(...invalidEach(path, key, isConfigMapKey(key)));
    if (Object.hasOwn(binaryData, key)) {
      errors.push(invalid(path, key, 'duplicate of key present in binaryData'));
    }
    total += Buffer.byteLength(value);
  }
  for (const [key, value] of Object.entries(binaryData)) {
    const path = fieldPath('binaryData').key(key);
    errors.push(...invalidEach(path, key, isConfigMapKey(key)), ...base64Problem(path, value));
    total += decodedLength(value);
  }
  if (total > MAX_CONFIG_BYTES) errors.push(tooLong(WHOLE_OBJECT, MAX_CONFIG_BYTES));
  return errors;
}

function validateConfigMapUpdate(next: ConfigMap, previous: ConfigMap): FieldError[] {
  const errors: FieldError[] = [];
  if (previous.immutable === true) {
    const detail = 'field is immutable when `immutable` is set';
    if (next.immutable !== true) errors.push(forbidden(fieldPath('immutable'), detail));
    for (const field of ['data', 'binaryData'] as const) {
      if (!deepEqual(next[field], previous[field])) errors.push(forbidden(fieldPath(field), detail));
    }
  }
  return [...errors, ...validateConfigMap(next)];
}
