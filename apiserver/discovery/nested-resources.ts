/**
 * Another server's plain list of resources, subresources among them, in the form of aggregated discovery
 * (apiserver `pkg/endpoints/groupversion.go`, `ConvertGroupVersionIntoToDiscovery`).
 */
import type { ApiResourceEntry, RemoteVersion } from './remote-version.ts';

interface Nested {
  resource: string;
  scope: string;
  verbs: readonly string[];
  responseKind?: unknown;
  singularResource?: string;
  shortNames?: readonly string[];
  categories?: readonly string[];
  subresources?: unknown[];
}

export function nestedResources(served: Pick<RemoteVersion, 'group' | 'version' | 'resources'>): unknown[] {
  const nested = new Map<string, Nested>();
  for (const entry of served.resources.filter(({ name }) => !name.includes('/')))
    nested.set(entry.name, resourceOf(entry, served));
  for (const entry of served.resources) {
    const slash = entry.name.indexOf('/');
    if (slash < 0) continue;
    const name = entry.name.slice(0, slash);
    // Metrics are subresources of kinds that somebody else serves.
    const parent: Nested = nested.get(name) ?? { resource: name, scope: scopeOf(entry), verbs: [] };
    nested.set(name, parent);
    (parent.subresources ??= []).push({
      subresource: entry.name.slice(slash + 1),
      responseKind: kindOf(entry, served),
      verbs: entry.verbs,
    });
  }
  return [...nested.values()];
}

function resourceOf(entry: ApiResourceEntry, served: Pick<RemoteVersion, 'group' | 'version'>): Nested {
  const { name, singularName, verbs, shortNames, categories } = entry;
  return {
    resource: name,
    responseKind: kindOf(entry, served),
    scope: scopeOf(entry),
    singularResource: singularName,
    verbs,
    ...(shortNames === undefined ? {} : { shortNames }),
    ...(categories === undefined ? {} : { categories }),
  };
}

const scopeOf = ({ namespaced }: ApiResourceEntry): string => (namespaced ? 'Namespaced' : 'Cluster');

function kindOf(
  { kind, group, version }: ApiResourceEntry,
  served: Pick<RemoteVersion, 'group' | 'version'>,
): { group: string; version: string; kind: string } {
  return { group: group ?? served.group, version: version ?? served.version, kind };
}
