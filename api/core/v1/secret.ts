/**
 * Secret: confidential keys and values (upstream: `ValidateSecret`, `pkg/registry/core/secret`). Values never appear in
 * errors.
 */
import type { V1Secret } from '@kubernetes/client-node';
import { deepEqual } from '../../machinery/equality.ts';
import { fieldPath, forbidden, invalid, required, tooLong } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { invalidEach, isConfigMapKey, validateImmutable } from '../../machinery/validation.ts';
import { ageColumn } from '../../table-cells.ts';
import { base64Problem, decodeBase64, decodedLength, encodeBase64 } from './binary-data.ts';

export type Secret = WireObject<V1Secret>;

/** All values together (`core.MaxSecretSize`). */
export const MAX_SECRET_BYTES = 1024 * 1024;

export const SERVICE_ACCOUNT_TOKEN_TYPE = 'kubernetes.io/service-account-token';
/** Annotation that names the ServiceAccount of a token Secret. */
export const SERVICE_ACCOUNT_NAME_ANNOTATION = 'kubernetes.io/service-account.name';
export const SERVICE_ACCOUNT_UID_ANNOTATION = 'kubernetes.io/service-account.uid';

const DATA = fieldPath('data');
const IMMUTABLE = 'field is immutable when `immutable` is set';

export const secrets = defineResource<Secret>({
  group: '',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'secrets', singular: 'secret', kind: 'Secret' },
  schema: 'V1Secret',
  additionalPrinterColumns: [
    { name: 'Type', type: 'string', description: 'What the secret is used for', cell: ({ type }) => type ?? '' },
    { name: 'Data', type: 'string', description: 'Number of keys', cell: ({ data }) => Object.keys(data ?? {}).length },
    ageColumn(),
  ],
  selectableFields: { type: ({ type }) => type ?? '' },
  strategy: {
    default: defaultSecret,
    prepareForUpdate(next, previous) {
      if (!next.type && previous.type) next.type = previous.type;
    },
    validate: validateSecret,
    validateUpdate: validateSecretUpdate,
  },
});

/** `stringData` is for writing only: it is merged over `data` and goes. */
function defaultSecret(secret: Secret): void {
  secret.type ||= 'Opaque';
  const { stringData } = secret;
  delete secret.stringData;
  for (const [key, value] of Object.entries(stringData ?? {})) {
    Object.defineProperty((secret.data ??= {}), key, { value: encodeBase64(value), ...PLAIN });
  }
}

/** Defined, not assigned: a key such as `__proto__` comes from the client. */
const PLAIN = { enumerable: true, writable: true, configurable: true };

function validateSecret({ data = {}, type, metadata }: Secret): FieldError[] {
  const errors: FieldError[] = [];
  let total = 0;
  for (const [key, value] of Object.entries(data)) {
    errors.push(...invalidEach(DATA.key(key), key, isConfigMapKey(key)), ...base64Problem(DATA.key(key), value));
    total += decodedLength(value);
  }
  if (total > MAX_SECRET_BYTES) errors.push(tooLong(DATA, MAX_SECRET_BYTES));
  if (type === SERVICE_ACCOUNT_TOKEN_TYPE && !metadata.annotations?.[SERVICE_ACCOUNT_NAME_ANNOTATION]) {
    errors.push(required(fieldPath('metadata', 'annotations').key(SERVICE_ACCOUNT_NAME_ANNOTATION)));
  }
  return [...errors, ...validateKeysOfType(type ?? '', data)];
}

/** Keys that the well-known types need (`ValidateSecret`). */
function validateKeysOfType(type: string, data: Readonly<Record<string, string>>): FieldError[] {
  const has = (key: string): boolean => Object.hasOwn(data, key);
  const missing = (...keys: string[]): FieldError[] =>
    keys.filter((key) => !has(key)).map((key) => required(DATA.key(key)));
  switch (type) {
    case 'kubernetes.io/dockercfg':
      return validateJson('.dockercfg', data);
    case 'kubernetes.io/dockerconfigjson':
      return validateJson('.dockerconfigjson', data);
    case 'kubernetes.io/basic-auth':
      return has('username') || has('password') ? [] : missing('username', 'password');
    case 'kubernetes.io/ssh-auth':
      return data['ssh-privatekey'] ? [] : [required(DATA.key('ssh-privatekey'))];
    case 'kubernetes.io/tls':
      return missing('tls.crt', 'tls.key');
    default:
      return [];
  }
}

function validateJson(key: string, data: Readonly<Record<string, string>>): FieldError[] {
  if (!Object.hasOwn(data, key)) return [required(DATA.key(key))];
  const problem = jsonObjectProblem(decodeBase64(data[key]!));
  return problem === '' ? [] : [invalid(DATA.key(key), '<secret contents redacted>', problem)];
}

function jsonObjectProblem(text: string): string {
  if (text.trim() === '') return 'unexpected end of JSON input';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Go's text quotes a character of the secret; ours does not.
    return 'invalid JSON';
  }
  if (value === null || (typeof value === 'object' && !Array.isArray(value))) return '';
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return `json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`;
}

function validateSecretUpdate(next: Secret, previous: Secret): FieldError[] {
  const errors = validateImmutable(next.type, previous.type, fieldPath('type'));
  if (previous.immutable === true) {
    if (next.immutable !== true) errors.push(forbidden(fieldPath('immutable'), IMMUTABLE));
    if (!deepEqual(next.data, previous.data)) errors.push(forbidden(DATA, IMMUTABLE));
  }
  return [...errors, ...validateSecret(next)];
}
