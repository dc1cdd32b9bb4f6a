/** A controller's view of the client: refuses writes to kinds it does not declare, and reports those that succeed. */
import type { ApiObject } from '../api/machinery/meta.ts';
import type { Client, ObjectName, ResourceRef, WriteOptions } from './client.ts';
import { formatKey, formatResource, keyOf } from './keys.ts';
import type { Write } from './write-tracker.ts';

export interface TrackedClientOptions {
  /** The controller's name, for messages. */
  owner: string;
  isWritable(resource: ResourceRef): boolean;
  /** The uid of the object with this key, as far as the cache knows it. */
  uidOf(resource: ResourceRef, key: string): string | undefined;
  onWrite(write: Write): void;
}

/** Reads pass through. */
export function trackedClient(client: Client, options: TrackedClientOptions): Client {
  const { owner, isWritable, uidOf, onWrite } = options;
  const check = (resource: ResourceRef): void => {
    if (isWritable(resource)) return;
    throw new Error(`controller ${owner} does not declare that it writes ${formatResource(resource)}`);
  };
  const stored = <R extends ApiObject>(resource: ResourceRef, result: R, { dryRun }: WriteOptions): R => {
    const resourceVersion = storedVersion(resource, result);
    if (dryRun !== true && resourceVersion !== undefined) {
      onWrite({ type: 'stored', resource, key: keyOf(result), resourceVersion });
    }
    return result;
  };
  return {
    getDocument: client.getDocument,
    get: client.get,
    list: client.list,
    watch: client.watch,
    async create<T extends ApiObject, R extends ApiObject = T>(
      resource: ResourceRef,
      object: T,
      writeOptions: WriteOptions & { name?: string } = {},
    ): Promise<R> {
      check(resource);
      return stored(resource, await client.create<T, R>(resource, object, writeOptions), writeOptions);
    },
    async update<T extends ApiObject>(resource: ResourceRef, object: T, writeOptions: WriteOptions = {}): Promise<T> {
      check(resource);
      return stored(resource, await client.update<T>(resource, object, writeOptions), writeOptions);
    },
    async patch<T extends ApiObject>(
      resource: ResourceRef,
      name: ObjectName,
      patch: Parameters<Client['patch']>[2],
    ): Promise<T> {
      check(resource);
      return stored(resource, await client.patch<T>(resource, name, patch), patch);
    },
    async delete(resource, name, deleteOptions = {}): Promise<void> {
      check(resource);
      const key = formatKey({
        namespace: resource.scope === 'Namespaced' ? (name.namespace ?? '') : '',
        name: name.name,
      });
      const uid = deleteOptions.preconditions?.uid ?? uidOf(resource, key);
      await client.delete(resource, name, deleteOptions);
      if (uid !== undefined && deleteOptions.dryRun === undefined) onWrite({ type: 'deleted', resource, key, uid });
    },
  };
}

/** The answers of `binding`, `eviction` or `token` are of other kinds, and say nothing of the object's version. */
function storedVersion(resource: ResourceRef, result: ApiObject): string | undefined {
  if (result?.kind !== undefined && result.kind !== resource.names.kind) return undefined;
  const version = result?.metadata?.resourceVersion;
  return version === '' ? undefined : version;
}
