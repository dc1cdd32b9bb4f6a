/** `nocher storage migrate --to etcd`: moves a stopped cluster from lmdb into an empty etcd. */
import { existsSync, readFileSync } from 'node:fs';
import { migrate } from '../apiserver/storage/migrate.ts';
import { StorageError } from '../apiserver/storage/storage.ts';
import { REGISTRY_PREFIX } from '../apiserver/cacher/watch-cache.ts';
import { agreeOnCluster, clusterRecord } from './cluster-record.ts';
import type { UpFlags } from './config.ts';
import { upConfig, UsageError } from './config.ts';
import type { DataFolder, Settings } from './data-folder.ts';
import { openDataFolder } from './data-folder.ts';
import { createProgress } from './progress.ts';
import { openStorage } from './storage.ts';

export async function migrateStorage(flags: UpFlags): Promise<void> {
  if (flags['to'] !== 'etcd') throw new UsageError(`--to: ${String(flags['to'])} is not etcd`);
  const { etcd, dataDir } = upConfig({ ...flags, storage: 'etcd' });
  const folder = openDataFolder(dataDir);
  const settings = settingsOf(folder);
  const running = folder.running();
  if (running !== undefined) {
    throw new UsageError(
      `the cluster on ${folder.path} is running (pid ${running.pid}); stop it first, its pods may go on: ` +
        `nocher down --data-dir ${folder.path}`,
    );
  }
  folder.claim();
  try {
    const { objects, seconds } = await move(folder, { storage: 'etcd', etcd }, settings);
    folder.saveSettings({ ...settings, etcd });
    process.stdout.write(
      `moved ${objects} objects to etcd in ${seconds.toFixed(1)} s; the cluster starts on it with: nocher up` +
        `${flags['dataDir'] === undefined ? '' : ` --data-dir ${folder.path}`}\n` +
        `${folder.file('db')} is as it was, and not used any more\n`,
    );
  } finally {
    folder.release();
  }
}

type Ranges = Required<Pick<Settings, 'podCidr' | 'serviceCidr'>> & Settings;

function settingsOf(folder: DataFolder): Ranges {
  const settings = folder.settings();
  const { podCidr, serviceCidr, etcd } = settings;
  if (etcd !== undefined)
    throw new UsageError(`the cluster in ${folder.path} is in etcd already (${etcd.endpoints.join(', ')})`);
  if (podCidr === undefined || serviceCidr === undefined || !existsSync(folder.file('db')))
    throw new UsageError(`there is no cluster on lmdb in ${folder.path}`);
  return { ...settings, podCidr, serviceCidr };
}

const STEPS = {
  objects: 'writing the objects to etcd',
  revisions: 'passing the revisions that clients have seen, so that they list again',
};

async function move(
  folder: DataFolder,
  to: Parameters<typeof openStorage>[0],
  settings: Ranges,
): Promise<{ objects: number; seconds: number }> {
  const progress = createProgress();
  const startedMs = performance.now();
  progress.step('opening both stores');
  const source = await openStorage({ storage: 'lmdb', etcd: to.etcd }, folder);
  try {
    const target = await openStorage(to, folder);
    try {
      let current = '';
      const { objects } = await migrate({
        from: source,
        to: target,
        prefix: REGISTRY_PREFIX,
        onProgress(step) {
          if (step !== current) progress.step(STEPS[step]);
          current = step;
        },
      });
      await agreeOnCluster(target, clusterRecord(readFileSync(folder.file('pki', 'ca.crt'), 'utf8'), settings), folder);
      progress.done();
      return { objects, seconds: (performance.now() - startedMs) / 1000 };
    } finally {
      await target.close();
    }
  } catch (error) {
    progress.fail();
    if (error instanceof StorageError) throw new UsageError(error.message);
    throw error;
  } finally {
    await source.close();
  }
}
