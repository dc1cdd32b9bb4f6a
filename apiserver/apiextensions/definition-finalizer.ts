/**
 * Deletes a custom kind's objects before its definition goes (apiextensions-apiserver
 * `pkg/controller/finalizer/crd_finalizer.go`). One definition at a time, in the background.
 */
import { setCondition } from '../../api/apiextensions/v1/conditions.ts';
import type { DefinitionCondition } from '../../api/apiextensions/v1/conditions.ts';
import { CUSTOM_RESOURCE_CLEANUP_FINALIZER } from '../../api/apiextensions/v1/custom-resource-definition.ts';
import * as conditions from '../../api/apiextensions/v1/finalization.ts';
import type { CustomResourceDefinition } from '../../api/apiextensions/v1/types.ts';
import { isNotFound } from '../../api/machinery/errors.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { formatTime, sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { WatchCache } from '../cacher/watch-cache.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { DefinitionWriting } from './definition-status.ts';
import { serverContext } from './definition-status.ts';
import type { ServedDefinition } from './served-definition.ts';

/** How often what finalizers hold is looked at again. */
const POLL_MS = 250;
/** After so long the definition says that it still waits. */
const REPORT_AFTER_MS = 5000;

export interface FinalizerOptions extends DefinitionWriting {
  watchCache: WatchCache;
  log: Logger;
}

export class DefinitionFinalizer {
  readonly #options: FinalizerOptions;
  readonly #running = new Set<string>();

  constructor(options: FinalizerOptions) {
    this.#options = options;
  }

  /** Begins to delete the objects of a definition that is being deleted, unless that is under way. */
  add(definition: CustomResourceDefinition, served: ServedDefinition | undefined): void {
    const uid = definition.metadata.uid!;
    const waits = definition.metadata.finalizers?.includes(CUSTOM_RESOURCE_CLEANUP_FINALIZER) === true;
    if (!waits || this.#running.has(uid)) return;
    this.#running.add(uid);
    this.#finalize(definition, served?.kinds[0])
      .catch((error: unknown) =>
        this.#options.log.warn('objects of a deleted kind remain', {
          definition: definition.metadata.name,
          error: String(error),
        }),
      )
      .finally(() => this.#running.delete(uid));
  }

  async #finalize(definition: CustomResourceDefinition, kind: ServedKind | undefined): Promise<void> {
    if (kind === undefined) return this.#release(definition, conditions.NEVER_ESTABLISHED);
    await this.#report(definition, conditions.DELETION_IN_PROGRESS);
    const { clock } = this.#options;
    const startMs = clock.monotonicMs();
    let reported = false;
    for (;;) {
      await this.#options.watchCache.freshen();
      const left = kind.cache.list();
      if (left.length === 0) break;
      for (const object of left) await this.#deleteObject(kind, object);
      if (kind.cache.size > 0) await sleep(clock, POLL_MS);
      if (reported || clock.monotonicMs() - startMs < REPORT_AFTER_MS) continue;
      reported = true;
      await this.#report(definition, conditions.deletionUnconfirmed('timed out waiting for the condition'));
    }
    await this.#release(definition, conditions.DELETION_COMPLETED);
  }

  async #deleteObject(kind: ServedKind, { metadata }: ApiObject): Promise<void> {
    if (metadata.deletionTimestamp !== undefined) return;
    const { namespace = '', name = '' } = metadata;
    try {
      await this.#options.store.delete(
        kind,
        { namespace, name },
        { options: { propagationPolicy: 'Background' }, context: serverContext() },
      );
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  #report(definition: CustomResourceDefinition, condition: DefinitionCondition): Promise<void> {
    return this.#change(definition, (current) => this.#set(current, condition));
  }

  #release(definition: CustomResourceDefinition, condition: DefinitionCondition): Promise<void> {
    return this.#change(definition, (current) => {
      this.#set(current, condition);
      const { metadata } = current;
      metadata.finalizers = metadata.finalizers?.filter((name) => name !== CUSTOM_RESOURCE_CLEANUP_FINALIZER) ?? [];
    });
  }

  #set(definition: CustomResourceDefinition, condition: DefinitionCondition): void {
    setCondition(definition, condition, formatTime(this.#options.clock.now()));
  }

  async #change(
    { metadata }: CustomResourceDefinition,
    change: (current: CustomResourceDefinition) => void,
  ): Promise<void> {
    const { definitions, store } = this.#options;
    try {
      await store.update({
        kind: definitions,
        key: { namespace: '', name: metadata.name! },
        subresource: 'status',
        transform(current) {
          if (current.metadata.uid === metadata.uid) change(current as CustomResourceDefinition);
          return current;
        },
        retriesLostRace: true,
        context: serverContext(),
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
