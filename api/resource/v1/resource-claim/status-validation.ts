/** What was allocated for a claim, and for whom (upstream: `validateResourceClaimStatusUpdate`). */
import type { V1NodeSelector } from '@kubernetes/client-node';
import { validateNodeSelector } from '../../../core/v1/node-selector.ts';
import { fieldPath, forbidden, invalid, notSupported, required, tooLong } from '../../../machinery/field-error.ts';
import { tooMany } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { formatIp, parseCidr } from '../../../machinery/validation-ip.ts';
import { validateConditions, validateImmutable } from '../../../machinery/validation.ts';
import {
  MAX_CONFIGS,
  validateBinding,
  validateConfiguration,
  validateDeviceTolerations,
  validateDriverName,
  validateItems,
  validateLabelName,
  validatePoolName,
  validateRawObject,
} from '../device-rules.ts';
import { requestNames, validateRequestReference, validateRequestReferences } from './spec-validation.ts';
import type { IsRequest } from './spec-validation.ts';
import type { ResourceClaim } from './types.ts';

type Status = NonNullable<ResourceClaim['status']>;
type Allocation = NonNullable<Status['allocation']>;
type DeviceStatus = NonNullable<Status['devices']>[number];
type Result = NonNullable<NonNullable<Allocation['devices']>['results']>[number];
type Config = NonNullable<NonNullable<Allocation['devices']>['config']>[number];
type NetworkData = NonNullable<DeviceStatus['networkData']>;

const STATUS = fieldPath('status');
const MAX_RESERVED = 256;
const MAX_RESULTS = 32;
const MAX_DEVICE_CONDITIONS = 8;
const MAX_INTERFACE_NAME = 256;
const MAX_HARDWARE_ADDRESS = 128;
const MAX_IPS = 16;
const SOURCES = ['FromClaim', 'FromClass'];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function validateClaimStatusUpdate(next: ResourceClaim, previous: ResourceClaim): FieldError[] {
  const status = next.status ?? {};
  const { allocation, devices } = status;
  const allocated = allocatedDevices(allocation);
  return [
    ...validateReservedFor(next, previous),
    ...validateItems(devices, STATUS.child('devices'), {
      validate: (device, path) => validateDeviceStatus(device, path, allocated),
      key: deviceId,
    }),
    ...validateAllocationUpdate(next, previous),
  ];
}

/** A device, and its share when it is shared. */
function deviceId({ driver = '', pool = '', device = '', shareID = '' }: DeviceStatus | Result): string {
  return [driver, pool, device, ...(shareID === '' ? [] : [shareID])].join('/');
}

function allocatedDevices(allocation: Allocation | undefined): ReadonlySet<string> {
  return new Set((allocation?.devices?.results ?? []).map(deviceId));
}

/** Statuses of devices that are allocated no more (`dropDeallocatedStatusDevices`); mutates `next`. */
export function dropDeallocatedDevices(next: ResourceClaim, previous: ResourceClaim): void {
  const { status } = next;
  if (status?.devices === undefined || previous.status?.allocation === undefined) return;
  const allocated = allocatedDevices(status.allocation);
  const before = allocatedDevices(previous.status.allocation);
  status.devices = status.devices.filter((device) => allocated.has(deviceId(device)) || !before.has(deviceId(device)));
  if (status.devices.length === 0) delete status.devices;
}

function validateReservedFor(next: ResourceClaim, previous: ResourceClaim): FieldError[] {
  const { reservedFor = [], allocation } = next.status ?? {};
  const path = STATUS.child('reservedFor');
  const errors = validateItems(reservedFor, path, {
    max: MAX_RESERVED,
    validate: ({ resource, name, uid }, userPath) => [
      ...(resource ? [] : [required(userPath.child('resource'))]),
      ...(name ? [] : [required(userPath.child('name'))]),
      ...(uid ? [] : [required(userPath.child('uid'))]),
    ],
    key: ({ uid }) => uid ?? '',
  });
  if (reservedFor.length === 0) return errors;
  if (!allocation) return [...errors, forbidden(path, 'may not be specified when `allocated` is not set')];
  if (next.metadata.deletionTimestamp === undefined) return errors;
  const known = new Set((previous.status?.reservedFor ?? []).map(({ uid }) => uid));
  const detail = 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set';
  return reservedFor.every(({ uid }) => known.has(uid)) ? errors : [...errors, forbidden(path, detail)];
}

function validateAllocationUpdate(next: ResourceClaim, previous: ResourceClaim): FieldError[] {
  const path = STATUS.child('allocation');
  const allocation = next.status?.allocation;
  if (!allocation) return [];
  const before = previous.status?.allocation;
  if (before) return validateImmutable(allocation, before, path);
  return validateAllocation(allocation, path, requestNames(next.spec));
}

