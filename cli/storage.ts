/** Opens the store that `--storage` names. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createMemoryStorage } from '../apiserver/storage/memory.ts';
import type { EtcdOptions } from '../apiserver/storage/etcd-options.ts';
import type { Storage } from '../apiserver/storage/storage.ts';
import { realClock } from '../base/clock.ts';
import type { EtcdConfig, UpConfig } from './config.ts';
import { UsageError } from './config.ts';
import type { DataFolder } from './data-folder.ts';

/** The drivers are loaded when they are asked for: each costs tens of milliseconds of a start. */
export async function openStorage(config: UpConfig, folder: DataFolder): Promise<Storage> {
  if (config.storage === 'memory') return createMemoryStorage();
  if (config.storage === 'etcd') {
    const { openEtcdStorage } = await import('../apiserver/storage/etcd.ts');
    return openEtcdStorage(await etcdOptionsOf(config.etcd), realClock);
  }
  const { openLmdbStorage } = await import('../apiserver/storage/lmdb.ts');
  return openLmdbStorage({ path: join(folder.path, 'db') });
}

async function etcdOptionsOf({ endpoints, caFile, certFile, keyFile }: EtcdConfig): Promise<EtcdOptions> {
  if (caFile === undefined) return { endpoints };
  const [ca, certificate, key] = await Promise.all([
    readPem('--etcd-cafile', caFile),
    certFile === undefined ? undefined : readPem('--etcd-certfile', certFile),
    keyFile === undefined ? undefined : readPem('--etcd-keyfile', keyFile),
  ]);
  return { endpoints, tls: { ca, ...(certificate && { certificate }), ...(key && { key }) } };
}

async function readPem(flag: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UsageError(`${flag}: ${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}
