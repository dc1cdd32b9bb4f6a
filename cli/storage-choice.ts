/** Which store a cluster has: the one asked for, or the one that it had. A cluster changes its store only by a migration. */
import { existsSync } from 'node:fs';
import type { AskedConfig, UpConfig } from './config.ts';
import { UsageError } from './config.ts';
import type { DataFolder } from './data-folder.ts';

export type StorageChoice = Pick<UpConfig, 'storage' | 'etcd'>;

export const MIGRATE_HINT = 'nocher storage migrate --to etcd --etcd-endpoints URL';

/** Throws a `UsageError` where a start would leave what the folder's cluster has stored. */
export function chooseStorage(
  { storage, etcd }: Pick<AskedConfig, 'storage' | 'etcd'>,
  folder: DataFolder,
): StorageChoice {
  const remembered = folder.settings().etcd;
  if (remembered !== undefined) {
    if (storage === undefined) return { storage: 'etcd', etcd: etcd.endpoints.length > 0 ? etcd : remembered };
    if (storage === 'etcd') return { storage, etcd };
    throw new UsageError(
      `--storage ${storage}: the cluster in ${folder.path} is stored in etcd (${remembered.endpoints.join(', ')}); ` +
        'choose another --data-dir for a new one',
    );
  }
  if (storage === 'etcd' && existsSync(folder.file('db'))) {
    throw new UsageError(
      `--storage etcd: the cluster in ${folder.path} is stored in lmdb; move it with: ${MIGRATE_HINT}, ` +
        'or choose another --data-dir for a new one',
    );
  }
  return { storage: storage ?? 'lmdb', etcd };
}
