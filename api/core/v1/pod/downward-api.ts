/**
 * References to a pod's own fields and resources (`validateObjectFieldSelector`,
 * `validateContainerResourceFieldSelector`).
 */
import type { V1ObjectFieldSelector, V1ResourceFieldSelector } from '@kubernetes/client-node';
import { invalid, notSupported, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { tryParseQuantity } from '../../../machinery/quantity.ts';
import { invalidEach, isQualifiedName } from '../../../machinery/validation.ts';

/** `validEnvDownwardAPIFieldPathExpressions` */
export const ENV_FIELD_PATHS: readonly string[] = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];

/** `validVolumeDownwardAPIFieldPathExpressions` */
export const VOLUME_FIELD_PATHS: readonly string[] = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];

/** Labels that `ConvertDownwardAPIFieldLabel` knows (`pkg/apis/core/pods/helpers.go`). */
const CONVERTIBLE_FIELD_PATHS = new Set([
  ...ENV_FIELD_PATHS,
  ...VOLUME_FIELD_PATHS,
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
]);

/** `validContainerResourceFieldPathExpressions` */
const RESOURCE_FIELDS: readonly string[] = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];
const HUGE_PAGES_FIELD = /^(?:requests|limits)\.hugepages-/;

const SUBSCRIPTED = /^([^[]+)\['(.*)'\]$/s;

export interface FieldReference {
  path: string;
  /** `app` in `metadata.labels['app']` */
  subscript?: string;
}

/** Splits `metadata.labels['app']` (`fieldpath.SplitMaybeSubscriptedPath`). */
export function parseFieldReference(fieldPath: string): FieldReference {
  const match = SUBSCRIPTED.exec(fieldPath);
  return match === null ? { path: fieldPath } : { path: match[1]!, subscript: match[2]! };
}

export function validateFieldSelector(
  selector: V1ObjectFieldSelector,
  path: FieldPath,
  supported: readonly string[],
): FieldError[] {
  if (!selector.apiVersion) return [required(path.child('apiVersion'))];
  if (!selector.fieldPath) return [required(path.child('fieldPath'))];
  const problem = conversionProblem(selector.apiVersion, selector.fieldPath);
  if (problem !== '')
    return [invalid(path.child('fieldPath'), selector.fieldPath, `error converting fieldPath: ${problem}`)];
  const { path: field, subscript } = parseFieldReference(selector.fieldPath);
  if (subscript !== undefined) {
    const name = field === 'metadata.annotations' ? subscript.toLowerCase() : subscript;
    return invalidEach(path, name, isQualifiedName(name));
  }
  const internal = field === 'spec.host' ? 'spec.nodeName' : field;
  return supported.includes(internal) ? [] : [notSupported(path.child('fieldPath'), field, supported)];
}

function conversionProblem(apiVersion: string, fieldPath: string): string {
  if (apiVersion !== 'v1') return `unsupported pod version: ${apiVersion}`;
  const { path, subscript } = parseFieldReference(fieldPath);
  if (subscript !== undefined) {
    const takesSubscript = path === 'metadata.annotations' || path === 'metadata.labels';
    return takesSubscript ? '' : `field label does not support subscript: ${fieldPath}`;
  }
  return CONVERTIBLE_FIELD_PATHS.has(path) || path === 'spec.host' ? '' : `field label not supported: ${fieldPath}`;
}

/** In a volume the container must be named. */
export function validateResourceFieldSelector(
  selector: V1ResourceFieldSelector,
  path: FieldPath,
  options: { volume: boolean },
): FieldError[] {
  const errors: FieldError[] = [];
  if (options.volume && !selector.containerName) errors.push(required(path.child('containerName')));
  else if (!selector.resource) errors.push(required(path.child('resource')));
  else if (!RESOURCE_FIELDS.includes(selector.resource) && !HUGE_PAGES_FIELD.test(selector.resource)) {
    errors.push(notSupported(path.child('resource'), selector.resource, RESOURCE_FIELDS));
  }
  errors.push(...validateDivisor(selector, path));
  return errors;
}

const SIZE_DIVISORS = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];
const SIZE_DIVISOR_LIST = SIZE_DIVISORS.join(', ');

function validateDivisor({ resource, divisor }: V1ResourceFieldSelector, path: FieldPath): FieldError[] {
  const quantity = tryParseQuantity(divisor);
  if (quantity === undefined || quantity.isZero() || !resource) return [];
  const text = quantity.toString();
  const problem = (list: string, what: string): FieldError[] => [
    invalid(path.child('divisor'), resource, `only divisor's values ${list} are supported with the ${what} resource`),
  ];
  if (resource.endsWith('.cpu')) return text === '1m' || text === '1' ? [] : problem('1m and 1', 'cpu');
  if (SIZE_DIVISORS.includes(text)) return [];
  if (resource.endsWith('.memory')) return problem(SIZE_DIVISOR_LIST, 'memory');
  if (resource.endsWith('.ephemeral-storage')) return problem(SIZE_DIVISOR_LIST, 'local ephemeral storage');
  return HUGE_PAGES_FIELD.test(resource) ? problem(SIZE_DIVISOR_LIST, 'hugepages') : [];
}
