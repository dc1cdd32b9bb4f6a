/** What a claim asks for: defaults and rules, which claims and templates share (upstream: `validateResourceClaimSpec`). */
import { invalid, notSupported, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { invalidEach, isDns1123Subdomain } from '../../../machinery/validation.ts';
import {
  MAX_CONFIGS,
  validateConfiguration,
  validateDeviceTolerations,
  validateFullyQualifiedName,
  validateItems,
  validateLabelName,
  validateSelectors,
} from '../device-rules.ts';
import type { ResourceClaimSpec } from './types.ts';

type Devices = NonNullable<ResourceClaimSpec['devices']>;
type Request = NonNullable<Devices['requests']>[number];
type ExactRequest = NonNullable<Request['exactly']>;
type Constraint = NonNullable<Devices['constraints']>[number];

const MAX_REQUESTS = 32;
const MAX_CONSTRAINTS = 32;
const MAX_ALTERNATIVES = 8;
const MODES = ['All', 'ExactCount'];
const NOT_A_REQUEST =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/** `SetDefaults_ExactDeviceRequest`, `SetDefaults_DeviceSubRequest`, and the operator of tolerations. */
export function defaultClaimSpec(spec: ResourceClaimSpec | undefined): void {
  for (const { exactly, firstAvailable } of spec?.devices?.requests ?? []) {
    for (const request of [...(exactly ? [exactly] : []), ...(firstAvailable ?? [])]) {
      request.allocationMode ||= 'ExactCount';
      if (request.allocationMode === 'ExactCount') request.count ||= 1;
      for (const toleration of request.tolerations ?? []) toleration.operator ||= 'Equal';
    }
  }
}

export function validateClaimSpec(spec: ResourceClaimSpec | undefined, path: FieldPath): FieldError[] {
  const devices = spec?.devices ?? {};
  const devicesPath = path.child('devices');
  const isRequest = requestNames(spec);
  return [
    ...validateItems(devices.requests, devicesPath.child('requests'), {
      max: MAX_REQUESTS,
      validate: validateRequest,
      key: ({ name }) => name ?? '',
    }),
    ...validateItems(devices.constraints, devicesPath.child('constraints'), {
      max: MAX_CONSTRAINTS,
      validate: (constraint, constraintPath) => validateConstraint(constraint, constraintPath, isRequest),
    }),
    ...validateItems(devices.config, devicesPath.child('config'), {
      max: MAX_CONFIGS,
      validate: (config, configPath) => [
        ...validateRequestReferences(config.requests, configPath.child('requests'), isRequest),
        ...validateConfiguration(config, configPath),
      ],
    }),
  ];
}

/** Whether a text names a request of the claim, or a request and one of its alternatives. */
export type IsRequest = (name: string) => boolean;

export function requestNames(spec: ResourceClaimSpec | undefined): IsRequest {
  const names = new Set<string>();
  for (const { name = '', firstAvailable } of spec?.devices?.requests ?? []) {
    names.add(name);
    for (const alternative of firstAvailable ?? []) names.add(`${name}/${alternative.name ?? ''}`);
  }
  return (name) => names.has(name);
}

export function validateRequestReference(name: string, path: FieldPath, isRequest: IsRequest): FieldError[] {
  const segments = name.split('/');
  if (segments.length > 2) return [invalid(path, name, NOT_A_REQUEST)];
  const errors = segments.flatMap((segment) => validateLabelName(segment, path));
  return isRequest(name) ? errors : [...errors, invalid(path, name, NOT_A_REQUEST)];
}

export function validateRequestReferences(
  names: readonly string[] | undefined,
  path: FieldPath,
  isRequest: IsRequest,
): FieldError[] {
  return validateItems(names, path, {
    max: MAX_REQUESTS,
    validate: (name, namePath) => validateRequestReference(name, namePath, isRequest),
    key: (name) => name,
  });
}

function validateRequest({ name, exactly, firstAvailable = [] }: Request, path: FieldPath): FieldError[] {
  const errors = validateLabelName(name, path.child('name'));
  const wanted = 'exactly one of `exactly` or `firstAvailable` is required';
  if (exactly && firstAvailable.length > 0) {
    return [...errors, invalid(path, null, `${wanted}, but multiple fields are set`)];
  }
  if (exactly) return [...errors, ...validateDevices(exactly, path.child('exactly'))];
  if (firstAvailable.length === 0) return [...errors, required(path, wanted)];
  const alternatives = validateItems(firstAvailable, path.child('firstAvailable'), {
    max: MAX_ALTERNATIVES,
    validate: (alternative, alternativePath) => [
      ...validateLabelName(alternative.name, alternativePath.child('name')),
      ...validateDevices(alternative, alternativePath),
    ],
    key: (alternative) => alternative.name ?? '',
  });
  return [...errors, ...alternatives];
}

function validateDevices(request: ExactRequest, path: FieldPath): FieldError[] {
  const { deviceClassName = '', selectors, allocationMode = '', count = 0, tolerations } = request;
  const classPath = path.child('deviceClassName');
  return [
    ...(deviceClassName === ''
      ? [required(classPath)]
      : invalidEach(classPath, deviceClassName, isDns1123Subdomain(deviceClassName))),
    ...validateSelectors(selectors, path.child('selectors')),
    ...validateMode(allocationMode, count, path),
    ...validateDeviceTolerations(tolerations, path.child('tolerations')),
  ];
}

function validateMode(mode: string, count: number, path: FieldPath): FieldError[] {
  const countPath = path.child('count');
  if (mode === 'All') {
    const detail = "must not be specified when allocationMode is 'All'";
    return count === 0 ? [] : [invalid(countPath, count, detail)];
  }
  if (mode !== 'ExactCount') return [notSupported(path.child('allocationMode'), mode, MODES)];
  return count > 0 ? [] : [invalid(countPath, count, 'must be greater than zero')];
}

function validateConstraint(constraint: Constraint, path: FieldPath, isRequest: IsRequest): FieldError[] {
  const { requests, matchAttribute, distinctAttribute } = constraint;
  const errors = validateRequestReferences(requests, path.child('requests'), isRequest);
  if (matchAttribute !== undefined) {
    return [...errors, ...validateFullyQualifiedName(matchAttribute, path.child('matchAttribute'))];
  }
  if (distinctAttribute !== undefined) {
    return [...errors, ...validateFullyQualifiedName(distinctAttribute, path.child('distinctAttribute'))];
  }
  // The end of the sentence is upstream's, though none is set.
  const detail = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set';
  return [...errors, required(path, detail)];
}
