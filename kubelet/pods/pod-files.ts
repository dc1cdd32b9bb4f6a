/**
 * A pod's files on the node: its volumes, the files that the kubelet manages in its containers, and its folders. The
 * simulated runtime runs without any of them.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Pod } from '../../api/core/v1/pod/types.ts';
import { hostsFile, resolvConf } from '../env/pod-names.ts';
import type { DnsConfig, PodHostname } from '../env/pod-names.ts';
import type { ContainerInfo, Mount } from '../runtime.ts';
import type { VolumeSources } from '../volumes/payloads.ts';
import { makeBelow } from '../volumes/sub-path.ts';
import { containerFolder, etcFile, podFolder, podLogFolder } from '../volumes/pod-folder.ts';
import type { PodFolders } from '../volumes/pod-folder.ts';
import type { MountedVolumes, VolumeFailure, VolumeManager } from '../volumes/volume-manager.ts';
import type { PodContainer } from './container-kinds.ts';
import { readTerminationMessage } from './termination-message.ts';
import { containerName, restartCountOf } from './runtime-pod.ts';

export interface PodNetworkFiles {
  podIps: readonly string[];
  hostname: PodHostname;
  dns: DnsConfig;
}

export interface PodFiles {
  /** Repeatable. */
  setUpVolumes(pod: Pod, sources: VolumeSources): Promise<{ mounted: MountedVolumes; failures: VolumeFailure[] }>;
  logDirectory(pod: Pod): string;
  /** Folders that a mount asks for within its volume and that are missing. Throws for one that leads out of it. */
  makeSubPath(mount: Mount): void;
  /** `/etc/hosts` and its like, and the file for the termination message of this run. */
  managedMounts(pod: Pod, target: PodContainer, options: { restartCount: number; network: PodNetworkFiles }): Mount[];
  terminationMessage(uid: string, info: ContainerInfo): Promise<string>;
  /** Volumes and managed files go; logs stay. Repeatable. */
  removeVolumes(uid: string): Promise<void>;
  removeLogs(pod: Pod): Promise<void>;
  /** Of a container that goes: its logs, with those that were rotated, and its termination message. Repeatable. */
  removeContainerFiles(uid: string, info: ContainerInfo): Promise<void>;
  /** UIDs of pods that have files or logs here. */
  podUids(): Promise<string[]>;
  /** Everything of a pod that nobody knows any more. Repeatable. */
  removeOrphan(uid: string): Promise<void>;
}

export function createPodFiles(folders: PodFolders, volumes: VolumeManager): PodFiles {
  return {
    async setUpVolumes(pod, sources) {
      const uid = pod.metadata.uid ?? '';
      mkdirSync(podFolder(folders, uid), { recursive: true, mode: 0o750 });
      mkdirSync(podLogFolder(folders, pod.metadata), { recursive: true, mode: 0o755 });
      return volumes.setUp(pod, sources);
    },
    logDirectory: (pod) => podLogFolder(folders, pod.metadata),
    makeSubPath({ hostPath, subPath }) {
      if (subPath !== undefined) makeBelow(hostPath, subPath);
    },
    managedMounts(pod, target, { restartCount, network }) {
      const mounts = writeEtcFiles(folders, pod, network);
      const { container } = target;
      const path = container.terminationMessagePath ?? '/dev/termination-log';
      if (path === '') return mounts;
      const hostPath = writeTerminationFile(folders, {
        uid: pod.metadata.uid ?? '',
        container: container.name,
        restartCount,
      });
      return [...mounts, { containerPath: path, hostPath, readOnly: false, propagation: 'private' }];
    },
    terminationMessage: (uid, info) => readTerminationMessage(info, terminationFile(folders, uid, info)),
    removeVolumes: (uid) => volumes.tearDown(uid),
    removeLogs: (pod) => rm(podLogFolder(folders, pod.metadata), { recursive: true, force: true }),
    async removeContainerFiles(uid, info) {
      const { logPath } = info;
      await rm(terminationFile(folders, uid, info), { force: true });
      const [folder, name] = [dirname(logPath), basename(logPath)];
      const present = await readdir(folder).catch(() => [] as string[]);
      for (const one of present)
        if (one === name || one.startsWith(`${name}.`)) await rm(join(folder, one), { force: true });
    },
    podUids: async () => {
      const [ofVolumes, ofLogs] = await Promise.all([volumes.podUids(), logFoldersByUid(folders)]);
      return [...new Set([...ofVolumes, ...ofLogs.keys()])];
    },
    async removeOrphan(uid) {
      await volumes.tearDown(uid);
      const logs = (await logFoldersByUid(folders)).get(uid);
      if (logs !== undefined) await rm(logs, { recursive: true, force: true });
    },
  };
}

