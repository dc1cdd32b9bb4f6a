/**
 * Keeps what pods were granted over a restart of the kubelet: one file in each pod's folder, which goes with the folder
 * (upstream's checkpoints `allocated_pods_state` and `actuated_pods_state`).
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { podFolder } from '../volumes/pod-folder.ts';
import type { PodFolders } from '../volumes/pod-folder.ts';
import type { PodAllocation } from './pod-allocation.ts';

export interface AllocationStore {
  /** Undefined when there is none, or none that can be read. */
  load(uid: string): PodAllocation | undefined;
  save(uid: string, allocation: PodAllocation): void;
}

/** For pods without files: nothing outlives the kubelet. */
export const noAllocationStore: AllocationStore = { load: () => undefined, save: () => undefined };

export function createAllocationStore(folders: PodFolders): AllocationStore {
  const fileOf = (uid: string): string => join(podFolder(folders, uid), 'resources.json');
  return {
    load(uid) {
      try {
        const { allocated, actuated } = JSON.parse(readFileSync(fileOf(uid), 'utf8')) as Partial<PodAllocation>;
        return allocated === undefined || actuated === undefined ? undefined : { allocated, actuated };
      } catch {
        return undefined;
      }
    },
    save(uid, allocation) {
      mkdirSync(podFolder(folders, uid), { recursive: true, mode: 0o750 });
      writeFileSync(`${fileOf(uid)}.new`, JSON.stringify(allocation), { mode: 0o600 });
      renameSync(`${fileOf(uid)}.new`, fileOf(uid));
    },
  };
}
