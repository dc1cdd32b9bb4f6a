/** Namespace: empties a namespace that is being deleted, then lets it go (upstream `pkg/controller/namespace`). */
import { customResourceDefinitions } from '../api/apiextensions/v1/custom-resource-definition.ts';
import { customKindsOf } from '../api/apiextensions/v1/custom-kinds.ts';
import type { ApiService } from '../api/apiregistration/v1/api-service.ts';
import { apiServices } from '../api/apiregistration/v1/api-service.ts';
import type { CustomResourceDefinition } from '../api/apiextensions/v1/types.ts';
import type { Namespace } from '../api/core/v1/namespace.ts';
import { namespaces } from '../api/core/v1/namespace.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { isNotFound } from '../api/machinery/errors.ts';
import type { Resource } from '../api/machinery/resource.ts';
import { formatTime } from '../base/clock.ts';
import type { ResourceRef } from '../client/client.ts';
import type { CacheReader, Controller, ControllerContext } from '../client/controller.ts';
import { defineController } from '../client/controller.ts';
import type { AggregatedKind } from './api-services/aggregated-kinds.ts';
import { aggregatedKinds } from './api-services/aggregated-kinds.ts';

const KUBERNETES_FINALIZER = 'kubernetes';
/** How soon to look again while content is still going. */
const RETRY_MS = 500;
/** And while only a server is awaited that does not say what it serves. */
const DISCOVERY_RETRY_MS = 5000;

type Condition = NonNullable<NonNullable<Namespace['status']>['conditions']>[number];

/** What a deletion pass left behind in the namespace. */
export interface Remainder {
  /** `pods. has 2 resource instances` parts, by resource. */
  counts: ReadonlyMap<string, number>;
  finalizers: ReadonlyMap<string, number>;
  failures: readonly string[];
  /** `group/version`: their servers do not say what could be left of theirs. */
  undiscovered?: readonly string[];
}

/** `resources` are all built-in kinds; a namespace can hold those of definitions, too. */
export function namespaceController(resources: readonly Resource[]): Controller {
  const contents = inDeletionOrder(
    resources.filter(
      ({ scope, verbs, view }) => scope === 'Namespaced' && verbs.includes('delete') && view === undefined,
    ),
  );
  return defineController<Namespace>({
    name: 'namespace-controller',
    for: namespaces,
    reads: [customResourceDefinitions],
    // What waits for a server that was away can go on.
    watches: [
      { resource: apiServices, map: (object, context) => (isAggregated(object) ? goingNamespaces(context) : []) },
    ],
    writes: [namespaces],
    writesAnyKind: true,
    workers: 5,
    async reconcile({ name }, context) {
      const namespace = context.lister<Namespace>(namespaces).get('', name);
      if (namespace?.metadata.deletionTimestamp === undefined) return undefined;
      if ((namespace.spec?.finalizers ?? []).length === 0) return undefined;
      const aggregated = await aggregatedKinds(context.lister<ApiService>(apiServices).list(), context);
      const kinds = [...contents, ...customContents(context), ...aggregated.kinds.filter(canBeEmptied)];
      const remainder = { ...(await deleteContents(name, kinds, context)), undiscovered: aggregated.stale };
      const current = await writeStatus(namespace, remainder, context);
      if (remainder.counts.size > 0 || remainder.failures.length > 0) return { requeueAfterMs: RETRY_MS };
      if (aggregated.stale.length > 0) return { requeueAfterMs: DISCOVERY_RETRY_MS };
      await finalize(current, context);
      return undefined;
    },
  });
}

function isAggregated(object: ApiObject): boolean {
  return Boolean((object as ApiService).spec?.service);
}

function goingNamespaces({ lister }: CacheReader): string[] {
  const going = lister<Namespace>(namespaces)
    .list()
    .filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
  return going.map(({ metadata }) => metadata.name ?? '');
}

function canBeEmptied({ scope, verbs }: AggregatedKind): boolean {
  return scope === 'Namespaced' && verbs.includes('list') && verbs.includes('delete');
}

/** One version each, all of which show the same objects: the one in which a broken conversion hides the fewest. */
function customContents(context: ControllerContext): ResourceRef[] {
  return context
    .lister<CustomResourceDefinition>(customResourceDefinitions)
    .list()
    .flatMap((definition) => customKindsOf(definition).slice(0, 1))
    .filter(({ scope }) => scope === 'Namespaced');
}

/** Pods go first: what serves them (secrets, accounts) must outlive them. */
function inDeletionOrder(resources: readonly Resource[]): Resource[] {
  const isPods = ({ group, names }: Resource): boolean => group === '' && names.plural === 'pods';
  return [...resources.filter(isPods), ...resources.filter((resource) => !isPods(resource))];
}

