/**
 * Read-your-writes for controllers: remembers what a reconcile of a key wrote, and says when the informers show it.
 * This replaces expectation counters: a controller never decides on a cache that lacks its own last decision.
 */
import type { ApiObject } from '../api/machinery/meta.ts';
import type { Client, ObjectName, ResourceRef } from './client.ts';
import { formatResource } from './keys.ts';
import type { Informer } from './informer.ts';

type InformerOf = (resource: ResourceRef) => Informer | undefined;

interface Write {
  resource: ResourceRef;
  isVisible(informer: Informer): boolean;
}

export class WriteTracker {
  readonly #informerOf: InformerOf;
  readonly #writes = new Map<string, Write[]>();

  constructor(informerOf: InformerOf) {
    this.#informerOf = informerOf;
  }

  /** Whether the informers show everything that was written for `key`. */
  isSettled(key: string): boolean {
    const pending = (this.#writes.get(key) ?? []).filter((write) => {
      const informer = this.#informerOf(write.resource);
      return informer !== undefined && !write.isVisible(informer);
    });
    if (pending.length === 0) this.#writes.delete(key);
    else this.#writes.set(key, pending);
    return pending.length === 0;
  }

  /** Gives up waiting for `key`. */
  forget(key: string): void {
    this.#writes.delete(key);
  }

  /** A client whose writes count for `key`; it refuses writes to kinds that are not in `writable`. */
  clientFor(key: string, client: Client, writable: ReadonlySet<string>): Client {
    const check = (resource: ResourceRef): void => {
      if (!writable.has(formatResource(resource))) throw new Error(`this controller does not declare writes of ${formatResource(resource)}`);
    };
    const recorded = <T extends ApiObject>(resource: ResourceRef, written: T): T => {
      const { resourceVersion = '' } = written.metadata;
      this.#record(key, { resource, isVisible: (informer) => resourceVersion === '' || informer.hasSeen(resourceVersion) });
      return written;
    };
    return {
      get: (...args) => client.get(...args),
      list: (...args) => client.list(...args),
      watch: (...args) => client.watch(...args),
      async create(resource, object, options) {
        check(resource);
        return recorded(resource, await client.create(resource, object, options));
      },
      async update(resource, object, options) {
        check(resource);
        return recorded(resource, await client.update(resource, object, options));
      },
      async patch(resource, name, patch) {
        check(resource);
        return recorded(resource, await client.patch(resource, name, patch));
      },
      delete: async (resource, name, options) => {
        check(resource);
        const uid = this.#informerOf(resource)?.lister.get(name.namespace ?? '', name.name)?.metadata.uid;
        await client.delete(resource, name, options);
        this.#record(key, { resource, isVisible: (informer) => isDeletionVisible(informer, name, uid) });
      },
    };
  }

  #record(key: string, write: Write): void {
    const writes = this.#writes.get(key);
    if (writes === undefined) this.#writes.set(key, [write]);
    else writes.push(write);
  }
}

function isDeletionVisible(informer: Informer, { namespace = '', name }: ObjectName, uid: string | undefined): boolean {
  const found = informer.lister.get(namespace, name);
  return found === undefined || found.metadata.uid !== uid || found.metadata.deletionTimestamp !== undefined;
}
