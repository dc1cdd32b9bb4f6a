/** What a ResourceSlice must satisfy (upstream: `validateResourceSliceSpec`, `validateDevice`). */
import type { V1DeviceAttribute, V1DeviceCapacity, V1NodeSelector } from '@kubernetes/client-node';
import { validateNodeSelector } from '../../../core/v1/node-selector.ts';
import { deepEqual } from '../../../machinery/equality.ts';
import { fieldPath, invalid, notSupported, required, tooLong, tooMany } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import {
  invalidEach,
  isDns1123Subdomain,
  isQualifiedName,
  isValidLabelValue,
  validateImmutable,
} from '../../../machinery/validation.ts';
import {
  TAINT_EFFECTS,
  validateBinding,
  validateDriverName,
  validateItems,
  validateLabelName,
  validatePoolName,
  validateQualifiedName,
} from '../device-rules.ts';
import { validateCapacity } from './capacity-validation.ts';
import type { ResourceSlice } from './types.ts';

type Spec = NonNullable<ResourceSlice['spec']>;
type Device = NonNullable<Spec['devices']>[number];
type Taint = NonNullable<Device['taints']>[number];
type Counters = Record<string, unknown>;

const SPEC = fieldPath('spec');
const MAX_DEVICES = 128;
const MAX_ADVANCED_DEVICES = 64;
const MAX_COUNTER_SETS = 8;
const MAX_COUNTERS = 32;
const MAX_CONSUMPTIONS = 2;
const MAX_ATTRIBUTES = 32;
const MAX_ATTRIBUTE_VALUE = 64;
const MAX_TAINTS = 16;
/** `semverRe` */
const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;

export function validateSlice(next: ResourceSlice, previous?: ResourceSlice): FieldError[] {
  const spec = next.spec ?? ({} as Spec);
  const devices = spec.devices ?? [];
  const isAdvanced = devices.some(
    ({ taints = [], consumesCounters = [] }) => taints.length > 0 || consumesCounters.length > 0,
  );
  const errors = [
    ...validateDriverName(spec.driver, SPEC.child('driver')),
    ...validatePool(spec, SPEC.child('pool')),
    ...(previous ? validateKept(spec, previous.spec ?? ({} as Spec)) : []),
    ...validatePlaces(spec),
  ];
  if (spec.sharedCounters !== undefined && spec.devices !== undefined) {
    errors.push(invalid(SPEC, '', 'only one of `sharedCounters` or `devices` is allowed'));
  }
  const before = new Map((previous?.spec?.devices ?? []).map((device) => [device.name, device]));
  return [
    ...errors,
    ...validateItems(devices, SPEC.child('devices'), {
      max: isAdvanced ? MAX_ADVANCED_DEVICES : MAX_DEVICES,
      validate: (device, path) =>
        validateDevice(device, path, { previous: before.get(device.name), hasOwnPlace: spec.perDeviceNodeSelection }),
      key: ({ name }) => name ?? '',
    }),
    ...validateItems(spec.sharedCounters, SPEC.child('sharedCounters'), {
      max: MAX_COUNTER_SETS,
      validate: ({ name, counters }, path) => validateCounters(name, counters, { path, nameField: 'name' }),
      key: ({ name }) => name ?? '',
    }),
  ];
}

function validatePool({ pool }: Spec, path: FieldPath): FieldError[] {
  const { name, resourceSliceCount = 0, generation = 0 } = pool ?? {};
  const errors = validatePoolName(name, path.child('name'));
  if (resourceSliceCount <= 0) {
    errors.push(invalid(path.child('resourceSliceCount'), resourceSliceCount, 'must be greater than zero'));
  }
  if (generation >= 0) return errors;
  return [...errors, invalid(path.child('generation'), generation, 'must be greater than or equal to zero')];
}

