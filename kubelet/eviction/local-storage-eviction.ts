/**
 * Ends pods that have put more into an `emptyDir` than its `sizeLimit` (upstream `pkg/kubelet/eviction`,
 * `localStorageEviction`).
 */
import type { Pod } from '../../api/core/v1/pod/types.ts';
import { tryParseQuantity } from '../../api/machinery/quantity.ts';
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { isCriticalPod } from '../pods/linux-resources.ts';
import type { PodWorker } from '../pods/pod-worker.ts';
import { volumeFolder } from '../volumes/pod-folder.ts';
import type { PodFolders } from '../volumes/pod-folder.ts';

export interface LocalStorageEvictionOptions {
  workers: { all(): Pick<PodWorker, 'pod' | 'uid' | 'phase' | 'evict'>[] };
  folders: PodFolders;
  /** What a folder takes of its disk. Rejects when it cannot be told. */
  usageBytes(folder: string, signal: AbortSignal): Promise<number>;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
}

const PERIOD_MS = 10_000;
/** Of what a look took, the next one is at least so many times as far away: many files cost no more than a tenth. */
const REST_FACTOR = 9;

/** Until the signal aborts. */
export async function evictForLocalStorage(options: LocalStorageEvictionOptions): Promise<void> {
  const { workers, clock, signal } = options;
  let tookMs = 0;
  while (!signal.aborted) {
    await sleep(clock, Math.max(PERIOD_MS, REST_FACTOR * tookMs), signal);
    const startMs = clock.monotonicMs();
    for (const worker of workers.all()) await look(worker, options);
    tookMs = clock.monotonicMs() - startMs;
  }
}

async function look(
  worker: Pick<PodWorker, 'pod' | 'uid' | 'phase' | 'evict'>,
  { folders, usageBytes, log, signal }: LocalStorageEvictionOptions,
): Promise<void> {
  for (const { name, sizeLimit, limitBytes } of limitedVolumes(worker.pod)) {
    if (worker.phase !== 'syncing' || signal.aborted) return;
    const folder = volumeFolder(folders, worker.uid, { plugin: 'kubernetes.io/empty-dir', name });
    try {
      if ((await usageBytes(folder, signal)) <= limitBytes) continue;
      worker.evict(`Usage of EmptyDir volume ${JSON.stringify(name)} exceeds the limit ${JSON.stringify(sizeLimit)}. `);
    } catch (error) {
      // Also of a volume that is not there yet.
      log.debug('cannot tell how large a volume is', { folder, error: String(error) });
    }
  }
}

/** The `emptyDir` volumes with a limit; none of a critical pod, which is never evicted. */
export function limitedVolumes(pod: Pod): { name: string; sizeLimit: string; limitBytes: number }[] {
  if (isCriticalPod(pod)) return [];
  return (pod.spec.volumes ?? []).flatMap(({ name, emptyDir }) => {
    const limitBytes = tryParseQuantity(emptyDir?.sizeLimit)?.value() ?? 0;
    return limitBytes > 0 ? [{ name, sizeLimit: String(emptyDir!.sizeLimit), limitBytes }] : [];
  });
}
