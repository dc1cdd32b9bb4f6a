/**
 * What a conversion webhook is asked, and its answer checked: every object in the version that was asked for, and with
 * the identity that it had (apiextensions-apiserver `pkg/apiserver/conversion/webhook_converter.go`).
 */
import type { FieldError } from '../../api/machinery/field-error.ts';
import { fieldPath, formatFieldError } from '../../api/machinery/field-error.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { validateAnnotations, validateLabels } from '../../api/machinery/validation.ts';
import { goType } from '../../api/patch/go-text.ts';
import type { JsonObject } from '../../api/patch/json-value.ts';
import { cloneJson, getOwn, isDeeperThan, isObject, MAX_DEPTH } from '../../api/patch/json-value.ts';

const REVIEW_VERSIONS = ['v1', 'v1beta1'];
const GROUP = 'apiextensions.k8s.io';

export interface ReviewQuestion {
  uid: string;
  /** Of the review itself. */
  version: string;
  desiredApiVersion: string;
  objects: readonly ApiObject[];
}

/** The first version that the server speaks; undefined when there is none. */
export function reviewVersion(accepted: readonly string[]): string | undefined {
  return accepted.find((version) => REVIEW_VERSIONS.includes(version));
}

export function conversionReview({ uid, version, desiredApiVersion, objects }: ReviewQuestion): object {
  return {
    kind: 'ConversionReview',
    apiVersion: `${GROUP}/${version}`,
    request: { uid, desiredAPIVersion: desiredApiVersion, objects },
  };
}

/** The objects of an answer, as they are. Throws an Error whose message says what is wrong with it. */
export function convertedObjects(answer: unknown, { uid, version }: ReviewQuestion): unknown[] {
  const review = isObject(answer) ? answer : {};
  // Of v1beta1 neither the kind nor the uid was ever checked.
  const isChecked = version === 'v1';
  if (isChecked) checkKind(review, version);
  const response = getOwn(review, 'response');
  if (!isObject(response)) throw new Error('no response provided');
  const answered = text(response['uid']);
  if (isChecked && answered !== uid)
    throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(answered)}`);
  checkResult(isObject(response['result']) ? response['result'] : {});
  const converted = response['convertedObjects'];
  return Array.isArray(converted) ? converted : [];
}

function checkKind(review: JsonObject, version: string): void {
  const [apiVersion, kind] = [text(review['apiVersion']), text(review['kind'])];
  const expected = `${GROUP}/${version}`;
  if (apiVersion === expected && kind === 'ConversionReview') return;
  throw new Error(
    `expected webhook response of ${goKind(expected, 'ConversionReview')}, got ${goKind(apiVersion, kind)}`,
  );
}

function checkResult({ status, message }: JsonObject): void {
  if (status === 'Success') return;
  throw new Error(text(message) || `response.result.status was '${text(status)}', not 'Success'`);
}

/** What is wrong with an object of an answer: its form, who it is, or its metadata. */
export class UnfitObject extends Error {
  readonly about: 'form' | 'identity' | 'metadata';

  constructor(about: UnfitObject['about'], message: string) {
    super(message);
    this.about = about;
  }
}

/** A private copy of a converted object, with the metadata of the original but for labels and annotations. */
export function acceptedObject(original: ApiObject, converted: unknown, desiredApiVersion: string): ApiObject {
  const object = checkForm(original, converted, desiredApiVersion);
  checkIdentity(original, object);
  return { ...object, metadata: restoredMetadata(original, getOwn(object, 'metadata')) } as unknown as ApiObject;
}

function checkForm(original: ApiObject, converted: unknown, desired: string): JsonObject {
  const unfit = (problem: string): UnfitObject => new UnfitObject('form', problem);
  if (!isObject(converted))
    throw unfit(`json: cannot unmarshal ${jsonType(converted)} into Go value of type map[string]interface {}`);
  if (isDeeperThan(converted, MAX_DEPTH)) throw unfit('exceeded max depth');
  const [apiVersion, kind] = [text(converted['apiVersion']), text(converted['kind'])];
  if (apiVersion !== desired)
    throw unfit(`invalid groupVersion (expected ${desired}, received ${apiVersion === '' ? '/' : apiVersion})`);
  if (kind !== original.kind) throw unfit(`invalid kind (expected ${original.kind}, received ${kind})`);
  return converted;
}

function checkIdentity({ metadata }: ApiObject, converted: JsonObject): void {
  const found = getOwn(converted, 'metadata');
  const other = isObject(found) ? found : {};
  const fields = { name: 'name', namespace: 'namespace', uid: 'UID' } as const;
  for (const [field, name] of Object.entries(fields)) {
    const before = metadata[field as keyof typeof fields] ?? '';
    const after = text(other[field]);
    if (before !== after) throw new UnfitObject('identity', `must have the same ${name}: ${before} != ${after}`);
  }
}

function restoredMetadata({ metadata }: ApiObject, converted: unknown): ApiObject['metadata'] {
  if (converted === undefined) throw unfitMetadata('missing metadata in converted object');
  if (!isObject(converted)) throw unfitMetadata(`invalid metadata of type ${goType(converted)} in converted object`);
  const restored = cloneJson(metadata);
  for (const field of ['labels', 'annotations'] as const) {
    const texts = textsOf(field, converted[field]);
    if (texts === undefined) delete restored[field];
    else restored[field] = texts;
  }
  const problems = [
    ...validateLabels(restored.labels, fieldPath('metadata', 'labels')),
    ...validateAnnotations(restored.annotations, fieldPath('metadata', 'annotation')),
  ];
  if (problems.length > 0) throw unfitMetadata(joined(problems));
  return restored;
}

function textsOf(field: string, value: unknown): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw unfitMetadata(`invalid metadata.${field} of type ${goType(value)} in converted object`);
  for (const [key, member] of Object.entries(value)) {
    if (typeof member !== 'string')
      throw unfitMetadata(`metadata.${field}[${key}] must be a string, but is ${goType(member)} in converted object`);
  }
  return value as Record<string, string>;
}

function unfitMetadata(problem: string): UnfitObject {
  return new UnfitObject('metadata', problem);
}

/** `ErrorList.ToAggregate().Error()` */
function joined(problems: readonly FieldError[]): string {
  const texts = [...new Set(problems.map(formatFieldError))];
  return texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`;
}

/** `example.com/v1, Kind=Foo` */
export function goKind(apiVersion: string, kind: string): string {
  return `${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function jsonType(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
