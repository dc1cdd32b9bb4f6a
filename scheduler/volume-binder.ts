/**
 * Asks for the volumes of a pod that has its node, and waits until they are bound
 * (`plugins/volumebinding/binder.go`: `BindPodVolumes`). The binding itself is the volume controller's work.
 */
import { nodes } from '../api/core/v1/node.ts';
import type { Node } from '../api/core/v1/node.ts';
import type { PersistentVolume } from '../api/core/v1/persistent-volume.ts';
import { persistentVolumes } from '../api/core/v1/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../api/core/v1/persistent-volume-claim.ts';
import { persistentVolumeClaims } from '../api/core/v1/persistent-volume-claim.ts';
import { pods } from '../api/core/v1/pod.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { isFullyBound, SELECTED_NODE } from '../api/core/v1/volume/binding.ts';
import type { Clock } from '../base/clock.ts';
import type { Client } from '../client/client.ts';
import type { InformerFactory } from '../client/informer-factory.ts';
import { keyOf } from '../client/keys.ts';
import { NOT_ENDED } from './cluster-watch.ts';
import { fitsNode } from './pod-volumes.ts';
import type { PodVolumes } from './pod-volumes.ts';
import type { StorageView } from './storage-view.ts';

export interface VolumeBinderOptions {
  client: Client;
  informers: InformerFactory;
  clock: Clock;
  signal: AbortSignal;
  /** How long a pod waits for its volumes at most. */
  timeoutMs: number;
}

export class VolumeBinder {
  readonly #options: VolumeBinderOptions;
  readonly #storage: StorageView;

  constructor(storage: StorageView, options: VolumeBinderOptions) {
    this.#storage = storage;
    this.#options = options;
  }

  /** `assumed` is as it was assumed. Throws when it cannot be done, so that the pod is looked at again. */
  async bind(pod: Pod, assumed: PodVolumes, nodeName: string): Promise<void> {
    const { client } = this.#options;
    const asked: PodVolumes = { bindings: [], provisions: [] };
    for (const { volume, claim } of assumed.bindings) {
      asked.bindings.push({ volume: await client.update<PersistentVolume>(persistentVolumes, volume), claim });
    }
    for (const claim of assumed.provisions) {
      asked.provisions.push(await client.update<PersistentVolumeClaim>(persistentVolumeClaims, claim));
    }
    await this.#until(() => this.#isBound(pod, asked, nodeName));
  }

  /** Throws when it will not come to be any more. */
  #isBound(pod: Pod, asked: PodVolumes, nodeName: string): boolean {
    const { informers } = this.#options;
    const { namespace = '', name = '', uid } = pod.metadata;
    const current = informers.informer<Pod>(pods, NOT_ENDED).lister.get(namespace, name);
    if (current?.metadata.uid !== uid) throw new Error('pod does not exist any more');
    const node = informers.informer<Node>(nodes).lister.get('', nodeName);
    if (node === undefined) throw new Error(`failed to get node ${JSON.stringify(nodeName)}: not found`);
    const isDone = asked.bindings.every(({ volume, claim }) => this.#isVolumeBound(volume, claim, node));
    return asked.provisions.every((claim) => this.#isProvisioned(claim, node)) && isDone;
  }

  #isVolumeBound(asked: PersistentVolume, claim: PersistentVolumeClaim, node: Node): boolean {
    const { volumes } = this.#storage;
    if (!volumes.informer.hasSeen(asked.metadata.resourceVersion ?? '')) return false;
    const name = JSON.stringify(asked.metadata.name);
    const volume = volumes.informer.getByKey(asked.metadata.name ?? '');
    if (volume === undefined) throw new Error(`failed to check binding: pv ${name} not found`);
    this.#checkNode(volume, node);
    if (!volume.spec.claimRef?.uid) throw new Error(`ClaimRef got reset for pv ${name}`);
    return isFullyBound(this.#claimNow(claim) ?? claim);
  }

  #isProvisioned(asked: PersistentVolumeClaim, node: Node): boolean {
    if (!this.#storage.claims.informer.hasSeen(asked.metadata.resourceVersion ?? '')) return false;
    const claim = this.#claimNow(asked);
    if (claim === undefined) throw new Error(`failed to check provisioning pvc: ${keyOf(asked)} not found`);
    // Whoever cannot make the volume takes the node off it, so that another is chosen.
    if (claim.metadata.annotations?.[SELECTED_NODE] !== node.metadata.name)
      throw new Error(`provisioning failed for PVC ${JSON.stringify(claim.metadata.name)}`);
    const volume = this.#storage.volumes.informer.getByKey(claim.spec.volumeName ?? '');
    if (volume === undefined) return false;
    this.#checkNode(volume, node);
    return isFullyBound(claim);
  }

  /** As the API has it. */
  #claimNow(claim: PersistentVolumeClaim): PersistentVolumeClaim | undefined {
    const now = this.#storage.claims.informer.getByKey(keyOf(claim));
    return now?.metadata.uid === claim.metadata.uid ? now : undefined;
  }

  #checkNode(volume: PersistentVolume, node: Node): void {
    if (fitsNode(volume, node)) return;
    const [volumeName, nodeName] = [volume.metadata.name, node.metadata.name].map((name) => JSON.stringify(name));
    throw new Error(`pv ${volumeName} node affinity doesn't match node ${nodeName}: no matching NodeSelectorTerms`);
  }

  /** Asks again after every change of claims, volumes and pods. */
  async #until(holds: () => boolean): Promise<void> {
    const { informers, clock, signal, timeoutMs } = this.#options;
    const { claims, volumes } = this.#storage;
    const watched = [claims.informer, volumes.informer, informers.informer(pods, NOT_ENDED)];
    const cleanups: (() => void)[] = [];
    try {
      await new Promise<void>((resolve, reject) => {
        const look = (): void => {
          try {
            if (holds()) resolve();
          } catch (error) {
            reject(error as Error);
          }
        };
        const stop = (): void => reject(new Error('the scheduler is stopping'));
        signal.addEventListener('abort', stop, { once: true });
        cleanups.push(() => signal.removeEventListener('abort', stop));
        cleanups.push(clock.setTimeout(() => reject(new Error('context deadline exceeded')), timeoutMs));
        for (const { progress } of watched) {
          const subscription = progress.subscribe(look);
          cleanups.push(() => subscription.unsubscribe());
        }
        if (signal.aborted) stop();
        look();
      });
    } finally {
      for (const cleanup of cleanups) cleanup();
    }
  }
}