function validateKept(next: Spec, previous: Spec): FieldError[] {
  return [
    ...validateImmutable(next.pool?.name, previous.pool?.name, SPEC.child('pool', 'name')),
    ...validateImmutable(next.driver, previous.driver, SPEC.child('driver')),
    ...validateImmutable(next.nodeName, previous.nodeName, SPEC.child('nodeName')),
  ];
}

interface Place {
  nodeName?: string;
  nodeSelector?: unknown;
  allNodes?: boolean;
}

/** Problems of each way to say where devices are, and which ways were used. */
function placesOf({ nodeName, nodeSelector, allNodes }: Place, path: FieldPath, emptyName: string) {
  const errors: FieldError[] = [];
  const used: string[] = [];
  if (nodeName !== undefined) {
    const namePath = path.child('nodeName');
    if (nodeName === '') errors.push(invalid(namePath, nodeName, emptyName));
    else {
      used.push('`nodeName`');
      errors.push(...invalidEach(namePath, nodeName, isDns1123Subdomain(nodeName)));
    }
  }
  if (nodeSelector) {
    used.push('`nodeSelector`');
    errors.push(...validateNodeSelector(nodeSelector as V1NodeSelector, path.child('nodeSelector')));
  }
  if (allNodes === true) used.push('`allNodes`');
  else if (allNodes === false)
    errors.push(invalid(path.child('allNodes'), false, 'must be either unset or set to true'));
  return { errors, used };
}

function validatePlaces(spec: Spec): FieldError[] {
  const { errors, used } = placesOf(spec, SPEC, 'must be either unset or set to a non-empty string');
  const terms = spec.nodeSelector?.nodeSelectorTerms;
  if (spec.nodeSelector && terms?.length !== 1) {
    const path = SPEC.child('nodeSelector', 'nodeSelectorTerms');
    errors.push(invalid(path, terms ?? null, 'must have exactly one node selector term'));
  }
  if (spec.perDeviceNodeSelection === true) used.push('`perDeviceNodeSelection`');
  else if (spec.perDeviceNodeSelection === false) {
    errors.push(invalid(SPEC.child('perDeviceNodeSelection'), false, 'must be either unset or set to true'));
  }
  const wanted = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
  if (used.length === 0) errors.push(required(SPEC, wanted));
  if (used.length > 1) errors.push(invalid(SPEC, `{${used.join(', ')}}`, `${wanted}, but multiple fields are set`));
  return errors;
}

interface DeviceContext {
  previous: Device | undefined;
  hasOwnPlace: boolean | undefined;
}

function validateDevice(device: Device, path: FieldPath, { previous, hasOwnPlace }: DeviceContext): FieldError[] {
  const { attributes = {}, capacity = {}, taints, consumesCounters, allowMultipleAllocations } = device;
  const errors = validateLabelName(device.name, path.child('name'));
  const count = Object.keys(attributes).length + Object.keys(capacity).length;
  if (count > MAX_ATTRIBUTES) {
    const detail = `the total number of attributes and capacities must not exceed ${MAX_ATTRIBUTES}`;
    errors.push(invalid(path, count, detail));
  }
  for (const [name, attribute] of Object.entries(attributes)) {
    const attributesPath = path.child('attributes');
    errors.push(...validateQualifiedName(name, attributesPath));
    errors.push(...validateAttribute(attribute, attributesPath.key(name)));
  }
  if (!deepEqual(previous?.capacity, capacity)) {
    const allowsMany = allowMultipleAllocations === true;
    errors.push(...validateCapacities(capacity as Record<string, V1DeviceCapacity>, path, allowsMany));
  }
  if (!deepEqual(previous?.taints, taints)) {
    errors.push(...validateItems(taints, path.child('taints'), { max: MAX_TAINTS, validate: validateTaint }));
  }
  const consumptions = validateItems(consumesCounters, path.child('consumesCounters'), {
    max: MAX_CONSUMPTIONS,
    validate: ({ counterSet, counters }, at) =>
      validateCounters(counterSet, counters, { path: at, nameField: 'counterSet' }),
    key: ({ counterSet }) => counterSet ?? '',
  });
  return [...errors, ...consumptions, ...validateOwnPlace(device, path, hasOwnPlace), ...validateBinding(device, path)];
}

