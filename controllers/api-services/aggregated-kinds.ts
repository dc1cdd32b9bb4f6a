/**
 * The kinds that aggregated API servers serve, for controllers that work on objects of every kind
 * (client-go `discovery/discovery_client.go`, `ServerPreferredResources`).
 */
import type { ApiService } from '../../api/apiregistration/v1/api-service.ts';
import type { Client, ResourceRef } from '../../client/client.ts';

export interface AggregatedKind extends ResourceRef {
  verbs: readonly string[];
}

export interface AggregatedKinds {
  /** Each under the preferred version that has it. */
  kinds: AggregatedKind[];
  /** Every version, since references to owners may name any. */
  all: AggregatedKind[];
  /** `group/version` of those whose servers do not say now what they serve. */
  stale: string[];
}

/** `apidiscovery.k8s.io/v2`, as far as it is read. */
interface DiscoveryList {
  items?: { metadata?: { name?: string }; versions?: DiscoveryVersion[] }[];
}

interface DiscoveryVersion {
  version: string;
  freshness?: string;
  resources?: { resource: string; responseKind?: { kind?: string }; scope?: string; verbs?: string[] }[];
}

const ACCEPT = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const NONE: AggregatedKinds = { kinds: [], all: [], stale: [] };

/** Asks nobody when no APIService names a Service. Of servers that are away, the API server tells what it knows. */
export async function aggregatedKinds(
  apiServices: readonly ApiService[],
  { client, signal }: { client: Client; signal: AbortSignal },
): Promise<AggregatedKinds> {
  const served = new Set(
    apiServices.filter(({ spec }) => spec?.service).map(({ spec }) => `${spec?.group}/${spec?.version}`),
  );
  if (served.size === 0) return NONE;
  return kindsIn(await client.getDocument<DiscoveryList>('/apis', { accept: ACCEPT, signal }), served);
}

/** Exported for tests. `served`: the group versions that are looked for. */
export function kindsIn({ items = [] }: DiscoveryList, served: ReadonlySet<string>): AggregatedKinds {
  const found: AggregatedKinds = { kinds: [], all: [], stale: [] };
  for (const { metadata, versions = [] } of items) {
    const group = metadata?.name ?? '';
    const wanted = versions.filter(({ version }) => served.has(`${group}/${version}`));
    const kinds = wanted.flatMap((version) => kindsOf(group, version));
    const preferred = new Map(kinds.toReversed().map((kind) => [kind.names.plural, kind]));
    found.all.push(...kinds);
    found.kinds.push(...kinds.filter((kind) => preferred.get(kind.names.plural) === kind));
    for (const { version, freshness } of wanted) if (freshness === 'Stale') found.stale.push(`${group}/${version}`);
  }
  return found;
}

function kindsOf(group: string, { version, resources = [] }: DiscoveryVersion): AggregatedKind[] {
  return resources.map(({ resource, responseKind, scope, verbs = [] }) => ({
    ...{ group, version, verbs },
    names: { plural: resource, kind: responseKind?.kind ?? '' },
    scope: scope === 'Cluster' ? 'Cluster' : 'Namespaced',
  }));
}