async function logFoldersByUid({ logFolder }: PodFolders): Promise<Map<string, string>> {
  const names = await readdir(logFolder).catch(() => [] as string[]);
  return new Map(names.map((name) => [name.slice(name.lastIndexOf('_') + 1), join(logFolder, name)]));
}

/** Pods leave nothing on the disk, and get nothing from it. */
export const noPodFiles: PodFiles = {
  setUpVolumes: (pod) =>
    Promise.resolve({
      mounted: new Map(
        (pod.spec.volumes ?? []).map(({ name }) => [name, { path: `/simulated/${name}`, readOnly: false }]),
      ),
      failures: [],
    }),
  logDirectory: ({ metadata }) => `/simulated/${metadata.uid}`,
  makeSubPath: () => undefined,
  managedMounts: () => [],
  terminationMessage: () => Promise.resolve(''),
  removeVolumes: () => Promise.resolve(),
  removeLogs: () => Promise.resolve(),
  removeContainerFiles: () => Promise.resolve(),
  podUids: () => Promise.resolve([]),
  removeOrphan: () => Promise.resolve(),
};

function writeEtcFiles(folders: PodFolders, pod: Pod, { podIps, hostname, dns }: PodNetworkFiles): Mount[] {
  const uid = pod.metadata.uid ?? '';
  const nodeHosts = pod.spec.hostNetwork === true ? (readIfThere('/etc/hosts') ?? '') : undefined;
  const contents = {
    hosts: hostsFile(pod, { podIps, hostname, nodeHosts }),
    'resolv.conf': resolvConf(dns),
    hostname: `${hostname.hostname}\n`,
  };
  const mounts: Mount[] = [];
  for (const [name, content] of Object.entries(contents) as [keyof typeof contents, string][]) {
    const hostPath = etcFile(folders, uid, name);
    replaceFile(hostPath, content);
    // A container may write into its hosts file, as with other runtimes.
    mounts.push({ containerPath: `/etc/${name}`, hostPath, readOnly: false, propagation: 'private' });
  }
  return mounts;
}

/** Containers that run keep the file that they have: a changed one is a new one. */
function replaceFile(path: string, content: string): void {
  // Its size first: a container may have written any amount into it.
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === Buffer.byteLength(content) && readIfThere(path) === content) return;
  const fresh = `${path}.new`;
  writeFileSync(fresh, content, { mode: 0o644 });
  renameSync(fresh, path);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Of one run of a container. */
function terminationFile(folders: PodFolders, uid: string, info: ContainerInfo): string {
  return join(containerFolder(folders, uid, containerName(info)), String(restartCountOf(info)));
}

function writeTerminationFile(
  folders: PodFolders,
  { uid, container, restartCount }: { uid: string; container: string; restartCount: number },
): string {
  const folder = containerFolder(folders, uid, container);
  mkdirSync(folder, { recursive: true, mode: 0o750 });
  const path = join(folder, String(restartCount));
  rmSync(path, { force: true });
  writeFileSync(path, '', { mode: 0o666, flag: 'wx' });
  // Past the umask: any user in the container may write it.
  chmodSync(path, 0o666);
  return path;
}
