/**
 * Garbage collector: deletes what has lost all its owners, and carries out foreground and orphaning deletions
 * (upstream `pkg/controller/garbagecollector`). It watches every kind, so it is not declared like other controllers.
 */
import type { Subscription } from 'rxjs';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { isConflict, isNotFound } from '../../api/machinery/errors.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import { apiVersionOf } from '../../api/machinery/resource.ts';
import type { ResourceRef } from '../../client/client.ts';
import type { RunnerOptions } from '../../client/controller-runner.ts';
import type { InformerChange } from '../../client/informer.ts';
import { createWorkqueue } from '../../client/workqueue.ts';
import type { Workqueue } from '../../client/workqueue.ts';
import { WatchedAggregatedKinds } from './aggregated-kinds.ts';
import { WatchedCustomKinds } from './custom-kinds.ts';
import type { GraphNode } from './graph.ts';
import {
  decideItem,
  FOREGROUND,
  isBlocking,
  isDeletingDependents,
  isOrphaning,
  ORPHAN,
  ownersOf,
  OwnershipGraph,
} from './graph.ts';
import { foreignOwners, ownerStates } from './owner-states.ts';

const WORKERS = 10;
/** Kinds that come and go by themselves and own nothing. */
const IGNORED = new Set(['events']);

/** Runs until the signal aborts. `resources` are all kinds; those that cannot be deleted are left alone. */
export async function runGarbageCollector(resources: readonly Resource[], options: RunnerOptions): Promise<void> {
  await new GarbageCollector(resources, options).run();
}

class GarbageCollector {
  /** Built-in kinds that references may name, older versions among them. */
  readonly #named: readonly Resource[];
  /** Kinds that are watched: each object under one of its versions. */
  readonly #watched: readonly Resource[];
  readonly #options: RunnerOptions;
  readonly #graph = new OwnershipGraph();
  readonly #queue: Workqueue<string>;
  #customKinds: WatchedCustomKinds | undefined;
  #aggregatedKinds: WatchedAggregatedKinds | undefined;

