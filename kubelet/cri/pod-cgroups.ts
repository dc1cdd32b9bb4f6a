/**
 * The cgroup of a pod as a whole, with its limits (upstream `pkg/kubelet/cm/pod_container_manager_linux.go`): the
 * runtime makes those of containers below it, and removes none but those. Only where cgroups are the kubelet's to make;
 * systemd makes and removes its slices itself.
 */
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LinuxResources } from '../runtime.ts';

const ROOT = '/sys/fs/cgroup';
const MAX_WEIGHT = 9_999;

export interface PodCgroupOptions {
  /** Of the pod, as the runtime is told: `/nocher-<id>/burstable/pod<uid>`. */
  path: string;
  /** Where cgroups are mounted. */
  root?: string;
}

/** cgroup v2 alone. */
export const isUnified = (root = ROOT): boolean => existsSync(join(root, 'cgroup.controllers'));

/** Best effort: a limit that this machine does not take is not set. Repeatable. */
export function createPodCgroup(resources: LinuxResources, { path, root = ROOT }: PodCgroupOptions): void {
  const files = isUnified(root) ? unifiedFiles(resources) : legacyFiles(resources);
  for (const [controller, name, value] of files) {
    const folder = join(root, isUnified(root) ? '' : controller, path);
    if (!existsSync(join(root, isUnified(root) ? '' : controller))) continue;
    try {
      mkdirSync(folder, { recursive: true });
      if (isUnified(root)) enableControllers(root, path);
      writeFileSync(join(folder, name), value);
    } catch {
      // No such controller here.
    }
  }
}

/** Throws when the kernel refuses; what this machine has no controller for is left. */
export function updatePodCgroup(resources: LinuxResources, { path, root = ROOT }: PodCgroupOptions): void {
  const files = isUnified(root) ? unifiedFiles(resources) : legacyFiles(resources);
  for (const [controller, name, value] of files) {
    const file = join(root, controller, path, name);
    if (existsSync(file)) writeFileSync(file, value);
  }
}

/** Of cgroup v2 there is one hierarchy: its controllers are not named. */
type LimitFile = readonly [controller: string, name: string, value: string];

function legacyFiles({ cpuShares, cpuPeriodUs, cpuQuotaUs, memoryLimitBytes, pidsLimit }: LinuxResources): LimitFile[] {
  const files: LimitFile[] = [];
  if (cpuShares !== undefined) files.push(['cpu', 'cpu.shares', String(cpuShares)]);
  if (cpuPeriodUs !== undefined) files.push(['cpu', 'cpu.cfs_period_us', String(cpuPeriodUs)]);
  if (cpuQuotaUs !== undefined) files.push(['cpu', 'cpu.cfs_quota_us', String(cpuQuotaUs)]);
  if (memoryLimitBytes !== undefined) files.push(['memory', 'memory.limit_in_bytes', String(memoryLimitBytes)]);
  if (pidsLimit !== undefined) files.push(['pids', 'pids.max', String(pidsLimit)]);
  return files;
}

function unifiedFiles(resources: LinuxResources): LimitFile[] {
  const { cpuShares, cpuPeriodUs = 100_000, cpuQuotaUs, memoryLimitBytes, pidsLimit } = resources;
  const files: LimitFile[] = [];
  if (cpuShares !== undefined) files.push(['', 'cpu.weight', String(weightOf(cpuShares))]);
  if (cpuQuotaUs !== undefined) files.push(['', 'cpu.max', `${cpuQuotaUs} ${cpuPeriodUs}`]);
  if (memoryLimitBytes !== undefined) files.push(['', 'memory.max', String(memoryLimitBytes)]);
  if (pidsLimit !== undefined) files.push(['', 'pids.max', String(pidsLimit)]);
  return files;
}

/** From 2 … 262144 to 1 … 10000. */
function weightOf(shares: number): number {
  return 1 + Math.floor(((shares - 2) * MAX_WEIGHT) / 262_142);
}

function enableControllers(root: string, path: string): void {
  const parts = path.split('/').filter((part) => part !== '');
  for (let depth = 0; depth < parts.length; depth++) {
    const folder = join(root, ...parts.slice(0, depth));
    writeFileSync(join(folder, 'cgroup.subtree_control'), '+cpu +memory +pids');
  }
}

/** In every hierarchy. What is still in use stays, and goes with the next pod or the cluster. Repeatable. */
export function removePodCgroup({ path, root = ROOT }: PodCgroupOptions): void {
  const hierarchies = isUnified(root) ? [''] : readdirSync(root);
  for (const hierarchy of hierarchies) removeTree(join(root, hierarchy, path));
}

function removeTree(folder: string): void {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isDirectory()) removeTree(join(folder, entry.name));
    rmdirSync(folder);
  } catch {
    // Not there, or in use.
  }
}