function validateCapacities(
  capacity: Readonly<Record<string, V1DeviceCapacity>>,
  devicePath: FieldPath,
  allowsMany: boolean,
): FieldError[] {
  const path = devicePath.child('capacity');
  return Object.entries(capacity).flatMap(([name, amount]) => [
    ...validateQualifiedName(name, path),
    ...validateCapacity(amount, path.key(name), allowsMany),
  ]);
}

function validateOwnPlace(device: Device, path: FieldPath, hasOwnPlace: boolean | undefined): FieldError[] {
  if (hasOwnPlace !== true) {
    const { nodeName, nodeSelector, allNodes } = device;
    if (nodeName === undefined && nodeSelector === undefined && allNodes === undefined) return [];
    const fields = '`nodeName`, `nodeSelector` and `allNodes`';
    const detail = `${fields} can only be set if \`perDeviceNodeSelection\` is set to true in the ResourceSlice spec`;
    return [invalid(path, null, detail)];
  }
  const { errors, used } = placesOf(device, path, 'must not be empty');
  const fields = 'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required';
  const wanted = `${fields} when \`perDeviceNodeSelection\` is set to true in the ResourceSlice spec`;
  if (used.length === 0) errors.push(required(path, wanted));
  if (used.length > 1) errors.push(invalid(path, `{${used.join(', ')}}`, wanted));
  return errors;
}

function validateAttribute(attribute: V1DeviceAttribute, path: FieldPath): FieldError[] {
  const { string: text, version } = attribute;
  const errors: FieldError[] = [];
  if (text !== undefined) errors.push(...validateLength(text, path.child('string')));
  if (version !== undefined) {
    const versionPath = path.child('version');
    const detail = 'must be a string compatible with semver.org spec 2.0.0';
    if (version.length > 256 || !SEMVER.test(version)) errors.push(invalid(versionPath, version, detail));
    errors.push(...validateLength(version, versionPath));
  }
  const count = Object.values(attribute).filter((value) => value !== undefined).length;
  if (count === 1) return errors;
  return [...errors, invalid(path, count === 0 ? '' : attribute, 'exactly one value must be specified')];
}

function validateLength(text: string, path: FieldPath): FieldError[] {
  return Buffer.byteLength(text) > MAX_ATTRIBUTE_VALUE ? [tooLong(path, MAX_ATTRIBUTE_VALUE)] : [];
}

function validateTaint({ key = '', value = '', effect = '' }: Taint, path: FieldPath): FieldError[] {
  const errors = invalidEach(path.child('key'), key, isQualifiedName(key));
  if (value !== '') errors.push(...invalidEach(path.child('value'), value, isValidLabelValue(value)));
  const effectPath = path.child('effect');
  if (effect === '') return [...errors, required(effectPath)];
  return TAINT_EFFECTS.includes(effect) ? errors : [...errors, notSupported(effectPath, effect, TAINT_EFFECTS)];
}

function validateCounters(
  name: string | undefined,
  counters: Counters | undefined,
  { path, nameField }: { path: FieldPath; nameField: string },
): FieldError[] {
  const namePath = path.child(nameField);
  const countersPath = path.child('counters');
  const errors = name ? validateLabelName(name, namePath) : [required(namePath)];
  const names = Object.keys(counters ?? {});
  if (names.length === 0) return [...errors, required(countersPath)];
  if (names.length > MAX_COUNTERS) return [...errors, tooMany(countersPath, names.length, MAX_COUNTERS)];
  return [...errors, ...names.flatMap((counter) => validateLabelName(counter, countersPath))];
}
