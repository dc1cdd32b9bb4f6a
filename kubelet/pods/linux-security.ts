/** The security context of a container, its own over its pod's (upstream `kuberuntime/security_context.go`): pure. */
import type { AnyContainer, Pod } from '../../api/core/v1/pod/types.ts';
import { ContainerConfigError } from '../env/environment.ts';
import type { ImageInfo, LinuxSecurity } from '../runtime.ts';
import { podText } from './pod-text.ts';

/** What containerd hides of `/proc` and `/sys`. */
const MASKED_PATHS = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const READ_ONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

type User = Pick<ImageInfo, 'uid' | 'username'>;

/** Throws `ContainerConfigError` when it would run as root and must not. */
export function containerSecurity(pod: Pod, container: AnyContainer, image: User): LinuxSecurity {
  const own = container.securityContext ?? {};
  const ofPod = pod.spec.securityContext ?? {};
  const runAsUser = own.runAsUser ?? ofPod.runAsUser;
  const runAsGroup = own.runAsGroup ?? ofPod.runAsGroup;
  if ((own.runAsNonRoot ?? ofPod.runAsNonRoot) === true) checkNonRoot({ pod, container, runAsUser, image });
  return {
    ...userOf(runAsUser, image),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    supplementalGroups: supplementalGroups(pod),
    supplementalGroupsPolicy: ofPod.supplementalGroupsPolicy === 'Strict' ? 'Strict' : 'Merge',
    ...privilegesOf(own),
    seccomp: seccompOf(own.seccompProfile ?? ofPod.seccompProfile, own.privileged === true),
  };
}

type SecurityContext = NonNullable<AnyContainer['securityContext']>;

function privilegesOf(
  own: SecurityContext,
): Omit<LinuxSecurity, 'supplementalGroups' | 'supplementalGroupsPolicy' | 'seccomp'> {
  const privileged = own.privileged === true;
  const isUnmasked = privileged || own.procMount === 'Unmasked';
  return {
    privileged,
    readOnlyRootfs: own.readOnlyRootFilesystem === true,
    noNewPrivs: own.allowPrivilegeEscalation === false && !privileged,
    addCapabilities: [...(own.capabilities?.add ?? [])],
    dropCapabilities: [...(own.capabilities?.drop ?? [])],
    maskedPaths: isUnmasked ? [] : MASKED_PATHS,
    readOnlyPaths: isUnmasked ? [] : READ_ONLY_PATHS,
  };
}

function userOf(runAsUser: number | undefined, image: User): Pick<LinuxSecurity, 'runAsUser' | 'runAsUsername'> {
  if (runAsUser !== undefined) return { runAsUser };
  if (image.uid !== undefined) return { runAsUser: image.uid };
  return image.username === '' ? {} : { runAsUsername: image.username };
}

function supplementalGroups({ spec }: Pod): number[] {
  const { supplementalGroups: groups = [], fsGroup } = spec.securityContext ?? {};
  return [...new Set([...groups, ...(fsGroup === undefined ? [] : [fsGroup])])];
}

/** `verifyRunAsNonRoot`, with its texts. */
function checkNonRoot({
  pod,
  container,
  runAsUser,
  image,
}: {
  pod: Pod;
  container: AnyContainer;
  runAsUser: number | undefined;
  image: User;
}): void {
  const where = `(pod: "${podText(pod)}", container: ${container.name})`;
  if (runAsUser !== undefined) {
    if (runAsUser === 0) throw new ContainerConfigError(`container's runAsUser breaks non-root policy ${where}`);
    return;
  }
  if (image.uid !== undefined ? image.uid === 0 : image.username === '') {
    throw new ContainerConfigError(`container has runAsNonRoot and image will run as root ${where}`);
  }
  if (image.uid === undefined) {
    throw new ContainerConfigError(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${where}`,
    );
  }
}

type SeccompProfile = NonNullable<NonNullable<AnyContainer['securityContext']>['seccompProfile']>;

/** Without a profile: the runtime's, as with the kubelet's `seccompDefault`. */
function seccompOf(profile: SeccompProfile | undefined, privileged: boolean): LinuxSecurity['seccomp'] {
  if (privileged) return { type: 'Unconfined' };
  if (profile?.type === 'Unconfined') return { type: 'Unconfined' };
  if (profile?.type === 'Localhost') return { type: 'Localhost', localhostPath: localPath(profile) };
  return { type: 'RuntimeDefault' };
}

/** The API refuses both already; what it let through must not lead out of the node's folder of profiles. */
function localPath({ localhostProfile = '' }: SeccompProfile): string {
  if (localhostProfile === '')
    throw new ContainerConfigError('localhostProfile must be set if seccompProfile type is Localhost.');
  if (localhostProfile.startsWith('/') || localhostProfile.split('/').includes('..')) {
    const quoted = JSON.stringify(localhostProfile);
    throw new ContainerConfigError(`seccomp profile ${quoted} must be a path within the node's folder of profiles`);
  }
  return localhostProfile;
}