function validateAllocation({ devices, nodeSelector }: Allocation, path: FieldPath, isRequest: IsRequest) {
  const devicesPath = path.child('devices');
  return [
    ...validateItems(devices?.results, devicesPath.child('results'), {
      max: MAX_RESULTS,
      validate: (result, resultPath) => validateResult(result, resultPath, isRequest),
    }),
    ...validateItems(devices?.config, devicesPath.child('config'), {
      max: 2 * MAX_CONFIGS,
      validate: (config, configPath) => validateAllocatedConfig(config, configPath, isRequest),
    }),
    ...(nodeSelector ? validateNodeSelector(nodeSelector as V1NodeSelector, path.child('nodeSelector')) : []),
  ];
}

function validateResult(result: Result, path: FieldPath, isRequest: IsRequest): FieldError[] {
  return [
    ...validateRequestReference(result.request ?? '', path.child('request'), isRequest),
    ...validateDeviceNames(result, path),
    ...validateBinding(result, path),
    ...validateDeviceTolerations(result.tolerations, path.child('tolerations')),
  ];
}

function validateDeviceNames({ driver, pool, device, shareID }: Result | DeviceStatus, path: FieldPath): FieldError[] {
  return [
    ...validateDriverName(driver, path.child('driver')),
    ...validatePoolName(pool, path.child('pool')),
    ...validateLabelName(device, path.child('device')),
    ...(shareID === undefined ? [] : validateUid(shareID, path.child('shareID'))),
  ];
}

function validateUid(uid: string, path: FieldPath): FieldError[] {
  const form = '`xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`';
  const detail = `uid must be in RFC 4122 normalized form, ${form} with lowercase hexadecimal characters`;
  return UUID.test(uid) ? [] : [invalid(path, uid, detail)];
}

function validateAllocatedConfig(config: Config, path: FieldPath, isRequest: IsRequest): FieldError[] {
  const { source = '', requests } = config;
  const sourcePath = path.child('source');
  const errors: FieldError[] = [];
  if (source === '') errors.push(required(sourcePath));
  else if (!SOURCES.includes(source)) errors.push(notSupported(sourcePath, source, SOURCES));
  return [
    ...errors,
    ...validateRequestReferences(requests, path.child('requests'), isRequest),
    ...validateConfiguration(config, path),
  ];
}

function validateDeviceStatus(device: DeviceStatus, path: FieldPath, allocated: ReadonlySet<string>): FieldError[] {
  const { conditions = [], data, networkData } = device;
  const errors = validateDeviceNames(device, path);
  if (!allocated.has(deviceId(device))) {
    errors.push(invalid(path, deviceId(device), 'must be an allocated device in the claim'));
  }
  const conditionsPath = path.child('conditions');
  if (conditions.length > MAX_DEVICE_CONDITIONS) {
    errors.push(tooMany(conditionsPath, conditions.length, MAX_DEVICE_CONDITIONS));
  }
  errors.push(...validateConditions(conditions, conditionsPath));
  if (data !== undefined) errors.push(...validateRawObject(data, path.child('data')));
  return networkData ? [...errors, ...validateNetworkData(networkData, path.child('networkData'))] : errors;
}

function validateNetworkData({ interfaceName = '', hardwareAddress = '', ips }: NetworkData, path: FieldPath) {
  const errors: FieldError[] = [];
  if (Buffer.byteLength(interfaceName) > MAX_INTERFACE_NAME) {
    errors.push(tooLong(path.child('interfaceName'), MAX_INTERFACE_NAME));
  }
  if (Buffer.byteLength(hardwareAddress) > MAX_HARDWARE_ADDRESS) {
    errors.push(tooLong(path.child('hardwareAddress'), MAX_HARDWARE_ADDRESS));
  }
  const addresses = validateItems(ips, path.child('ips'), {
    max: MAX_IPS,
    validate: validateInterfaceAddress,
    key: (ip) => ip,
  });
  return [...errors, ...addresses];
}

/** `validation.IsValidInterfaceAddress` */
function validateInterfaceAddress(value: string, path: FieldPath): FieldError[] {
  const cidr = parseCidr(value);
  if (cidr === undefined) {
    return [invalid(path, value, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')];
  }
  const canonical = `${formatIp(cidr.address)}/${cidr.prefixLength}`;
  return value === canonical ? [] : [invalid(path, value, `must be in canonical form (${JSON.stringify(canonical)})`)];
}
