/** Validation of requests and limits (`pkg/apis/core/validation/validation.go ValidateResourceRequirements`). */
import {
  duplicate,
  forbidden,
  invalid,
  notFoundValue,
  notSupported,
  required,
} from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { parseQuantity, QuantityError, tryParseQuantity } from '../../../machinery/quantity.ts';
import type { Quantity } from '../../../machinery/quantity.ts';
import { invalidEach, isQualifiedName, NOT_NEGATIVE_MESSAGE } from '../../../machinery/validation.ts';
import {
  isExtendedResource,
  isHugePagesResource,
  isIntegerResource,
  isNativeResource,
  isOvercommitAllowed,
  isPodLevelResource,
  isStandardContainerResource,
  isStandardResource,
} from '../resource-names.ts';
import { aggregateContainerRequests } from './resources.ts';
import type { Pod, PodSpec, ResourceList, ResourceRequirements } from './types.ts';

type NameCheck = (name: string, path: FieldPath) => FieldError[];

/** `validateResourceName`: a qualified name; without a domain, one that Kubernetes knows. */
export function validateResourceName(name: string, path: FieldPath): FieldError[] {
  const errors = isStandardResource(name) ? [] : invalidEach(path, name, isQualifiedName(name));
  if (errors.length > 0 || name.includes('/') || isStandardResource(name)) return errors;
  return [invalid(path, name, 'must be a standard resource type or fully qualified')];
}

export function validateContainerResourceName(name: string, path: FieldPath): FieldError[] {
  if (isStandardContainerResource(name)) return [];
  const errors = validateResourceName(name, path);
  if (!name.includes('/')) return [...errors, invalid(path, name, 'must be a standard resource for containers')];
  if (!isNativeResource(name) && !isExtendedResource(name)) {
    errors.push(invalid(path, name, "doesn't follow extended resource name standard"));
  }
  return errors;
}

function validatePodLevelResourceName(name: string, path: FieldPath): FieldError[] {
  if (isPodLevelResource(name)) return [];
  const errors = validateResourceName(name, path);
  return errors.length > 0 ? errors : [notSupported(path, name, ['cpu', 'hugepages-', 'memory'])];
}

/** A quantity that parses, is not negative, and is whole where only whole amounts make sense. */
export function validateResourceQuantity(name: string, text: string, path: FieldPath): FieldError[] {
  const quantity = parseOrReport(text, path);
  if (Array.isArray(quantity)) return quantity;
  const errors = validateNonNegativeQuantity(quantity, path);
  if (isIntegerResource(name) && quantity.milliValue() % 1000 !== 0)
    errors.push(invalid(path, text, 'must be an integer'));
  return errors;
}

export function validateNonNegativeQuantity(quantity: Quantity, path: FieldPath): FieldError[] {
  return quantity.sign() < 0 ? [invalid(path, quantity.toString(), NOT_NEGATIVE_MESSAGE)] : [];
}

/** `claimNames` are those of `spec.resourceClaims`; without them claims are not checked. */
export function validateResourceRequirements(
  resources: ResourceRequirements | undefined,
  path: FieldPath,
  claimNames?: ReadonlySet<string>,
): FieldError[] {
  if (!resources) return [];
  const errors = validateLists(resources, path, validateContainerResourceName);
  if (resources.claims?.length) errors.push(...validateClaims(resources.claims, path.child('claims'), claimNames));
  return errors;
}

/** `validatePodResources`: what is set for the pod as a whole, and that its containers fit into it. */
export function validatePodLevelResources(spec: PodSpec, path: FieldPath): FieldError[] {
  const resources = spec.resources;
  if (!resources) return [];
  const errors = validateLists(resources, path, validatePodLevelResourceName);
  if (resources.claims?.length)
    errors.push(forbidden(path.child('claims'), 'claims may not be set for Resources at pod-level'));
  const aggregated = aggregateContainerRequests({ metadata: {}, spec } as Pod);
  for (const [name, text] of Object.entries(resources.requests ?? {})) {
    const [request, sum] = [tryParseQuantity(text), aggregated.get(name)];
    if (request === undefined || sum === undefined || request.cmp(sum) >= 0) continue;
    const detail = `must be greater than or equal to aggregate container requests of ${sum.toString()}`;
    errors.push(invalid(path.child('requests').key(name), text, detail));
  }
  return errors;
}

