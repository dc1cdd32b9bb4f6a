/** The quotas as admission charges them: read from the cache, written by compare-and-swap past admission. */
import type { ResourceQuota } from '../../api/core/v1/quota/types.ts';
import { objectsByNamespace } from '../admission/by-namespace.ts';
import type { QuotaStore } from '../admission/quota-ledger.ts';
import type { Storage } from '../storage/storage.ts';
import { StorageError } from '../storage/storage.ts';
import { translateStorageError } from '../storage-errors.ts';
import type { ServedKind } from './served-kind.ts';

export interface QuotaStoreOptions {
  /** Where ResourceQuota is not among them there are no quotas. */
  kinds: readonly ServedKind[];
  storage: Storage;
  freshen(): Promise<void>;
}

export function quotaStore({ kinds, storage, freshen }: QuotaStoreOptions): QuotaStore {
  const kind = kinds.find(({ resource: { group, names } }) => group === '' && names.plural === 'resourcequotas');
  const listed = kind === undefined ? () => [] : objectsByNamespace(kind.cache);
  return {
    list: (namespace) => listed(namespace) as readonly ResourceQuota[],
    freshen,
    async writeUsed({ metadata: { namespace = '', name = '', resourceVersion = '' } }, used) {
      const cached = kind!.cache.getCached(namespace, name);
      if (cached === undefined || String(cached.revision) !== resourceVersion) return false;
      const next = cached.decode() as ResourceQuota;
      next.status = { ...next.status, used };
      try {
        await storage.update(cached.key, await kind!.cache.encode(next), { expectedRevision: cached.revision });
        return true;
      } catch (error) {
        if (error instanceof StorageError && LOST.has(error.code)) return false;
        throw translateStorageError(error);
      }
    },
  };
}

const LOST: ReadonlySet<string> = new Set(['revision-mismatch', 'key-not-found']);