async function deleteContents(
  namespace: string,
  contents: readonly ResourceRef[],
  context: ControllerContext,
): Promise<Remainder> {
  const counts = new Map<string, number>();
  const finalizers = new Map<string, number>();
  const failures: string[] = [];
  for (const resource of contents) {
    try {
      for (const object of await deleteAll(namespace, resource, context)) {
        // `pods.` for the core group, as upstream words it.
        countOne(counts, `${resource.names.plural}.${resource.group}`);
        object.metadata.finalizers?.forEach((finalizer) => countOne(finalizers, finalizer));
      }
    } catch (error) {
      failures.push((error as Error).message);
    }
    if (resource === contents[0] && counts.size > 0) break;
  }
  return { counts, finalizers, failures };
}

function countOne(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** Deletes what is not being deleted yet; gives what is still there. */
async function deleteAll(
  namespace: string,
  resource: ResourceRef,
  { client }: ControllerContext,
): Promise<ApiObject[]> {
  const { items } = await client.list<ApiObject>(resource, { namespace });
  for (const { metadata } of items) {
    if (metadata.deletionTimestamp !== undefined) continue;
    try {
      await client.delete(resource, { namespace, name: metadata.name! }, { propagationPolicy: 'Background' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  if (items.length === 0) return [];
  return [...(await client.list<ApiObject>(resource, { namespace })).items];
}

function listing(counts: ReadonlyMap<string, number>, unit: string): string {
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${name} ${unit} ${count} resource instances`)
    .join(', ');
}

/** Type, whether it is true, reason and message when it is, and when it is not. */
type WantedCondition = [string, boolean, string, string, string, string];

/** `ErrGroupDiscoveryFailed` */
function discoveryFailure(undiscovered: readonly string[]): string {
  const problems = undiscovered.toSorted().map((version) => `${version}: stale GroupVersion discovery: ${version}`);
  const list = `unable to retrieve the complete list of server APIs: ${problems.join(', ')}`;
  return `Discovery failed for some groups, ${undiscovered.length} failing: ${list}`;
}

function wantedConditions({ counts, finalizers, failures, undiscovered = [] }: Remainder): WantedCondition[] {
  return [
    [
      'NamespaceDeletionDiscoveryFailure',
      undiscovered.length > 0,
      'DiscoveryFailed',
      discoveryFailure(undiscovered),
      'ResourcesDiscovered',
      'All resources successfully discovered',
    ],
    [
      'NamespaceDeletionGroupVersionParsingFailure',
      false,
      '',
      '',
      'ParsedGroupVersions',
      'All legacy kube types successfully parsed',
    ],
    [
      'NamespaceDeletionContentFailure',
      failures.length > 0,
      'ContentDeletionFailed',
      `Failed to delete all resource types, ${failures.length} remaining: ${failures.join(', ')}`,
      'ContentDeleted',
      'All content successfully deleted, may be waiting on finalization',
    ],
    [
      'NamespaceContentRemaining',
      counts.size > 0,
      'SomeResourcesRemain',
      `Some resources are remaining: ${listing(counts, 'has')}`,
      'ContentRemoved',
      'All content successfully removed',
    ],
    [
      'NamespaceFinalizersRemaining',
      finalizers.size > 0,
      'SomeFinalizersRemain',
      `Some content in the namespace has finalizers remaining: ${listing(finalizers, 'in')}`,
      'ContentHasNoFinalizers',
      'All content-preserving finalizers finished',
    ],
  ];
}

/** The five conditions of a namespace that is going (`deletion/status_condition_utils.go`). */
export function deletionConditions(existing: readonly Condition[], remainder: Remainder, nowMs: number): Condition[] {
  return wantedConditions(remainder).map(([type, isTrue, reason, message, goodReason, goodMessage]) => {
    const status = isTrue ? 'True' : 'False';
    const known = existing.find((condition) => condition.type === type);
    const lastTransitionTime =
      known?.status === status && known.lastTransitionTime !== undefined ? known.lastTransitionTime : formatTime(nowMs);
    return {
      type,
      status,
      lastTransitionTime,
      reason: isTrue ? reason : goodReason,
      message: isTrue ? message : goodMessage,
    };
  });
}

async function writeStatus(namespace: Namespace, remainder: Remainder, context: ControllerContext): Promise<Namespace> {
  const conditions = deletionConditions(namespace.status?.conditions ?? [], remainder, context.now());
  const status = { phase: 'Terminating', conditions };
  if (JSON.stringify(status) === JSON.stringify(namespace.status)) return namespace;
  return context.client.update<Namespace>(namespaces, { ...namespace, status }, { subresource: 'status' });
}

async function finalize(namespace: Namespace, { client }: ControllerContext): Promise<void> {
  const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== KUBERNETES_FINALIZER);
  await client.update<Namespace>(
    namespaces,
    { ...namespace, spec: { ...namespace.spec, finalizers } },
    { subresource: 'finalize' },
  );
}