  constructor(resources: readonly Resource[], options: RunnerOptions) {
    this.#named = resources.filter(({ verbs }) => verbs.includes('get'));
    this.#watched = resources.filter(
      ({ names, verbs, view }) =>
        verbs.includes('delete') && verbs.includes('watch') && !IGNORED.has(names.plural) && view === undefined,
    );
    this.#options = options;
    this.#queue = createWorkqueue<string>({ clock: options.clock });
  }

  async run(): Promise<void> {
    const { informers, signal } = this.#options;
    const subscriptions = this.#watched.map((resource) => this.#watch(resource));
    const customKinds = new WatchedCustomKinds({ informers, watch: (kind) => this.#watch(kind) });
    this.#customKinds = customKinds;
    const aggregated = new WatchedAggregatedKinds({ ...this.#options, watch: (kind) => this.#watch(kind) });
    this.#aggregatedKinds = aggregated;
    try {
      await Promise.all(this.#watched.map((resource) => informers.informer(resource).waitForSync(signal)));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    signal.addEventListener('abort', () => this.#queue.shutDown(), { once: true });
    if (signal.aborted) this.#queue.shutDown();
    await Promise.all(Array.from({ length: WORKERS }, () => this.#work()));
    for (const subscription of [...subscriptions, customKinds, aggregated]) subscription.unsubscribe();
  }

  #watch(resource: ResourceRef): Subscription {
    const { changes } = this.#options.informers.informer(resource);
    return changes.subscribe((change) => this.#observe(resource, change));
  }

  #observe(resource: ResourceRef, { type, object, previous }: InformerChange<ApiObject>): void {
    const uid = object.metadata.uid!;
    if (type === 'delete') {
      const dependents = this.#graph.dependentsOf(uid);
      this.#graph.remove(uid);
      for (const dependent of dependents) this.#queue.add(dependent.uid);
      // An owner that waits for this object can go on.
      for (const owner of ownersOf(object)) if (this.#graph.get(owner.uid) !== undefined) this.#queue.add(owner.uid);
      return;
    }
    this.#graph.set({ uid, resource, object });
    const ownersChanged =
      previous === undefined || JSON.stringify(ownersOf(previous)) !== JSON.stringify(ownersOf(object));
    if (isDeletingDependents(object) || isOrphaning(object) || (ownersChanged && ownersOf(object).length > 0))
      this.#queue.add(uid);
    if (previous === undefined || !ownersChanged) return;
    // An owner that waited for this object may not have to any more.
    for (const owner of ownersOf(previous)) {
      const known = this.#graph.get(owner.uid);
      if (known !== undefined && isDeletingDependents(known.object)) this.#queue.add(owner.uid);
    }
  }

  async #work(): Promise<void> {
    for (let uid = await this.#queue.get(); uid !== undefined; uid = await this.#queue.get()) {
      try {
        await this.#process(uid);
        this.#queue.forget(uid);
      } catch (error) {
        if (!this.#options.signal.aborted && !isConflict(error))
          this.#options.log.debug('garbage collection will be tried again', { uid, error: String(error) });
        this.#queue.addRateLimited(uid);
      } finally {
        this.#queue.done(uid);
      }
    }
  }

  async #process(uid: string): Promise<void> {
    const node = this.#graph.get(uid);
    if (node === undefined) return;
    if (isOrphaning(node.object)) return this.#orphanDependents(node);
    if (isDeletingDependents(node.object)) return this.#deleteDependents(node);
    await this.#attemptToDelete(node);
  }

  async #attemptToDelete(node: GraphNode): Promise<void> {
    if (node.object.metadata.deletionTimestamp !== undefined || ownersOf(node.object).length === 0) return;
    const live = await this.#read(node);
    if (live === undefined) return;
    this.#reportForeignOwners(node, live);
    const states = await ownerStates(live, {
      graph: this.#graph,
      kinds: () => this.#kinds(),
      read: (owner) => this.#read(owner),
    });
    if (states === undefined) return;
    const dependents = this.#graph.dependentsOf(node.uid);
    const decision = decideItem(live, states, dependents.length > 0);
    if (decision.type === 'release') await this.#removeOwners(node, live, new Set(decision.uids));
    if (decision.type !== 'delete') return;
    // A dependent that is being deleted may be an owner's owner: nobody in such a circle may wait for this object.
    const isInCircle =
      states.waiting.length > 0 && dependents.some((dependent) => isDeletingDependents(dependent.object));
    const unblocked = isInCircle ? await this.#unblockOwners(node, live) : live;
    if (unblocked !== undefined) await this.#delete(node, unblocked, decision.propagationPolicy);
  }

  /** The object as it is now; undefined when it is gone or replaced. */
  async #read({ resource, object, uid }: GraphNode): Promise<ApiObject | undefined> {
    const { namespace = '', name = '' } = object.metadata;
    const live = await unlessGone(this.#options.client.get<ApiObject>(resource, { namespace, name }));
    return live?.metadata.uid === uid ? live : undefined;
  }

  /** In the words of `reportInvalidNamespaceOwnerRef`. */
  #reportForeignOwners({ resource }: GraphNode, live: ApiObject): void {
    const about = { ...live, apiVersion: apiVersionOf(resource), kind: resource.names.kind };
    const { namespace = '' } = live.metadata;
    for (const { apiVersion, kind, name, uid } of foreignOwners(live, this.#graph)) {
      const owner = `[${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}]`;
      const message = `ownerRef ${owner} does not exist in namespace ${JSON.stringify(namespace)}`;
      this.#options.events.event(about, 'Warning', 'OwnerRefInvalidNamespace', message);
    }
  }

  *#kinds(): Iterable<ResourceRef> {
    yield* this.#named;
    yield* this.#customKinds?.all() ?? [];
    yield* this.#aggregatedKinds?.all() ?? [];
  }

  /** Foreground: dependents that block go first, then the finalizer; the others are told to go before it does. */
  async #deleteDependents(node: GraphNode): Promise<void> {
    const dependents = this.#graph.dependentsOf(node.uid);
    if (dependents.some(({ object }) => isBlocking(object, node.uid))) {
      // Those that are being deleted go on by themselves; in a circle they would queue each other for ever.
      for (const { uid, object } of dependents) if (!isDeletingDependents(object)) this.#queue.add(uid);
      return;
    }
    // Without the finalizer the owner would look as if it stayed, and it may be held by another that waits for them.
    for (const dependent of dependents) await this.#deleteUnblocking(dependent);
    await this.#removeFinalizer(node, FOREGROUND);
  }

  /** What cannot be deleted now is tried again by itself: it does not hold up its owner. */
  async #deleteUnblocking({ uid }: GraphNode): Promise<void> {
    const node = this.#graph.get(uid);
    if (node === undefined) return;
    try {
      await this.#attemptToDelete(node);
    } catch (error) {
      if (isConflict(error)) throw error;
      this.#queue.add(uid);
    }
  }

  async #orphanDependents(node: GraphNode): Promise<void> {
    for (const dependent of this.#graph.dependentsOf(node.uid)) {
      const live = await this.#read(dependent);
      if (live !== undefined) await this.#removeOwners(dependent, live, new Set([node.uid]));
    }
    await this.#removeFinalizer(node, ORPHAN);
  }

  async #removeOwners(node: GraphNode, live: ApiObject, uids: ReadonlySet<string>): Promise<void> {
    const kept = ownersOf(live).filter((owner) => !uids.has(owner.uid));
    await this.#patch(node, live, { ownerReferences: kept.length === 0 ? null : kept });
  }

  /** The object as it is then; undefined when it is gone. */
  #unblockOwners(node: GraphNode, live: ApiObject): Promise<ApiObject | undefined> {
    const ownerReferences = ownersOf(live).map((owner) => ({ ...owner, blockOwnerDeletion: false }));
    return this.#patch(node, live, { ownerReferences });
  }

  async #removeFinalizer(node: GraphNode, finalizer: string): Promise<void> {
    const live = await this.#read(node);
    if (live === undefined || !(live.metadata.finalizers ?? []).includes(finalizer)) return;
    const finalizers = live.metadata.finalizers!.filter((name) => name !== finalizer);
    await this.#patch(node, live, { finalizers: finalizers.length === 0 ? null : finalizers });
  }

  /** Whoever has changed the object since it was read has not done so in vain: it is looked at again. */
  #patch({ resource }: GraphNode, live: ApiObject, changes: object): Promise<ApiObject | undefined> {
    const { namespace = '', name = '', uid, resourceVersion } = live.metadata;
    const body = { metadata: { uid, resourceVersion, ...changes } };
    return unlessGone(this.#options.client.patch<ApiObject>(resource, { namespace, name }, { type: 'merge', body }));
  }

  /** Not if it has changed since it was read: somebody may have adopted it. */
  async #delete(
    { resource, uid }: GraphNode,
    live: ApiObject,
    propagationPolicy: 'Orphan' | 'Background' | 'Foreground',
  ): Promise<void> {
    const { namespace = '', name = '', resourceVersion } = live.metadata;
    const preconditions = { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
    await unlessGone(this.#options.client.delete(resource, { namespace, name }, { propagationPolicy, preconditions }));
  }
}

async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return undefined;
  }
}
