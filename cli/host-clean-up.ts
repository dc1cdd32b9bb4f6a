/** Removes what a cluster's node set up on the machine: pods, links, rules, mounts, cgroups, sysctls. Safe to repeat. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { realClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import { hostNames } from '../kubelet/native/host-names.ts';
import { NativeRuntime } from '../kubelet/native/native-runtime.ts';
import { runNative } from '../kubelet/native/program.ts';
import { closeForwarding, restoreForwarding } from '../proxy/host-network.ts';
import { nftRunner } from '../proxy/nft.ts';
import { removeRules } from '../proxy/proxier.ts';
import type { DataFolder } from './data-folder.ts';
import { endLeftProcesses } from './left-processes.ts';
import { removeLeftCriPods } from './node-cri.ts';
import { nativeProgram } from './package-folder.ts';
import { nodeRange } from './ports.ts';

/** Where the forwarding switch is remembered: one for each network namespace, since each has its own switch. */
export function forwardingFolder(): string {
  return join('/run/nocher/forwarding', readlinkSync('/proc/self/ns/net').replace(/\D/g, ''));
}

/** Ends what a crashed run left, then everything else. For a cluster that does not run. */
export async function cleanUpHost(folder: DataFolder): Promise<void> {
  if (process.getuid?.() !== 0) return;
  // What keeps one part from its end keeps no other.
  const removed = await Promise.allSettled([removeLeftPods(folder), removeLeftCriPods(folder)]);
  await endLeftProcesses(folder);
  await removeNetwork(folder.id);
  unmountBelow(folder.path);
  await removeCgroups(folder.id);
  for (const result of removed) if (result.status === 'rejected') throw result.reason;
}

async function removeLeftPods(folder: DataFolder): Promise<void> {
  const sandboxes = folder.file('sandboxes');
  const isFolder = statSync(sandboxes, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isFolder || readdirSync(sandboxes).length === 0 || !existsSync(nativeProgram())) return;
  const runtime = await NativeRuntime.open({
    program: nativeProgram(),
    folder: sandboxes,
    clusterId: folder.id,
    podCidr: nodeRange(folder.settings().podCidr ?? '10.244.0.0/16'),
    images: { resolveRootfs: () => Promise.reject(new Error('no images')), status: () => Promise.resolve(undefined) },
    clock: realClock,
    random: realRandom,
    log: silentLogger,
    version: '',
    seccompFolder: folder.file('seccomp'),
  });
  const pods = await runtime.listPodSandboxes();
  const results = await Promise.allSettled(pods.map(({ id }) => runtime.removePodSandbox(id)));
  runtime.close();
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** Links, rules and the forwarding switch. Each part by itself: one that fails keeps none of the others. */
export async function removeNetwork(clusterId: string): Promise<void> {
  const { bridge } = hostNames(clusterId);
  const parts: (() => Promise<unknown> | void)[] = [
    () => removeRules(nftRunner(), clusterId),
    () =>
      existsSync(nativeProgram()) ? runNative(nativeProgram(), ['bridge', 'delete', '--name', bridge]) : undefined,
    () => closeForwarding({ clusterId, bridge }),
    () => restoreForwarding({ clusterId, folder: forwardingFolder() }),
  ];
  for (const part of parts) {
    try {
      await part();
    } catch {
      // What is not there needs no removing.
    }
  }
}

/**
 * Volumes in memory and those of devices are mounts below the data folder; the deepest first. Throws when one is still
 * there: who removes the folder must not remove what is mounted in it.
 */
export function unmountBelow(path: string): void {
  const real = realpathSync(path);
  for (const mount of mountsBelow(real)) spawnSync('umount', ['-l', mount]);
  const [left] = mountsBelow(real);
  if (left !== undefined) throw new Error(`${left} cannot be unmounted`);
}

function mountsBelow(path: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
    )
    .filter((mount) => mount.startsWith(`${path}/`))
    .reverse();
}

const CGROUP_ROOT = '/sys/fs/cgroup';

const CGROUP_TIMEOUT_MS = 5_000;
const CGROUP_RETRY_MS = 20;

/** In every hierarchy of v1, and in v2's one. Waits a moment for processes that are ending in them. */
export async function removeCgroups(clusterId: string): Promise<void> {
  const { cgroup } = hostNames(clusterId);
  const paths = [CGROUP_ROOT, ...folders(CGROUP_ROOT)].map((parent) => join(parent, cgroup));
  const deadlineMs = realClock.monotonicMs() + CGROUP_TIMEOUT_MS;
  for (;;) {
    for (const path of paths) removeTree(path);
    if (!paths.some((path) => existsSync(path)) || realClock.monotonicMs() > deadlineMs) return;
    await sleep(CGROUP_RETRY_MS);
  }
}

function folders(path: string): string[] {
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(path, name));
}

function removeTree(path: string): void {
  if (!existsSync(path)) return;
  for (const child of folders(path)) removeTree(child);
  try {
    rmdirSync(path);
  } catch {
    // Still in use: a process that is ending.
  }
}
