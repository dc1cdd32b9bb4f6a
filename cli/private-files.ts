/**
 * Files that only their owner may read: keys, tokens, kubeconfigs. Written whole or not at all.
 */
import { chmodSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface FileOwner {
  uid: number;
  gid: number;
}

/** Creates the folder, and takes rights of group and others away from one that is there. */
export function ensurePrivateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o700);
}

/** `undefined` when there is no such file. */
export function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Replaces `path` by a file of mode 0600: after a crash there is the old content or the new one. `suffix` must be
 * unique among concurrent writers of the path.
 */
export async function writePrivateFile(
  path: string,
  content: string,
  { suffix, owner }: { suffix: string; owner?: FileOwner | undefined },
): Promise<void> {
  const temporary = join(dirname(path), `.${suffix}.tmp`);
  // `wx`: never through a link or into a file that somebody else prepared.
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(content);
    if (owner !== undefined) await file.chown(owner.uid, owner.gid);
    await file.datasync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
}
