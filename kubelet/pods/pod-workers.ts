/**
 * One worker for each pod of the node, from what the API says of it (upstream `pkg/kubelet/kubelet.go`, `syncLoop`).
 */
import type { Pod } from '../../api/core/v1/pod/types.ts';
import { sleep } from '../../base/clock.ts';
import type { InformerChange } from '../../client/informer.ts';
import { podGraceSeconds } from './pod-deadlines.ts';
import type { PodMachinery } from './pod-machinery.ts';
import { PodWorker } from './pod-worker.ts';

/** Of containers whose pod nobody knows any more. */
const ORPHAN_GRACE_SECONDS = 2;
const HOUSEKEEPING_MS = 30_000;

export class PodWorkers {
  readonly #workers = new Map<string, PodWorker>();
  #machinery: PodMachinery | undefined;

  /** To be called once, before anything else. */
  use(machinery: PodMachinery): void {
    this.#machinery = machinery;
  }

  get(uid: string): PodWorker | undefined {
    return this.#workers.get(uid);
  }

  all(): PodWorker[] {
    return [...this.#workers.values()];
  }

  /** The pod of this name that is not over; of several, the youngest. */
  findByName(namespace: string, name: string): PodWorker | undefined {
    return this.all().findLast(({ pod }) => pod.metadata.namespace === namespace && pod.metadata.name === name);
  }

  /** Something about this pod may have changed on the node. */
  poke(uid: string): void {
    this.#workers.get(uid)?.poke();
  }

  onPodChange({ type, object }: InformerChange<Pod>): void {
    const uid = object.metadata.uid ?? '';
    const worker = this.#workers.get(uid);
    if (type === 'delete') worker?.remove(object);
    else if (worker === undefined) this.#add(object);
    else {
      if (worker.phase === 'syncing') this.#required().allocations.update(object);
      worker.update(object);
    }
  }

  /** Those that hold something of the node, or soon will. */
  activePods(): Pod[] {
    return this.all()
      .filter(({ isActive }) => isActive)
      .map(({ pod }) => pod);
  }

  /** Until the signal aborts: removes what belongs to no pod, found after a restart or left by a failure. */
  async keepHouse(signal: AbortSignal): Promise<void> {
    const { puller, clock, log } = this.#required();
    while (!signal.aborted) {
      try {
        this.#required().allocations.retry();
        await this.#removeOrphans();
        await puller.forgetRemoved();
      } catch (error) {
        log.warn('cannot remove what is left of pods', { error: String(error) });
      }
      await sleep(clock, HOUSEKEEPING_MS, signal);
    }
  }

  /** For good: pods stay as they are. Resolves when no step is under way. */
  async stop(): Promise<void> {
    for (const worker of this.#workers.values()) worker.stop();
    await Promise.all(this.all().map((worker) => worker.idle()));
  }

  /** Ends every pod, with its grace period or `graceSeconds` if that is less. Nothing is started any more. */
  async endAll(graceSeconds: number): Promise<void> {
    const { cache, killer } = this.#required();
    await this.stop();
    await cache.refresh();
    const { signal } = new AbortController();
    await Promise.all(
      this.all().map(({ uid, pod }) => {
        const seconds = Math.min(graceSeconds, podGraceSeconds(pod));
        return killer.killPod(pod, cache.get(uid), { graceSeconds: seconds, reason: 'deleted', signal });
      }),
    );
  }

  #add(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    const machinery = this.#required();
    const admission = machinery.admission.admit(pod);
    const worker = new PodWorker(pod, machinery, { admission, onFinished: () => this.#workers.delete(uid) });
    this.#workers.set(uid, worker);
    machinery.allocations.update(pod);
    worker.poke();
  }

  #required(): PodMachinery {
    if (this.#machinery === undefined) throw new Error('the pod workers have not been put together');
    return this.#machinery;
  }

  async #removeOrphans(): Promise<void> {
    const { cache, runtime, files, log } = this.#required();
    await cache.refresh();
    for (const uid of cache.uids()) {
      if (this.#workers.has(uid)) continue;
      log.info('removing a pod that nobody knows', { uid });
      const { containers, sandboxes } = cache.get(uid);
      await Promise.all(containers.map(({ id }) => runtime.stopContainer(id, ORPHAN_GRACE_SECONDS)));
      for (const { id } of containers) await runtime.removeContainer(id);
      for (const { id } of sandboxes) await runtime.removePodSandbox(id);
    }
    for (const uid of await files.podUids()) if (!this.#workers.has(uid)) await files.removeOrphan(uid);
  }
}
