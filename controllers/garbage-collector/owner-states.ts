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

/** Throws when an owner is of a kind that is not served: it may be later, so that trying again can help. */
export async function ownerStates(object: ApiObject, sources: Sources): Promise<OwnerStates> {
  const states: OwnerStates = { solid: [], dangling: [], waiting: [] };
  for (const reference of ownersOf(object)) {
    const owner = await findOwner(object, reference, sources);
    if (owner === undefined) states.dangling.push(reference);
    else if (isDeletingDependents(owner)) states.waiting.push(reference);
    else states.solid.push(reference);
  }
  return states;
}

/** From the graph, or from the server: a cache that lags must not make an owner look gone. */
function findOwner(
  object: ApiObject,
  reference: OwnerReference,
  { graph, kinds, read }: Sources,
): Promise<ApiObject | undefined> {
  const known = graph.get(reference.uid);
  if (known !== undefined) return Promise.resolve(known.object);
  const resource = kindOf(reference, kinds());
  const namespace = resource.scope === 'Namespaced' ? (object.metadata.namespace ?? '') : '';
  return read({ resource, uid: reference.uid, object: { metadata: { name: reference.name, namespace } } });
}

function kindOf({ apiVersion, kind }: OwnerReference, kinds: Iterable<ResourceRef>): ResourceRef {
  for (const candidate of kinds)
    if (candidate.names.kind === kind && apiVersionOf(candidate) === apiVersion) return candidate;
  throw new Error(`no kind ${kind} of ${apiVersion} is served`);
}
