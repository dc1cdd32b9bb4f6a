/**
 * Discovery, derived from the served kinds: the plain documents (`/api`, `/apis`, `/api/v1`, `/apis/apps/v1`) and the
 * aggregated one (apidiscovery.k8s.io/v2) that newer clients ask for with their Accept header.
 */
import { createHash } from 'node:crypto';
import { apiVersionOf } from '../../api/machinery/resource.ts';
import { compareVersions } from '../../api/apiextensions/v1/version-priority.ts';
import { KIND_OF_SCALE } from './scale-kind.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { Router, Subresource } from '../router.ts';

export interface ApiResourceEntry {
  name: string;
  singularName: string;
  namespaced: boolean;
  group?: string;
  version?: string;
  kind: string;
  verbs: string[];
  shortNames?: string[];
  categories?: string[];
  storageVersionHash?: string;
}

export interface GroupVersions {
  group: string;
  versions: string[];
}

/** Upstream's order of groups (kube-apiserver's group priorities); others follow by name. */
const GROUP_ORDER = [
  '',
  'apiregistration.k8s.io',
  'apps',
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'networking.k8s.io',
  'extensions',
  'policy',
  'rbac.authorization.k8s.io',
  'storage.k8s.io',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'scheduling.k8s.io',
  'coordination.k8s.io',
  'node.k8s.io',
  'discovery.k8s.io',
  'flowcontrol.apiserver.k8s.io',
  'resource.k8s.io',
];

/** Behind everybody's own groups: its kinds are called as those of the core group. */
const LAST_GROUP = 'metrics.k8s.io';

function rank(group: string): number {
  if (group === LAST_GROUP) return GROUP_ORDER.length + 1;
  const position = GROUP_ORDER.indexOf(group);
  return position < 0 ? GROUP_ORDER.length : position;
}

/** Served groups with their versions, in discovery's order. */
export function groupsOf(kinds: readonly ServedKind[]): GroupVersions[] {
  const groups = new Map<string, Set<string>>();
  for (const { resource } of kinds) {
    const versions = groups.get(resource.group) ?? new Set<string>();
    groups.set(resource.group, versions.add(resource.version));
  }
  const custom = new Set(
    kinds.filter(({ resource }) => resource.structure !== undefined).map(({ resource }) => resource.group),
  );
  return [...groups]
    .map(([group, versions]) => ({
      group,
      // Built-in ones stand in their table's order, whatever they are called.
      versions: custom.has(group) ? [...versions].sort(compareVersions) : [...versions],
    }))
    .sort((a, b) => rank(a.group) - rank(b.group) || (a.group < b.group ? -1 : 1));
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
export function aggregatedDiscovery(router: Router, isCore: boolean): unknown {
  const kinds = router.kinds().filter(({ resource }) => (resource.group === '') === isCore);
  const byGroupVersion = new Map<string, ServedKind[]>();
  for (const kind of kinds) {
    const together = byGroupVersion.get(kind.apiVersion);
    if (together === undefined) byGroupVersion.set(kind.apiVersion, [kind]);
    else together.push(kind);
  }
  const items = groupsOf(kinds).map(({ group, versions }) => ({
    metadata: { ...(group === '' ? {} : { name: group }), creationTimestamp: null },
    versions: versions.map((version) => ({
      version,
      resources: aggregatedResources(router, byGroupVersion.get(apiVersionOf({ group, version }))!),
      freshness: 'Current',
    })),
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
