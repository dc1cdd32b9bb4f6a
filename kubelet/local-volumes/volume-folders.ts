/** The folders of a node's local volumes: `<data folder>/volumes/pvc-<uid>`. */
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from '../volumes/safe-tree.ts';

/** Every user of every pod that gets the volume may write into it; nobody else comes here. */
const MODE = 0o777;
const NAME = /^pvc-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Where the volume of this name lies. Throws for a name that this code never gives. */
export function pathOfVolume(folder: string, name: string): string {
  if (!NAME.test(name)) throw new Error(`not the name of a local volume: ${JSON.stringify(name)}`);
  return join(folder, name);
}

/** Repeatable: what is in it stays. */
export async function makeVolumeFolder(folder: string, name: string): Promise<void> {
  const path = pathOfVolume(folder, name);
  await mkdir(folder, { recursive: true, mode: 0o711 });
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  // Past the umask.
  await chmod(path, MODE);
}

/** With all that is in it; it may be gone already. */
export async function removeVolumeFolder(folder: string, name: string): Promise<void> {
  await removeTree(pathOfVolume(folder, name));
}
