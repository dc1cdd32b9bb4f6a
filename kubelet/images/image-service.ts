/** The kubelet's ImageService over the node's own store and the registry client, for the native runtime. */
import { createHash } from 'node:crypto';
import type { ImageService, PullAuth } from '../runtime.ts';
import { pullImage } from './pull.ts';
import { formatReference, parseImageName } from './reference.ts';
import { RegistryClient, type RegistryConfig } from './registry.ts';
import type { ImageStore } from './store.ts';

/** One pull that several callers wait for; it ends when the last of them gives up. */
interface SharedPull {
  result: Promise<string>;
  waiters: number;
  controller: AbortController;
}

/**
 * Pulls of the same reference with the same credentials are one pull. Credentials are compared, so that nobody gets an
 * image with somebody else's.
 */
export function createImageService({ store, registry }: { store: ImageStore; registry: RegistryConfig }): ImageService {
  const client = new RegistryClient(registry);
  const pulls = new Map<string, SharedPull>();

  const share = (key: string, image: string, auth: PullAuth | undefined): SharedPull => {
    const running = pulls.get(key);
    if (running !== undefined) return running;
    const controller = new AbortController();
    const result = pullImage({ store, client }, parseImageName(image), { auth, signal: controller.signal });
    const started = { result, waiters: 0, controller };
    const forget = (): void => {
      if (pulls.get(key) === started) pulls.delete(key);
    };
    result.then(forget, forget);
    pulls.set(key, started);
    return started;
  };

  return {
    listImages: () => store.list(),
    imageStatus: (image) => store.status(image),
    removeImage: (image) => store.remove(image),
    async pullImage(image, auth, signal) {
      const key = `${formatReference(parseImageName(image))} ${fingerprint(auth)}`;
      signal.throwIfAborted();
      const pull = share(key, image, auth);
      pull.waiters += 1;
      try {
        return await untilAborted(pull.result, signal);
      } finally {
        pull.waiters -= 1;
        if (pull.waiters === 0) {
          // Ended already, or nobody wants it any more: a later caller starts afresh.
          if (pulls.get(key) === pull) pulls.delete(key);
          pull.controller.abort();
        }
      }
    },
  };
}

function fingerprint(auth: PullAuth | undefined): string {
  if (auth === undefined) return 'anonymous';
  const parts = [auth.username, auth.password, auth.identityToken ?? ''];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

function untilAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    result.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
