/**
 * Writes to `pods/status` (`pkg/registry/core/pod/strategy.go podStatusStrategy`, `validation.go
 * ValidatePodStatusUpdate`).
 */
import { duplicate, fieldPath, forbidden, invalid } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { ipFamilyOf } from '../../../machinery/validation-ip.ts';
import {
  invalidEach,
  isQualifiedName,
  isValidGroupId,
  isValidIp,
  isValidUserId,
  validateDnsSubdomainName,
  validateImmutable,
} from '../../../machinery/validation.ts';
import { isSidecar } from './containers.ts';
import type { Container, ContainerStatus, Pod, PodStatus } from './types.ts';
import { validatePodAnnotationsUpdate } from './validate-annotations.ts';

const STATUS = fieldPath('status');

/** The spec stays; generations that were observed are not forgotten. */
export function prepareForStatusUpdate(next: Pod, previous: Pod): void {
  next.spec = previous.spec;
  const status = (next.status ??= {});
  const before = previous.status ?? {};
  if (!status.qosClass && before.qosClass) status.qosClass = before.qosClass;
  if (!status.observedGeneration && before.observedGeneration) status.observedGeneration = before.observedGeneration;
  keepObservedGenerations(status, before);
}

/** Conditions may repeat a type: generations are handed on in order. */
function keepObservedGenerations(status: PodStatus, before: PodStatus): void {
  const byType = new Map<string, (number | undefined)[]>();
  for (const { type, observedGeneration } of before.conditions ?? []) {
    byType.set(type, [...(byType.get(type) ?? []), observedGeneration]);
  }
  for (const condition of status.conditions ?? []) {
    const generation = byType.get(condition.type)?.shift();
    if (!condition.observedGeneration && generation) condition.observedGeneration = generation;
  }
}

export function validatePodStatusUpdate(next: Pod, previous: Pod): FieldError[] {
  const errors = validatePodAnnotationsUpdate(next, previous, fieldPath('metadata', 'annotations'));
  const status = next.status ?? {};
  errors.push(...validateConditionTypes(status));
  if ((next.spec.nodeName ?? '') !== (previous.spec.nodeName ?? '')) {
    errors.push(forbidden(STATUS.child('nodeName'), 'may not be changed directly'));
  }
  const nominated = status.nominatedNodeName;
  if (nominated && nominated !== previous.status?.nominatedNodeName) {
    errors.push(
      ...invalidEach(STATUS.child('nominatedNodeName'), nominated, validateDnsSubdomainName(nominated, false)),
    );
  }
  const qosBefore = previous.status?.qosClass ?? '';
  errors.push(...validateImmutable(status.qosClass ?? '', qosBefore, STATUS.child('qosClass')));
  errors.push(...validateTransitions(next, previous));
  errors.push(...validateClaimStatuses(next));
  errors.push(...validatePodIps(status), ...validateHostIps(status));
  for (const field of STATUS_LISTS) {
    errors.push(...validateUsers(status[field] ?? [], STATUS.child(field), next.spec.os?.name));
  }
  return errors;
}

const STATUS_LISTS = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const;
const SYSTEM_CONDITIONS = new Set(['PodScheduled', 'Ready', 'Initialized']);

/** Upstream reports these under `metadata`. */
function validateConditionTypes({ conditions = [] }: PodStatus): FieldError[] {
  const path = fieldPath('metadata', 'conditions');
  return conditions.flatMap(({ type = '' }, i) =>
    SYSTEM_CONDITIONS.has(type) ? [] : invalidEach(path.index(i).child('Type'), type, isQualifiedName(type)),
  );
}

/** A container that has ended for good does not run again (`ValidateContainerStateTransition`). */
function validateTransitions(next: Pod, previous: Pod): FieldError[] {
  return STATUS_LISTS.flatMap((field) => {
    const running = new Set(
      (next.status?.[field] ?? []).filter(({ state }) => !state?.terminated).map(({ name }) => name),
    );
    return (previous.status?.[field] ?? []).flatMap((old, i) => {
      if (!old.state?.terminated || !running.has(old.name) || mayRestart(old, field, previous)) return [];
      return [
        forbidden(STATUS.child(field).index(i).child('state'), 'may not be transitioned to non-terminated state'),
      ];
    });
  });
}

