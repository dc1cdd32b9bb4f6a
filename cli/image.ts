/** `nocher image load|ls|rm`: images on this node without a registry. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { silentLogger } from '../base/log.ts';
import type { UpFlags } from './config.ts';
import { UsageError } from './config.ts';
import type { ImageRow, NodeImages } from './control-socket.ts';
import { askRunning, storedImages } from './control-socket.ts';
import type { DataFolder } from './data-folder.ts';
import { openDataFolder } from './data-folder.ts';
import { openImageStore } from './node-images.ts';

/** Through the running cluster, else on its folder directly. */
async function withImages<T>(
  flags: UpFlags,
  ask: (folder: DataFolder) => Promise<T>,
  direct: (images: NodeImages) => Promise<T>,
): Promise<T> {
  const folder = openDataFolder(flags['dataDir'] as string);
  try {
    if (folder.running() !== undefined) return await ask(folder);
    folder.prepare();
    const store = openImageStore(folder, silentLogger);
    try {
      return await direct(storedImages(store));
    } finally {
      await store.close();
    }
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

export async function loadImage(file: string, flags: UpFlags): Promise<void> {
  const path = resolve(file);
  const names = await withImages(
    flags,
    async (folder) => (await askRunning(folder, 'load', path)) as string[],
    (images) => images.load(path),
  );
  for (const name of names) process.stdout.write(`loaded ${name}\n`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Looking must not make a folder. */
function requireCluster(flags: UpFlags): void {
  const { path } = openDataFolder(flags['dataDir'] as string);
  if (!existsSync(path)) throw new UsageError(`there is no cluster in ${path}; start one with: nocher up`);
}

export async function listImages(flags: UpFlags): Promise<void> {
  requireCluster(flags);
  const rows = await withImages(
    flags,
    async (folder) => (await askRunning(folder, 'list')) as ImageRow[],
    (images) => images.list(),
  );
  const lines = rows.flatMap(({ tags, id, sizeBytes }) =>
    (tags.length > 0 ? tags : ['<none>']).map((tag) => [
      tag,
      id.replace('sha256:', '').slice(0, 12),
      megabytes(sizeBytes),
    ]),
  );
  const width = Math.max(5, ...lines.map(([tag]) => tag!.length)) + 3;
  process.stdout.write(`${'IMAGE'.padEnd(width)}${'IMAGE ID'.padEnd(15)}SIZE\n`);
  for (const [tag, id, size] of lines) process.stdout.write(`${tag!.padEnd(width)}${id!.padEnd(15)}${size}\n`);
}

export async function removeImage(image: string, flags: UpFlags): Promise<void> {
  requireCluster(flags);
  await withImages(
    flags,
    async (folder) => void (await askRunning(folder, 'remove', image)),
    (images) => images.remove(image),
  );
  process.stdout.write(`removed ${image}\n`);
}
