/**
 * Sub-paths of volumes for a runtime that takes plain host paths: each is opened below its volume, so that none can be
 * changed in between, and bound to a folder of our own until the container has been started (upstream `k8s.io/mount-utils`, `subpath_linux.go`).
 */
import { execFile } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Mount } from '../runtime.ts';
import { RuntimeError } from '../runtime.ts';
import { linuxMounter } from '../volumes/host-mounter.ts';
import { openBelow } from '../volumes/sub-path.ts';

const run = promisify(execFile);

export interface BoundMounts {
  /** In the order asked for, with plain host paths. */
  mounts: Mount[];
  /** Once the container has been started, or never will be. */
  release(): Promise<void>;
}

/** `folder` is for this container alone. */
export async function bindSubPaths(mounts: readonly Mount[], folder: string): Promise<BoundMounts> {
  const release = async (): Promise<void> => {
    await linuxMounter.unmountBelow(folder);
    await rm(folder, { recursive: true, force: true });
  };
  if (mounts.every(({ subPath }) => subPath === undefined)) {
    return { mounts: [...mounts], release: () => Promise.resolve() };
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    const bound: Mount[] = [];
    for (const [index, mount] of mounts.entries()) bound.push(await bindOne(mount, join(folder, String(index))));
    return { mounts: bound, release };
  } catch (error) {
    await release();
    throw error;
  }
}

async function bindOne(mount: Mount, target: string): Promise<Mount> {
  const { subPath, hostPath, ...rest } = mount;
  if (subPath === undefined) return mount;
  const source = openBelow(hostPath, subPath);
  try {
    if (fstatSync(source).isDirectory()) mkdirSync(target, { mode: 0o700 });
    else writeFileSync(target, '', { mode: 0o600 });
    // By descriptor and as it is: a name would be resolved once more.
    await run('mount', ['--no-canonicalize', '--bind', `/proc/${process.pid}/fd/${source}`, target]);
  } catch (error) {
    rmSync(target, { recursive: true, force: true });
    throw new RuntimeError('unknown', `cannot mount subPath ${subPath}: ${(error as Error).message}`, { cause: error });
  } finally {
    closeSync(source);
  }
  return { ...rest, hostPath: target };
}
