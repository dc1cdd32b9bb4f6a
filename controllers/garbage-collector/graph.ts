/** Who owns whom, over all kinds, from the informers (upstream `pkg/controller/garbagecollector/graph.go`). */
import type { ApiObject, OwnerReference } from '../../api/machinery/meta.ts';
import type { ResourceRef } from '../../client/client.ts';

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

export interface GraphNode {
  uid: string;
  resource: ResourceRef;
  object: ApiObject;
}

export function ownersOf({ metadata }: ApiObject): readonly OwnerReference[] {
  return metadata.ownerReferences ?? [];
}

/** Its deletion waits for its dependents to go first. */
export function isDeletingDependents({ metadata }: ApiObject): boolean {
  return metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).includes(FOREGROUND);
}

export function isOrphaning({ metadata }: ApiObject): boolean {
  return metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).includes(ORPHAN);
}

/** The owner may not go before this dependent (`blockingDependents`). */
export function isBlocking(dependent: ApiObject, owner: string): boolean {
  return ownersOf(dependent).some(({ uid, blockOwnerDeletion }) => uid === owner && blockOwnerDeletion === true);
}

/** Of the objects that have gone, so many are remembered (`absentOwnerCache`). */
const REMEMBERED = 500;

export class OwnershipGraph {
  readonly #nodes = new Map<string, GraphNode>();
  readonly #dependents = new Map<string, Set<string>>();
  /** Those that had dependents when they went, in that order. */
  readonly #gone = new Set<string>();

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  dependentsOf(uid: string): GraphNode[] {
    const found: GraphNode[] = [];
    for (const dependent of this.#dependents.get(uid) ?? []) {
      const node = this.#nodes.get(dependent);
      if (node !== undefined) found.push(node);
    }
    return found;
  }

  set(node: GraphNode): void {
    const previous = this.#nodes.get(node.uid);
    this.#nodes.set(node.uid, node);
    if (previous !== undefined) this.#unlink(previous);
    for (const { uid } of ownersOf(node.object)) {
      const dependents = this.#dependents.get(uid);
      if (dependents === undefined) this.#dependents.set(uid, new Set([node.uid]));
      else dependents.add(node.uid);
    }
  }

  remove(uid: string): void {
    const node = this.#nodes.get(uid);
    if (node === undefined) return;
    this.#nodes.delete(uid);
    this.#unlink(node);
    if (!this.#dependents.has(uid)) return;
    this.#gone.add(uid);
    const [oldest] = this.#gone;
    if (this.#gone.size > REMEMBERED) this.#gone.delete(oldest!);
  }

  /** It was here, had dependents, and has gone not long ago. */
  hasGone(uid: string): boolean {
    return this.#gone.has(uid);
  }

  #unlink({ uid, object }: GraphNode): void {
    for (const owner of ownersOf(object)) {
      const dependents = this.#dependents.get(owner.uid);
      dependents?.delete(uid);
      if (dependents?.size === 0) this.#dependents.delete(owner.uid);
    }
  }
}

/** How an object's owners stand. */
export interface OwnerStates {
  /** There, and staying. */
  solid: OwnerReference[];
  /** Gone. */
  dangling: OwnerReference[];
  /** Being deleted in the foreground: what they own is to go too, whether they wait for it or not. */
  waiting: OwnerReference[];
}

export type ItemDecision =
  | { type: 'keep' }
  /** Remove these references; other owners keep the object. */
  | { type: 'release'; uids: string[] }
  | { type: 'delete'; propagationPolicy: 'Orphan' | 'Background' | 'Foreground' };

/** What to do with an object, given its owners (`attemptToDeleteItem`). */
export function decideItem(object: ApiObject, owners: OwnerStates, hasDependents: boolean): ItemDecision {
  const { solid, dangling, waiting } = owners;
  if (solid.length + dangling.length + waiting.length === 0) return { type: 'keep' };
  if (solid.length > 0) {
    const uids = [...dangling, ...waiting].map(({ uid }) => uid);
    return uids.length === 0 ? { type: 'keep' } : { type: 'release', uids };
  }
  if (waiting.length > 0 && hasDependents) return { type: 'delete', propagationPolicy: 'Foreground' };
  const finalizers = object.metadata.finalizers ?? [];
  if (finalizers.includes(ORPHAN)) return { type: 'delete', propagationPolicy: 'Orphan' };
  return { type: 'delete', propagationPolicy: finalizers.includes(FOREGROUND) ? 'Foreground' : 'Background' };
}
