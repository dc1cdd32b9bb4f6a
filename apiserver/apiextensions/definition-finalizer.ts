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
import { readable } from '../registry/stored-state.ts';
import type { DefinitionWriting } from './definition-status.ts';
import { serverContext } from './definition-status.ts';

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

  /**
   * Begins to delete the objects of a definition that is being deleted, unless that is under way. `kind` is what is
   * served at the time: a definition may be mended while its objects cannot be read.
   */
  add(definition: CustomResourceDefinition, kind: () => ServedKind | undefined): void {
    const uid = definition.metadata.uid!;
    const waits = definition.metadata.finalizers?.includes(CUSTOM_RESOURCE_CLEANUP_FINALIZER) === true;
    if (!waits || this.#running.has(uid)) return;
    this.#running.add(uid);
    this.#finalize(definition, kind)
      .catch((error: unknown) =>
        this.#options.log.warn('objects of a deleted kind remain', {
          definition: definition.metadata.name,
          error: String(error),
        }),
      )
      .finally(() => this.#running.delete(uid));
  }

  async #finalize(definition: CustomResourceDefinition, kind: () => ServedKind | undefined): Promise<void> {
    if (kind() === undefined) return this.#release(definition, conditions.NEVER_ESTABLISHED);
    await this.#report(definition, conditions.DELETION_IN_PROGRESS);
    const { clock } = this.#options;
    const startMs = clock.monotonicMs();
    let said: string | undefined;
    for (;;) {
      const now = kind();
      // Whoever serves nothing any more has stopped, or has deleted the definition.
      if (now === undefined) return;
      const problem = await this.#deleteObjects(now);
      if (problem === undefined && now.cache.size === 0) break;
      await sleep(clock, POLL_MS);
      const remains = conditions.deletionUnconfirmed('timed out waiting for the condition');
      const isLate = clock.monotonicMs() - startMs >= REPORT_AFTER_MS;
      const condition = problem ?? (isLate ? remains : undefined);
      if (condition === undefined || condition.message === said) continue;
      said = condition.message;
      await this.#report(definition, condition);
    }
    await this.#release(definition, conditions.DELETION_COMPLETED);
  }

  /** What went wrong, if anything: a webhook may be unable to convert what is to be deleted. */
  async #deleteObjects(kind: ServedKind): Promise<DefinitionCondition | undefined> {
    await this.#options.watchCache.freshen();
    const { cache } = kind;
    const failures: string[] = [];
    for (const stored of [...cache.range(cache.snapshot(0), cache.keyPrefix)]) {
      try {
        if (stored.damage === undefined) await this.#deleteObject(kind, (await readable(kind, stored)).object());
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
    return failures.length === 0 ? undefined : conditions.deletionFailed(failures[0]!);
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
