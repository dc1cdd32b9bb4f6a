/** How the owners of an object stand (upstream `garbagecollector.go`, `classifyReferences` and `isDangling`). */
import type { ApiObject, OwnerReference } from '../../api/machinery/meta.ts';
import { apiVersionOf } from '../../api/machinery/resource.ts';
import type { ResourceRef } from '../../client/client.ts';
import type { GraphNode, OwnerStates, OwnershipGraph } from './graph.ts';
import { isDeletingDependents, ownersOf } from './graph.ts';

interface Sources {
  graph: OwnershipGraph;
  /** Kinds that references may name, older versions among them. */
  kinds(): Iterable<ResourceRef>;
  /** From the server; undefined when it is gone or replaced. */
  read(node: GraphNode): Promise<ApiObject | undefined>;
}

/** Owners are in their dependent's namespace or in none: one that cannot be has no state, now or later. */
const IMPOSSIBLE = Symbol('impossible');

/**
 * Undefined when a reference makes no sense, and nothing is to be done with the object. Throws when an owner is of a
 * kind that is not served: it may be later, so that trying again can help.
 */
export async function ownerStates(object: ApiObject, sources: Sources): Promise<OwnerStates | undefined> {
  const states: OwnerStates = { solid: [], dangling: [], waiting: [] };
  for (const reference of ownersOf(object)) {
    const owner = await findOwner(object, reference, sources);
    if (owner === IMPOSSIBLE) return undefined;
    if (owner === undefined) states.dangling.push(reference);
    else if (isDeletingDependents(owner)) states.waiting.push(reference);
    else states.solid.push(reference);
  }
  return states;
}

/** References to objects of other namespaces, which are nobody's owners here. */
export function foreignOwners(object: ApiObject, graph: OwnershipGraph): OwnerReference[] {
  return ownersOf(object).filter(({ uid }) => {
    const known = graph.get(uid);
    return known !== undefined && !isInReach(known, object);
  });
}

/** From the graph, or from the server: a cache that lags must not make an owner look gone. */
async function findOwner(
  object: ApiObject,
  reference: OwnerReference,
  { graph, kinds, read }: Sources,
): Promise<ApiObject | typeof IMPOSSIBLE | undefined> {
  const known = graph.get(reference.uid);
  if (known !== undefined && isMeant(known, reference) && isInReach(known, object)) return known.object;
  const resource = kindOf(reference, kinds());
  // A definition may go right after its objects.
  if (resource === undefined && graph.hasGone(reference.uid)) return undefined;
  if (resource === undefined) throw new Error(`no kind ${reference.kind} of ${reference.apiVersion} is served`);
  const { namespace = '' } = resource.scope === 'Namespaced' ? object.metadata : {};
  if (resource.scope === 'Namespaced' && namespace === '') return IMPOSSIBLE;
  return read({ resource, uid: reference.uid, object: { metadata: { name: reference.name, namespace } } });
}

/** The uid alone does not make it the owner. Of the kind's versions, any may be named. */
function isMeant({ resource, object }: GraphNode, { apiVersion, kind, name }: OwnerReference): boolean {
  return resource.group === groupOf(apiVersion) && resource.names.kind === kind && object.metadata.name === name;
}

function isInReach({ resource, object }: GraphNode, dependent: ApiObject): boolean {
  return resource.scope === 'Cluster' || object.metadata.namespace === dependent.metadata.namespace;
}

function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}

function kindOf({ apiVersion, kind }: OwnerReference, kinds: Iterable<ResourceRef>): ResourceRef | undefined {
  for (const candidate of kinds)
    if (candidate.names.kind === kind && apiVersionOf(candidate) === apiVersion) return candidate;
  return undefined;
}
