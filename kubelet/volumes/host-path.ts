/** `hostPath` volumes: the path itself, checked and made as its type says (upstream `pkg/volume/hostpath`). */
import { mkdir, open, stat } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { VolumeError } from './payloads.ts';

const CHECKS: Readonly<Record<string, { holds(stats: Stats): boolean; name: string }>> = {
  Directory: { holds: (stats) => stats.isDirectory(), name: 'a directory' },
  File: { holds: (stats) => stats.isFile(), name: 'a file' },
  Socket: { holds: (stats) => stats.isSocket(), name: 'a socket file' },
  CharDevice: { holds: (stats) => stats.isCharacterDevice(), name: 'a character device' },
  BlockDevice: { holds: (stats) => stats.isBlockDevice(), name: 'a block device' },
};

/** Returns the path to mount. Throws `VolumeError` with upstream's text. */
export async function setUpHostPath({ path, type = '' }: { path: string; type?: string }): Promise<string> {
  if (type === 'DirectoryOrCreate') await makeFolder(path);
  if (type === 'FileOrCreate') await makeFile(path);
  const check = CHECKS[type.replace('OrCreate', '')];
  const stats = await stat(path).catch(() => undefined);
  if (check !== undefined && (stats === undefined || !check.holds(stats))) {
    throw new VolumeError(`hostPath type check failed: ${path} is not ${check.name}`);
  }
  // Without a type nothing is checked, and a missing path becomes a folder, as container runtimes have it.
  if (stats === undefined && type === '') await makeFolder(path);
  return path;
}

async function makeFolder(path: string): Promise<void> {
  if (await stat(path).catch(() => undefined)) return;
  await mkdir(path, { recursive: true, mode: 0o755 });
}

/** Its folder must be there. */
async function makeFile(path: string): Promise<void> {
  if (await stat(path).catch(() => undefined)) return;
  const file = await open(path, 'a', 0o644).catch((error: NodeJS.ErrnoException) => {
    throw new VolumeError(error.code === 'ENOENT' ? `open ${path}: no such file or directory` : error.message);
  });
  await file.close();
}