function validateLists(resources: ResourceRequirements, path: FieldPath, checkName: NameCheck): FieldError[] {
  const limits = resources.limits ?? {};
  const requests = resources.requests ?? {};
  const [limitsPath, requestsPath] = [path.child('limits'), path.child('requests')];
  const errors = [...validateList(limits, limitsPath, checkName), ...validateList(requests, requestsPath, checkName)];
  for (const name of Object.keys(requests)) {
    if (!Object.hasOwn(limits, name)) {
      if (isOvercommitAllowed(name)) continue;
      errors.push(required(limitsPath, 'Limit must be set for non overcommitable resources'));
    } else {
      errors.push(...validateWithinLimit({ name, request: requests[name]!, limit: limits[name]! }, requestsPath));
    }
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePagesResource) && !names.includes('cpu') && !names.includes('memory')) {
    errors.push(forbidden(path, 'HugePages require cpu or memory'));
  }
  return errors;
}

function validateList(list: ResourceList, path: FieldPath, checkName: NameCheck): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of Object.keys(list)) {
    const keyPath = path.key(name);
    errors.push(...checkName(name, keyPath), ...validateResourceQuantity(name, list[name]!, keyPath));
    if (isHugePagesResource(name)) errors.push(...validateHugePages(name, list[name]!, keyPath));
  }
  return errors;
}

function validateWithinLimit(entry: { name: string; request: string; limit: string }, path: FieldPath): FieldError[] {
  if (entry.request === entry.limit) return [];
  const [request, limit] = [tryParseQuantity(entry.request), tryParseQuantity(entry.limit)];
  if (request === undefined || limit === undefined || request.cmp(limit) === 0) return [];
  const bound = `${entry.name} limit of ${limit.toString()}`;
  if (!isOvercommitAllowed(entry.name)) return [invalid(path, request.toString(), `must be equal to ${bound}`)];
  return request.cmp(limit) > 0 ? [invalid(path, request.toString(), `must be less than or equal to ${bound}`)] : [];
}

function validateHugePages(name: string, text: string, path: FieldPath): FieldError[] {
  const size = tryParseQuantity(name.slice('hugepages-'.length));
  const quantity = tryParseQuantity(text);
  if (size === undefined || size.sign() <= 0 || quantity === undefined) return [];
  if (quantity.nano % size.nano === 0n) return [];
  return [
    invalid(path, quantity.toString(), `${quantity.toString()} is not positive integer multiple of ${size.toString()}`),
  ];
}

function validateClaims(
  claims: NonNullable<ResourceRequirements['claims']>,
  path: FieldPath,
  claimNames: ReadonlySet<string> = new Set(),
): FieldError[] {
  const seen = new Set<string>();
  return claims.flatMap(({ name, request }, i) => {
    const claimPath = path.index(i);
    if (!name) return [required(claimPath)];
    const key = request ? `${name}/${request}` : name;
    const errors = seen.has(key) || seen.has(name) ? [duplicate(claimPath, key)] : [];
    seen.add(key);
    if (!claimNames.has(name)) {
      const known = claimNames.size === 0 ? ' which is empty' : `: ${[...claimNames].sort().join(', ')}`;
      const error = notFoundValue(claimPath, name);
      errors.push({
        ...error,
        message: `${error.message}: must be one of the names in pod.spec.resourceClaims${known}`,
      });
    }
    return errors;
  });
}

function parseOrReport(text: string, path: FieldPath): Quantity | FieldError[] {
  try {
    return parseQuantity(text);
  } catch (error) {
    if (error instanceof QuantityError) return [invalid(path, text, error.message)];
    throw error;
  }
}
