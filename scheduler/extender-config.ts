/**
 * The `extenders` of a `KubeSchedulerConfiguration`: their fields, what is wrong with them, and the settings that they
 * come to (`pkg/scheduler/apis/config/validation/validation.go validateExtenders`, `pkg/scheduler/extender.go
 * makeTransport`).
 */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { parseDuration } from '../api/cel/time.ts';
import { isExtendedResource } from '../api/core/v1/resource-names.ts';
import { fieldPath, invalid } from '../api/machinery/field-error.ts';
import type { FieldError, FieldPath } from '../api/machinery/field-error.ts';
import { invalidEach, isQualifiedName } from '../api/machinery/validation.ts';
import type { ExtenderTls } from './extender-connection.ts';
import type { HttpExtenderSettings } from './http-extender.ts';

/** PEM, in a file or base64 here; what is here comes first. */
interface TlsFields {
  insecure?: boolean;
  serverName?: string;
  certFile?: string;
  keyFile?: string;
  caFile?: string;
  certData?: string;
  keyData?: string;
  caData?: string;
}

export interface ExtenderFields {
  urlPrefix?: string;
  filterVerb?: string;
  preemptVerb?: string;
  prioritizeVerb?: string;
  weight?: number;
  bindVerb?: string;
  enableHTTPS?: boolean;
  tlsConfig?: TlsFields;
  httpTimeout?: string;
  nodeCacheCapable?: boolean;
  managedResources?: { name?: string; ignoredByScheduler?: boolean }[];
  ignorable?: boolean;
}

export interface ExtendersConfig {
  /** In the order in which they are asked: those that may fail last. */
  extenders: readonly HttpExtenderSettings[];
  /** Resources that an extender looks after, and `NodeResourcesFit` is not to look at. */
  ignoredResources: readonly string[];
}

const DEFAULT_TIMEOUT_MS = 5_000;
const NANOS_PER_MS = 1_000_000n;

/** Every problem; reads no files. */
export function validateExtenders(extenders: readonly ExtenderFields[], path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const managed = new Set<string>();
  for (const [i, { prioritizeVerb = '', weight = 0, managedResources = [] }] of extenders.entries()) {
    const own = path.index(i);
    if (prioritizeVerb !== '' && weight <= 0) {
      errors.push(invalid(own.child('weight'), weight, 'must have a positive weight applied to it'));
    }
    for (const [r, { name = '' }] of managedResources.entries()) {
      const namePath = own.child('managedResources').index(r).child('name');
      errors.push(...validateResourceName(name, namePath));
      if (managed.has(name)) errors.push(invalid(namePath, name, 'duplicate extender managed resource name'));
      managed.add(name);
    }
  }
  const binders = extenders.filter(({ bindVerb = '' }) => bindVerb !== '').length;
  if (binders > 1) {
    errors.push(invalid(path, `found ${binders} extenders implementing bind`, 'only one extender can implement bind'));
  }
  return errors;
}

function validateResourceName(name: string, path: FieldPath): FieldError[] {
  const errors = invalidEach(path, name, isQualifiedName(name));
  if (errors.length > 0 || isExtendedResource(name)) return errors;
  return [invalid(path, name, 'is an invalid extended resource name')];
}

/** Of fields that are right; reads the certificates' files and says which it cannot use. */
export function readExtenders(fields: readonly ExtenderFields[]): { config: ExtendersConfig; errors: FieldError[] } {
  const errors: FieldError[] = [];
  const settings = fields.map((extender, i) => {
    const path = fieldPath('extenders').index(i).child('tlsConfig');
    return settingsOf(extender, readTls(extender, { path, errors }));
  });
  const managed = fields.flatMap(({ managedResources = [] }) => managedResources);
  const config = {
    extenders: [...settings.filter((one) => !one.isIgnorable), ...settings.filter((one) => one.isIgnorable)],
    ignoredResources: managed.filter((one) => one.ignoredByScheduler === true).map(({ name = '' }) => name),
  };
  return { config, errors };
}

function settingsOf(fields: ExtenderFields, tls: ExtenderTls): HttpExtenderSettings {
  return {
    urlPrefix: fields.urlPrefix ?? '',
    filterVerb: fields.filterVerb ?? '',
    prioritizeVerb: fields.prioritizeVerb ?? '',
    preemptVerb: fields.preemptVerb ?? '',
    bindVerb: fields.bindVerb ?? '',
    weight: fields.weight ?? 0,
    isIgnorable: fields.ignorable === true,
    knowsNodes: fields.nodeCacheCapable === true,
    managedResources: new Set(fields.managedResources?.map(({ name = '' }) => name)),
    timeoutMs: timeoutOf(fields.httpTimeout),
    tls,
  };
}

function timeoutOf(text = ''): number {
  const ms = Number((parseDuration(text)?.nanos ?? 0n) / NANOS_PER_MS);
  return ms > 0 ? ms : DEFAULT_TIMEOUT_MS;
}

type Place = { path: FieldPath; errors: FieldError[] };

/** `enableHTTPS` without authorities checks no certificate, as upstream. */
function readTls({ enableHTTPS = false, tlsConfig = {} }: ExtenderFields, { path, errors }: Place): ExtenderTls {
  const read = (what: 'ca' | 'cert' | 'key'): Buffer | undefined => {
    const data = tlsConfig[`${what}Data`];
    if (data !== undefined && data !== '') return Buffer.from(data, 'base64');
    const file = tlsConfig[`${what}File`] ?? '';
    return file === '' ? undefined : readPem(file, { path: path.child(`${what}File`), errors });
  };
  const { insecure = false, serverName = '' } = tlsConfig;
  const [ca, cert, key] = [read('ca'), read('cert'), read('key')];
  if (ca !== undefined && insecure) {
    const problem = 'specifying a root certificates file with the insecure flag is not allowed';
    errors.push(invalid(path.child('insecure'), insecure, problem));
  }
  const isPair = cert !== undefined && key !== undefined;
  const tls = { ...(ca === undefined ? {} : { ca }), ...(isPair ? { cert, key } : {}) };
  try {
    createSecureContext(tls);
  } catch {
    // What OpenSSL says may quote the key.
    errors.push(invalid(path, '', 'is not a usable certificate and key, or authority, in PEM'));
  }
  const isUnchecked = insecure || (enableHTTPS && ca === undefined);
  return { insecure: isUnchecked, ...(serverName === '' ? {} : { serverName }), ...tls };
}

function readPem(file: string, { path, errors }: Place): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    errors.push(invalid(path, file, (error as Error).message.split(',')[0]!));
    return undefined;
  }
}
