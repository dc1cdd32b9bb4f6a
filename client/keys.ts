/** Names of objects in queues and caches: `namespace/name`, or `name` alone for cluster-scoped kinds. */
import type { ApiObject } from '../api/machinery/meta.ts';
import type { ResourceRef } from './client.ts';

/** Which object a controller shall look at. `namespace` is `''` for cluster-scoped kinds. */
export interface ObjectKey {
  namespace: string;
  name: string;
}

export function formatKey({ namespace, name }: ObjectKey): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}

export function parseKey(key: string): ObjectKey {
  const slash = key.indexOf('/');
  return slash < 0 ? { namespace: '', name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export function keyOf(object: ApiObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined || namespace === '' ? (name ?? '') : `${namespace}/${name ?? ''}`;
}

/** `pods`, `deployments.apps`: names a kind whatever its version. */
export function formatResource(resource: ResourceRef): string {
  return resource.group === '' ? resource.names.plural : `${resource.names.plural}.${resource.group}`;
}
