/**
 * Validation of security contexts of pods and containers
 * (`pkg/apis/core/validation/validation.go validatePodSpecSecurityContext`, `ValidateSecurityContext`).
 */
import { duplicate, forbidden, invalid, required, tooLong } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { invalidEach, isDns1123Subdomain, isValidGroupId, isValidUserId } from '../../../machinery/validation.ts';
import { validateEnum } from './enums.ts';
import type { PodSecurityContext, PodSpec, SecurityContext } from './types.ts';
import { validateLocalDescendingPath } from './validate-paths.ts';

type Ids = Pick<PodSecurityContext, 'runAsUser' | 'runAsGroup' | 'fsGroup'>;

export function validatePodSecurityContext(spec: PodSpec, path: FieldPath): FieldError[] {
  const context = spec.securityContext;
  if (!context) return [];
  const errors = validateIds(context, path);
  for (const [i, group] of (context.supplementalGroups ?? []).entries()) {
    errors.push(...invalidEach(path.child('supplementalGroups').index(i), group, isValidGroupId(group)));
  }
  if (spec.shareProcessNamespace === true && spec.hostPID === true) {
    const detail = 'ShareProcessNamespace and HostPID cannot both be enabled';
    errors.push(invalid(path.child('shareProcessNamespace'), true, detail));
  }
  errors.push(...validateSysctls(spec, path.child('sysctls')));
  errors.push(...validateEnum('fsGroupChangePolicy', context.fsGroupChangePolicy, path.child('fsGroupChangePolicy')));
  errors.push(...validateProfiles(context, path));
  errors.push(
    ...validateEnum(
      'supplementalGroupsPolicy',
      context.supplementalGroupsPolicy,
      path.child('supplementalGroupsPolicy'),
    ),
    ...validateEnum('seLinuxChangePolicy', context.seLinuxChangePolicy, path.child('seLinuxChangePolicy')),
  );
  return errors;
}

export function validateSecurityContext(
  context: SecurityContext | undefined,
  path: FieldPath,
  spec: PodSpec,
): FieldError[] {
  if (!context) return [];
  const errors = validateIds(context, path);
  errors.push(...validateEnum('procMount', context.procMount, path.child('procMount')));
  if (context.procMount === 'Unmasked' && spec.hostUsers !== false) {
    errors.push(invalid(path.child('procMount'), 'Unmasked', '`hostUsers` must be false to use `Unmasked`'));
  }
  if (context.allowPrivilegeEscalation === false) {
    const prefix = 'cannot set `allowPrivilegeEscalation` to false and';
    if (context.privileged === true) errors.push(invalid(path, context, `${prefix} \`privileged\` to true`));
    if (context.capabilities?.add?.includes('CAP_SYS_ADMIN')) {
      errors.push(invalid(path, context, `${prefix} \`capabilities.Add\` CAP_SYS_ADMIN`));
    }
  }
  errors.push(...validateProfiles(context, path));
  return errors;
}

function validateIds(context: Ids, path: FieldPath): FieldError[] {
  const { runAsUser, runAsGroup, fsGroup } = context;
  const errors: FieldError[] = [];
  if (fsGroup != null) errors.push(...invalidEach(path.child('fsGroup'), fsGroup, isValidGroupId(fsGroup)));
  if (runAsUser != null) errors.push(...invalidEach(path.child('runAsUser'), runAsUser, isValidUserId(runAsUser)));
  if (runAsGroup != null) errors.push(...invalidEach(path.child('runAsGroup'), runAsGroup, isValidGroupId(runAsGroup)));
  return errors;
}

type Profiles = Pick<SecurityContext, 'seccompProfile' | 'appArmorProfile' | 'windowsOptions'>;

function validateProfiles(
  { seccompProfile, appArmorProfile, windowsOptions }: Profiles,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = [];
  if (seccompProfile) errors.push(...validateSeccomp(seccompProfile, path.child('seccompProfile')));
  if (windowsOptions) errors.push(...validateWindowsOptions(windowsOptions, path.child('windowsOptions')));
  if (appArmorProfile) errors.push(...validateAppArmor(appArmorProfile, path.child('appArmorProfile')));
  return errors;
}

function validateSeccomp(profile: NonNullable<Profiles['seccompProfile']>, path: FieldPath): FieldError[] {
  const { type, localhostProfile } = profile;
  const filePath = path.child('localhostProfile');
  const errors = type
    ? validateEnum('seccompProfileType', type, path.child('type'))
    : [required(path.child('type'), 'type is required when seccompProfile is set')];
  if (type !== 'Localhost') {
    if (localhostProfile != null)
      errors.push(invalid(filePath, profile, 'can only be set when seccomp type is Localhost'));
  } else if (localhostProfile == null) {
    errors.push(required(filePath, 'must be set when seccomp type is Localhost'));
  } else {
    errors.push(...validateLocalDescendingPath(localhostProfile, filePath));
  }
  return errors;
}

