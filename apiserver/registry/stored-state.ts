/** States of an object between a kind's own form and its stored one, which a conversion outside may stand between. */
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { CachedObject } from '../cacher/cached-object.ts';
import type { StoredState } from '../cacher/kind-cache.ts';
import { isSameValue } from './same-value.ts';
import type { ServedKind } from './served-kind.ts';

/** The object, when it can be looked into. Rejects with an ApiError when it cannot be converted. */
export async function readable({ cache }: ServedKind, object: CachedObject): Promise<CachedObject> {
  await cache.ready?.([object]);
  return object;
}

/** What has been written, in the kind's own form. */
export function written(kind: ServedKind, state: StoredState): Promise<CachedObject> {
  return readable(kind, kind.cache.objectAt(state));
}

/** True when storing `next` would change nothing: neither what it says, nor the version in which it is stored. */
export function isAsStored({ cache }: ServedKind, current: CachedObject, next: ApiObject): boolean {
  return isSameValue(next, current.object()) && cache.isOutdated?.(current) !== true;
}
