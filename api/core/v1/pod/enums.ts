/**
 * Fields of pods that take one of a few values (`pkg/apis/core/validation/validation.go`; lists in the order of its
 * messages).
 */
import { notSupported, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';

export const POD_ENUMS = {
  appArmorProfileType: ['Localhost', 'RuntimeDefault', 'Unconfined'],
  azureCachingMode: ['None', 'ReadOnly', 'ReadWrite'],
  azureKind: ['Dedicated', 'Managed', 'Shared'],
  containerRestartPolicy: ['Always', 'Never', 'OnFailure'],
  dnsPolicy: ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'],
  exitCodeOperator: ['In', 'NotIn'],
  fsGroupChangePolicy: ['Always', 'OnRootMismatch'],
  hostPathType: ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'],
  mountPropagation: ['Bidirectional', 'HostToContainer', 'None'],
  nodeInclusionPolicy: ['Honor', 'Ignore'],
  operatingSystem: ['linux', 'windows'],
  podCertificateKeyType: ['ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519', 'RSA3072', 'RSA4096'],
  preemptionPolicy: ['PreemptLowerPriority', 'Never'],
  procMount: ['Default', 'Unmasked'],
  protocol: ['SCTP', 'TCP', 'UDP'],
  pullPolicy: ['Always', 'IfNotPresent', 'Never'],
  recursiveReadOnly: ['Disabled', 'Enabled', 'IfPossible'],
  resizableResource: ['cpu', 'memory'],
  resizeRestartPolicy: ['NotRequired', 'RestartContainer'],
  restartPolicy: ['Always', 'OnFailure', 'Never'],
  restartRuleAction: ['Restart', 'RestartAllContainers'],
  seLinuxChangePolicy: ['MountOption', 'Recursive'],
  seccompProfileType: ['Localhost', 'RuntimeDefault', 'Unconfined'],
  supplementalGroupsPolicy: ['Merge', 'Strict'],
  taintEffect: ['NoSchedule', 'PreferNoSchedule', 'NoExecute'],
  terminationMessagePolicy: ['File', 'FallbackToLogsOnError'],
  unsatisfiableAction: ['DoNotSchedule', 'ScheduleAnyway'],
  uriScheme: ['HTTP', 'HTTPS'],
} as const satisfies Record<string, readonly string[]>;

export type PodEnum = keyof typeof POD_ENUMS;

/** An absent value is right. */
export function validateEnum(name: PodEnum, value: string | undefined | null, path: FieldPath): FieldError[] {
  if (value === undefined || value === null) return [];
  const supported: readonly string[] = POD_ENUMS[name];
  return supported.includes(value) ? [] : [notSupported(path, value, supported)];
}

/** An absent or empty value is a `Required value`. */
export function validateRequiredEnum(name: PodEnum, value: string | undefined | null, path: FieldPath): FieldError[] {
  return value ? validateEnum(name, value, path) : [required(path)];
}
