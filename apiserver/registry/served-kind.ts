/** A kind as this server serves it: its definition, its cache, and the names that errors use. */
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { GroupKind, GroupResource } from '../../api/machinery/errors.ts';
import { apiVersionOf } from '../../api/machinery/resource.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import type { KindVersions } from '../../api/managed-fields/versions.ts';
import type { KindCache } from '../cacher/kind-cache.ts';

export interface ServedKind<T extends ApiObject = ApiObject> {
  resource: Resource<T>;
  cache: KindCache<T>;
  groupResource: GroupResource;
  groupKind: GroupKind;
  apiVersion: string;
  /** Of a kind that looks different through its other versions, for managedFields. */
  versions?: KindVersions;
}

export function servedKind<T extends ApiObject>(resource: Resource<T>, cache: KindCache<T>): ServedKind<T> {
  return {
    resource,
    cache,
    groupResource: { group: resource.group, resource: resource.names.plural },
    groupKind: { group: resource.group, kind: resource.names.kind },
    apiVersion: apiVersionOf(resource),
  };
}