/** PATH_MAX - 1 */
const MAX_PROFILE_BYTES = 4095;

function validateAppArmor(profile: NonNullable<Profiles['appArmorProfile']>, path: FieldPath): FieldError[] {
  const { type, localhostProfile } = profile;
  const filePath = path.child('localhostProfile');
  if (type !== 'Localhost') {
    if (!type) return [required(path.child('type'), 'type is required when appArmorProfile is set')];
    const errors = validateEnum('appArmorProfileType', type, path.child('type'));
    if (localhostProfile == null || errors.length > 0) return errors;
    return [invalid(filePath, localhostProfile, 'can only be set when AppArmor type is Localhost')];
  }
  if (!localhostProfile) return [required(filePath, 'must be set when AppArmor type is Localhost')];
  const isPadded = localhostProfile.trim() !== localhostProfile;
  const errors = isPadded ? [invalid(filePath, localhostProfile, 'must not be padded with whitespace')] : [];
  if (Buffer.byteLength(localhostProfile) > MAX_PROFILE_BYTES) errors.push(tooLong(filePath, MAX_PROFILE_BYTES));
  return errors;
}

type WindowsOptions = NonNullable<Profiles['windowsOptions']>;

const MAX_GMSA_SPEC_BYTES = 64 * 1024;

function validateWindowsOptions(options: WindowsOptions, path: FieldPath): FieldError[] {
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName: user } = options;
  const errors = name == null ? [] : invalidEach(path.child('gmsaCredentialSpecName'), name, isDns1123Subdomain(name));
  const specPath = path.child('gmsaCredentialSpec');
  if (spec === '') errors.push(invalid(specPath, spec, 'gmsaCredentialSpec cannot be an empty string'));
  else if (spec != null && Buffer.byteLength(spec) > MAX_GMSA_SPEC_BYTES) {
    const detail = `gmsaCredentialSpec size must be under ${MAX_GMSA_SPEC_BYTES / 1024} KiB`;
    errors.push(invalid(specPath, spec, detail));
  }
  if (user === '') errors.push(invalid(path.child('runAsUserName'), user, 'runAsUserName cannot be an empty string'));
  return errors;
}

/** `SysctlContainSlashFmt` */
const SYSCTL_SOURCE = '([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const SYSCTL = new RegExp(`^${SYSCTL_SOURCE}$`);
const MAX_SYSCTL_LENGTH = 253;

function validateSysctls(spec: PodSpec, path: FieldPath): FieldError[] {
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  for (const [i, { name = '' }] of (spec.securityContext?.sysctls ?? []).entries()) {
    const namePath = path.index(i).child('name');
    if (name === '') errors.push(required(namePath));
    else if (name.length > MAX_SYSCTL_LENGTH || !SYSCTL.test(name)) {
      const detail = `must have at most ${MAX_SYSCTL_LENGTH} characters and match regex ^${SYSCTL_SOURCE}$`;
      errors.push(invalid(namePath, name, detail));
    } else if (seen.has(name)) errors.push(duplicate(namePath, name));
    seen.add(name);
    errors.push(...validateHostSysctl(name, namePath, spec));
  }
  return errors;
}

const IPC_SYSCTL = /^(kernel\.(shm|msg)|fs\.mqueue\.|kernel\.sem$)/;

/** A pod in a namespace of the host may not set what lives there (`ValidateHostSysctl`). */
function validateHostSysctl(name: string, path: FieldPath, spec: PodSpec): FieldError[] {
  const dotted = name.replaceAll('/', '.');
  if (spec.hostNetwork === true && dotted.startsWith('net.')) {
    return [invalid(path, name, "may not be specified when 'hostNetwork' is true")];
  }
  if (spec.hostIPC === true && IPC_SYSCTL.test(dotted)) {
    return [invalid(path, name, "may not be specified when 'hostIPC' is true")];
  }
  return [];
}

/**
 * A user namespace of its own does not go with namespaces of the host (`validateHostUsers`, which spells two fields
 * so).
 */
const HOST_NAMESPACE_FIELDS = { hostNetwork: 'hostNetwork', hostPID: 'HostPID', hostIPC: 'HostIPC' } as const;

export function validateHostUsers(spec: PodSpec, path: FieldPath): FieldError[] {
  if (spec.hostUsers !== false) return [];
  return (['hostNetwork', 'hostPID', 'hostIPC'] as const)
    .filter((field) => spec[field] === true)
    .map((field) => forbidden(path.child(HOST_NAMESPACE_FIELDS[field]), 'when `pod.Spec.HostUsers` is false'));
}
