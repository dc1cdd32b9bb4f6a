/**
 * Discovery, derived from the served kinds: the plain documents (`/api`, `/apis`, `/api/v1`, `/apis/apps/v1`) and the
 * aggregated one (apidiscovery.k8s.io/v2) that newer clients ask for with their Accept header.
 */
import { createHash } from 'node:crypto';
import { apiVersionOf } from '../../api/machinery/resource.ts';
import { compareVersions } from '../../api/apiextensions/v1/version-priority.ts';
import { groupPriority, versionPriority } from '../../api/apiregistration/v1/local-api-services.ts';
import { nestedResources } from './nested-resources.ts';
import { KIND_OF_SCALE } from './scale-kind.ts';
import type { ApiResourceEntry, RemoteVersion } from './remote-version.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { Router, Subresource } from '../router.ts';

export interface GroupVersions {
  group: string;
  versions: string[];
}

/** Those of other servers take the place of our own. */
export interface Served {
  kinds: readonly ServedKind[];
  remote: readonly RemoteVersion[];
}

interface Ranked {
  version: string;
  priority: number;
}

/** Served groups with their versions, in discovery's order: by priority, then by name (`SortedByGroupAndVersion`). */
export function groupsOf({ kinds, remote }: Served): GroupVersions[] {
  const groups = new Map<string, { priority: number; versions: Map<string, number> }>();
  const groupOf = (group: string, priority: number): Map<string, number> => {
    const found = groups.get(group) ?? { priority: 0, versions: new Map<string, number>() };
    groups.set(group, found);
    found.priority = Math.max(found.priority, priority);
    return found.versions;
  };
  for (const { resource } of kinds)
    groupOf(resource.group, groupPriority(resource.group)).set(
      resource.version,
      versionPriority(resource.group, resource.version),
    );
  for (const one of remote) groupOf(one.group, one.groupPriority).set(one.version, one.versionPriority);
  const custom = new Set([
    ...kinds.filter(({ resource }) => resource.structure !== undefined).map(({ resource }) => resource.group),
    ...remote.map(({ group }) => group),
  ]);
  return [...groups]
    .sort(([a, x], [b, y]) => y.priority - x.priority || (a < b ? -1 : 1))
    .map(([group, { versions }]) => ({
      group,
      // Built-in ones stand in their table's order, whatever they are called.
      versions: custom.has(group) ? inOrder(versions) : [...versions.keys()],
    }));
}

function inOrder(versions: ReadonlyMap<string, number>): string[] {
  const ranked: Ranked[] = [...versions].map(([version, priority]) => ({ version, priority }));
  return ranked
    .sort((a, b) => b.priority - a.priority || compareVersions(a.version, b.version))
    .map(({ version }) => version);
}

function statusAndScale(kind: ServedKind): Subresource[] {
  const derived: Subresource[] = [];
  const { group, version, names, subresources } = kind.resource;
  const verbs = { get: undefined, patch: undefined, update: undefined } as unknown as Subresource['verbs'];
  if (subresources.status !== undefined)
    derived.push({ name: 'status', kind: { group, version, kind: names.kind }, verbs });
  if (subresources.scale !== undefined) derived.push({ name: 'scale', kind: KIND_OF_SCALE, verbs });
  return derived;
}

function subresourcesOf(router: Router, kind: ServedKind): Subresource[] {
  const byName = new Map(statusAndScale(kind).map((subresource) => [subresource.name, subresource]));
  for (const subresource of router.subresourcesOf(kind)) byName.set(subresource.name, subresource);
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function storageVersionHash({ groupKind, resource }: ServedKind): string {
  return (
    createHash('sha256')
      .update(`${resource.group}/${resource.version}/${groupKind.kind}`)
      .digest('base64')
      .slice(0, 11) + '='
  );
}

/** Entries of one group version for the plain document, resources and subresources sorted by name. */
export function apiResources(
  router: Router,
  { group, version }: { group: string; version: string },
): ApiResourceEntry[] {
  const entries: ApiResourceEntry[] = [];
  for (const kind of router.kinds()) {
    const { resource } = kind;
    if (resource.group !== group || resource.version !== version) continue;
    const { names } = resource;
    const namespaced = resource.scope === 'Namespaced';
    entries.push({
      name: names.plural,
      singularName: names.singular,
      namespaced,
      kind: names.kind,
      verbs: [...resource.verbs],
      ...(names.shortNames.length > 0 ? { shortNames: [...names.shortNames] } : {}),
      ...(names.categories.length > 0 ? { categories: [...names.categories] } : {}),
      ...(resource.verbs.includes('list') ? { storageVersionHash: storageVersionHash(kind) } : {}),
    });
    for (const subresource of subresourcesOf(router, kind)) {
      const foreign = subresource.kind.group !== group || subresource.kind.version !== version;
      entries.push({
        name: `${names.plural}/${subresource.name}`,
        singularName: '',
        namespaced,
        ...(foreign ? { group: subresource.kind.group, version: subresource.kind.version } : {}),
        kind: subresource.kind.kind,
        verbs: Object.keys(subresource.verbs).sort(),
      });
    }
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `APIGroupDiscoveryList` for `/api` (core) or `/apis` (the others). */
export function aggregatedDiscovery(router: Router, remote: readonly RemoteVersion[], isCore: boolean): unknown {
  const kinds = router.kinds().filter(({ resource }) => (resource.group === '') === isCore);
  const byGroupVersion = new Map<string, ServedKind[]>();
  for (const kind of kinds) {
    const together = byGroupVersion.get(kind.apiVersion);
    if (together === undefined) byGroupVersion.set(kind.apiVersion, [kind]);
    else together.push(kind);
  }
  const others = isCore ? [] : remote;
  const remoteOf = new Map(others.map((one) => [apiVersionOf(one), one]));
  const versionOf = (group: string, version: string): unknown => {
    const name = apiVersionOf({ group, version });
    const other = remoteOf.get(name);
    if (other !== undefined) {
      const freshness = other.isStale ? 'Stale' : 'Current';
      return { version, resources: nestedResources(other), freshness };
    }
    return { version, resources: aggregatedResources(router, byGroupVersion.get(name)!), freshness: 'Current' };
  };
  const items = groupsOf({ kinds, remote: others }).map(({ group, versions }) => ({
    metadata: { ...(group === '' ? {} : { name: group }), creationTimestamp: null },
    versions: versions.map((version) => versionOf(group, version)),
  }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items };
}

function aggregatedResources(router: Router, kinds: ServedKind[]): unknown[] {
  kinds.sort((a, b) => (a.resource.names.plural < b.resource.names.plural ? -1 : 1));
  return kinds.map((kind) => {
    const { group, version, names, scope, verbs } = kind.resource;
    const subresources = subresourcesOf(router, kind).map((subresource) => ({
      subresource: subresource.name,
      responseKind: subresource.kind,
      verbs: Object.keys(subresource.verbs).sort(),
    }));
    return {
      resource: names.plural,
      responseKind: { group, version, kind: names.kind },
      scope: scope === 'Namespaced' ? 'Namespaced' : 'Cluster',
      singularResource: names.singular,
      verbs: [...verbs],
      ...(names.shortNames.length > 0 ? { shortNames: [...names.shortNames] } : {}),
      ...(names.categories.length > 0 ? { categories: [...names.categories] } : {}),
      ...(subresources.length > 0 ? { subresources } : {}),
    };
  });
}
