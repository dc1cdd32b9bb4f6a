/** Opens the store that `--storage` names. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createMemoryStorage } from '../apiserver/storage/memory.ts';
import type { EtcdOptions } from '../apiserver/storage/etcd-options.ts';
import type { Storage } from '../apiserver/storage/storage.ts';
import { StorageError } from '../apiserver/storage/storage.ts';
import { realClock } from '../base/clock.ts';
import type { EtcdConfig } from './config.ts';
import { UsageError } from './config.ts';
import type { DataFolder } from './data-folder.ts';
import { MIGRATE_HINT } from './storage-choice.ts';
import type { StorageChoice } from './storage-choice.ts';
import { systemProblem } from './system-problem.ts';

/** The drivers are loaded when they are asked for: each costs tens of milliseconds of a start. */
export async function openStorage(config: StorageChoice, folder: DataFolder): Promise<Storage> {
  if (config.storage === 'memory') return createMemoryStorage();
  try {
    return config.storage === 'etcd' ? await openEtcd(config.etcd) : await openLmdb(folder);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    throw new UsageError(systemProblem(error) ?? whatToDo(error, config));
  }
}

async function openEtcd(config: EtcdConfig): Promise<Storage> {
  const { openEtcdStorage } = await import('../apiserver/storage/etcd.ts');
  return openEtcdStorage(await etcdOptionsOf(config), realClock);
}

async function openLmdb(folder: DataFolder): Promise<Storage> {
  const { openLmdbStorage } = await import('../apiserver/storage/lmdb.ts');
  return await openLmdbStorage({ path: join(folder.path, 'db') });
}

function whatToDo({ code, message }: StorageError, { storage, etcd }: StorageChoice): string {
  if (storage === 'etcd')
    return `etcd at ${etcd.endpoints.join(', ')} cannot be used: ${message.replace(/^etcd: /, '')}`;
  return code === 'locked' ? `${message}; several servers of one cluster need etcd: ${MIGRATE_HINT}` : message;
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
