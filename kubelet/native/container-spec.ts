/** From the kubelet's container config and the image's config to the `start` command of the native helper: pure. */
import { normalize } from 'node:path/posix';
import type { ContainerConfig, LinuxSecurity, Mount } from '../runtime.ts';

/** What an image says of how to run it (OCI image-spec `config`). */
export interface ImageRunConfig {
  User?: string;
  Env?: string[];
  Entrypoint?: string[] | null;
  Cmd?: string[] | null;
  WorkingDir?: string;
  StopSignal?: string;
}

/** containerd's default set. */
const DEFAULT_CAPABILITIES = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'NET_RAW',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
];

/** `command` replaces the image's entrypoint and its arguments; `args` alone only the arguments. */
export function argvOf({ command, args }: Pick<ContainerConfig, 'command' | 'args'>, image: ImageRunConfig): string[] {
  if (command.length > 0) return [...command, ...args];
  return [...(image.Entrypoint ?? []), ...(args.length > 0 ? args : (image.Cmd ?? []))];
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What containerd gives every container, then the image's variables over them, then the pod's. */
export function environmentOf(
  { envs, tty }: Pick<ContainerConfig, 'envs' | 'tty'>,
  image: ImageRunConfig,
  hostname: string,
): string[] {
  const variables = new Map([
    ['PATH', DEFAULT_PATH],
    ['HOSTNAME', hostname],
  ]);
  if (tty) variables.set('TERM', 'xterm');
  for (const entry of image.Env ?? []) {
    const equals = entry.indexOf('=');
    if (equals > 0) variables.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  for (const { key, value } of envs) variables.set(key, value);
  return [...variables].map(([key, value]) => `${key}=${value}`);
}

function capabilityName(name: string): string {
  return name.replace(/^CAP_/, '').toUpperCase();
}

/** Drops first, then adds; `ALL` stands for every one (CRI: add wins over drop). */
export function capabilitiesOf({ addCapabilities, dropCapabilities, privileged }: LinuxSecurity): string[] {
  const add = addCapabilities.map(capabilityName);
  const drop = dropCapabilities.map(capabilityName);
  if (privileged || add.includes('ALL')) return ['ALL'];
  const kept = drop.includes('ALL') ? [] : DEFAULT_CAPABILITIES.filter((name) => !drop.includes(name));
  return [...new Set([...kept, ...add])];
}

function userOf(security: LinuxSecurity, image: ImageRunConfig): Record<string, unknown> {
  const user =
    security.runAsUser !== undefined ? String(security.runAsUser) : (security.runAsUsername ?? image.User ?? '');
  return {
    user,
    group: security.runAsGroup === undefined ? '' : String(security.runAsGroup),
    supplementalGroups: security.supplementalGroups,
    supplementalGroupsPolicy: security.supplementalGroupsPolicy,
  };
}

const depthOf = ({ containerPath }: Mount): number =>
  normalize(containerPath)
    .split('/')
    .filter((part) => part !== '').length;

/** A folder before what is mounted within it, which it would hide; else as given. containerd orders them so, too. */
function byDepth(mounts: readonly Mount[]): Mount[] {
  return mounts.toSorted((a, b) => depthOf(a) - depthOf(b));
}

const PROPAGATION = { private: 'private', 'host-to-container': 'slave', bidirectional: 'shared' } as const;

export interface StartPlace {
  id: string;
  /** Of the pod. */
  hostname: string;
  lowerDirs: readonly string[];
  upperDir: string;
  workDir: string;
  logPath: string;
  /** As `start` takes it. */
  seccomp: unknown;
}

export function startCommand(
  config: ContainerConfig,
  image: ImageRunConfig,
  place: StartPlace,
): Record<string, unknown> {
  const { resources, security } = config.linux;
  const capabilities = capabilitiesOf(security);
  const { oomScoreAdj, ...limits } = resources;
  return {
    id: place.id,
    rootfs: {
      lowerDirs: place.lowerDirs,
      upperDir: place.upperDir,
      workDir: place.workDir,
      readOnly: security.readOnlyRootfs,
    },
    args: argvOf(config, image),
    env: environmentOf(config, image, place.hostname),
    cwd: config.workingDir || image.WorkingDir || '/',
    user: userOf(security, image),
    mounts: byDepth(config.mounts).map(({ hostPath, subPath = '', containerPath, readOnly, propagation }) => ({
      source: hostPath,
      subPath,
      destination: containerPath,
      readOnly,
      propagation: PROPAGATION[propagation],
    })),
    devices: (config.devices ?? []).map(({ containerPath, hostPath, readOnly }) => ({
      path: containerPath,
      hostPath,
      readOnly,
    })),
    log: { path: place.logPath },
    stdin: config.stdin,
    stdinOnce: config.stdinOnce,
    tty: config.tty,
    privileged: security.privileged,
    noNewPrivileges: security.noNewPrivs,
    seccomp: place.seccomp,
    capabilities: {
      bounding: capabilities,
      effective: capabilities,
      permitted: capabilities,
      inheritable: [],
      ambient: [],
    },
    ...(security.privileged ? {} : { maskedPaths: security.maskedPaths, readonlyPaths: security.readOnlyPaths }),
    resources: limits,
    ...(oomScoreAdj === undefined ? {} : { oomScoreAdj }),
  };
}