function mayRestart({ name, state }: ContainerStatus, field: (typeof STATUS_LISTS)[number], { spec }: Pod): boolean {
  if (field === 'ephemeralContainerStatuses') return false;
  const containers: readonly Container[] =
    (field === 'containerStatuses' ? spec.containers : spec.initContainers) ?? [];
  const container = containers.find((candidate) => candidate.name === name);
  if (container?.restartPolicyRules?.length || (field === 'initContainerStatuses' && isSidecar(container))) return true;
  const policy = container?.restartPolicy ?? spec.restartPolicy;
  return policy === 'Always' || (policy === 'OnFailure' && state?.terminated?.exitCode !== 0);
}

function validateClaimStatuses({ spec, status }: Pod): FieldError[] {
  const claims = new Set((spec.resourceClaims ?? []).map(({ name }) => name));
  const seen = new Set<string>();
  return (status?.resourceClaimStatuses ?? []).flatMap(({ name = '', resourceClaimName }, i) => {
    const path = STATUS.child('resourceClaimStatuses').index(i).child('name');
    const unknown = 'must match the name of an entry in `spec.resourceClaims`';
    const errors = claims.has(name) ? [] : [invalid(path, name, unknown)];
    if (seen.has(name)) errors.push(duplicate(path, name));
    seen.add(name);
    if (resourceClaimName != null) {
      errors.push(...invalidEach(path, resourceClaimName, validateDnsSubdomainName(resourceClaimName, false)));
    }
    return errors;
  });
}

function validatePodIps({ podIPs = [] }: PodStatus): FieldError[] {
  return validateAddresses(podIPs, STATUS.child('podIPs'));
}

function validateHostIps({ hostIP = '', hostIPs = [] }: PodStatus): FieldError[] {
  if (hostIPs.length === 0) return [];
  const path = STATUS.child('hostIPs');
  const errors =
    hostIPs[0]!.ip === hostIP ? [] : [invalid(path.index(0).child('ip'), hostIPs[0]!.ip, 'must be equal to `hostIP`')];
  return [...errors, ...validateAddresses(hostIPs, path)];
}

/** At most one of each family. */
function validateAddresses(addresses: readonly { ip?: string }[], path: FieldPath): FieldError[] {
  const errors = addresses.flatMap(({ ip = '' }, i) => isValidIp(path.index(i), ip));
  if (addresses.length < 2) return errors;
  const families = new Set(addresses.map(({ ip = '' }) => ipFamilyOf(ip)));
  if (addresses.length > 2 || families.size !== 2 || families.has('')) {
    errors.push(invalid(path, addresses.map(internalAddress), 'may specify no more than one IP for each IP family'));
  }
  const seen = new Set<string>();
  for (const [i, address] of addresses.entries()) {
    if (seen.has(address.ip ?? '')) errors.push(duplicate(path.index(i), internalAddress(address)));
    seen.add(address.ip ?? '');
  }
  return errors;
}

/** As upstream's internal type prints it. */
function internalAddress({ ip = '' }: { ip?: string }): object {
  return { IP: ip };
}

function validateUsers(statuses: readonly ContainerStatus[], path: FieldPath, os: string | undefined): FieldError[] {
  return statuses.flatMap(({ user }, i) => {
    if (!user?.linux) return [];
    const linuxPath = path.index(i).child('linux');
    if (os === 'windows') return [forbidden(linuxPath, 'cannot be set for a windows pod')];
    const { uid = 0, gid = 0, supplementalGroups = [] } = user.linux;
    return [
      ...invalidEach(linuxPath.child('uid'), uid, isValidUserId(uid)),
      ...invalidEach(linuxPath.child('gid'), gid, isValidGroupId(gid)),
      ...supplementalGroups.flatMap((group, j) =>
        invalidEach(linuxPath.child('supplementalGroups').index(j), group, isValidGroupId(group)),
      ),
    ];
  });
}
