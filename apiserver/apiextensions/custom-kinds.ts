/**
 * Serves the kinds of CustomResourceDefinitions: follows the definitions, gives each its names, and adds its versions
 * to the router while it is established (apiextensions-apiserver `apiserver/customresource_handler.go`).
 *
 * **Invariants**
 * - Level-based: `#served` is made to agree with the definitions in the cache; which of them changed does not matter.
 * - After `settled`, whoever was told that a definition is established finds its kind, and whoever was told that it
 *   was changed finds the change.
 */
import type { CustomResourceDefinition } from '../../api/apiextensions/v1/types.ts';
import { isConditionTrue } from '../../api/apiextensions/v1/conditions.ts';
import { equalJson } from '../../api/patch/json-value.ts';
import type { DynamicSchemaTable } from '../../api/schema/dynamic-table.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { WatchCache } from '../cacher/watch-cache.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { Store } from '../registry/store.ts';
import type { Router } from '../router.ts';
import type { ConversionOptions } from './conversion-webhook.ts';
import { conversionAddress } from './conversion-webhook.ts';
import { DefinitionFinalizer } from './definition-finalizer.ts';
import { DefinitionStatus } from './definition-status.ts';
import { ServedDefinition } from './served-definition.ts';

const RETRY_MS = 1000;

export interface CustomKindsOptions {
  /** The kind CustomResourceDefinition itself. */
  definitions: ServedKind;
  router: Router;
  store: Store;
  watchCache: WatchCache;
  schemas: DynamicSchemaTable;
  clock: Clock;
  log: Logger;
  conversion: ConversionOptions;
}

export class CustomKinds {
  readonly #options: CustomKindsOptions;
  readonly #served = new Map<string, ServedDefinition>();
  readonly #status: DefinitionStatus;
  readonly #finalizer: DefinitionFinalizer;
  /** The definitions' generation that `#served` agrees with. */
  #seen = -1;
  #settling: Promise<void> | undefined;

  constructor(options: CustomKindsOptions) {
    this.#options = options;
    this.#status = new DefinitionStatus(options);
    this.#finalizer = new DefinitionFinalizer(options);
  }

  /** Serves what is established already, then follows until the signal aborts. */
  async start(signal: AbortSignal): Promise<void> {
    await this.settle();
    void this.#follow(signal);
  }

  /** True when the cache has definitions that are not served as they say yet. */
  get isBehind(): boolean {
    return this.#options.definitions.cache.generation !== this.#seen;
  }

  /** Resolves when everything that was written before the call is served. */
  async settled(): Promise<void> {
    await this.#options.watchCache.freshen();
    if (this.isBehind) await this.settle();
  }

  /** Makes what is served agree with the cache. Never rejects: what fails is logged, and tried again by `#follow`. */
  settle(): Promise<void> {
    this.#settling ??= this.#settle().finally(() => {
      this.#settling = undefined;
    });
    return this.#settling;
  }

  async #settle(): Promise<void> {
    while (this.isBehind) {
      const generation = this.#options.definitions.cache.generation!;
      try {
        await this.#agree();
      } catch (error) {
        this.#options.log.warn('custom kinds could not be brought up to date', { error: String(error) });
        return;
      }
      this.#seen = generation;
    }
  }

  async #agree(): Promise<void> {
    const definitions = this.#options.definitions.cache.list() as CustomResourceDefinition[];
    const names = new Set(definitions.map(({ metadata }) => metadata.name!));
    for (const [name, served] of this.#served) if (!names.has(name)) this.#stopServing(name, served);
    for (const definition of definitions) {
      const name = definition.metadata.name!;
      const served = this.#served.get(name);
      if (served?.definition === definition) continue;
      // Its status is written for the next round, which sees it.
      if (await this.#status.update(definition, definitions)) continue;
      if (isConditionTrue(definition, 'Established')) await this.#serve(definition, served);
      else if (served !== undefined) this.#stopServing(name, served);
      if (definition.metadata.deletionTimestamp !== undefined)
        this.#finalizer.add(definition, () => this.#served.get(name)?.stored);
    }
    this.#options.conversion.client.retain(
      definitions.map(conversionAddress).filter((address) => address !== undefined),
    );
    await this.#options.watchCache.freshen();
  }

  async #serve(definition: CustomResourceDefinition, previous: ServedDefinition | undefined): Promise<void> {
    if (previous !== undefined && isServedAlike(definition, previous.definition)) {
      previous.definition = definition;
      return;
    }
    const served = new ServedDefinition(definition, this.#options);
    await served.add(previous);
    this.#served.set(definition.metadata.name!, served);
  }

  #stopServing(name: string, served: ServedDefinition): void {
    served.remove();
    this.#served.delete(name);
    this.#options.watchCache.drop(served);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { definitions, watchCache, clock } = this.#options;
    while (!signal.aborted) {
      const { cache } = definitions;
      const watcher = cache.watch(
        {
          initialEvents: false,
          markInitialEventsEnd: false,
          afterRevision: watchCache.revision,
          filter: undefined,
          bookmarks: false,
          keyPrefix: cache.keyPrefix,
          signal,
        },
        watchCache.revision,
      );
      const cancelRetry = clock.setInterval(() => void (this.isBehind && this.settle()), RETRY_MS);
      try {
        for (let batch = await watcher.take(); batch !== undefined; batch = await watcher.take()) await this.settle();
      } catch {
        // It did not keep up; the next one begins with the present state.
        await this.settle();
      } finally {
        cancelRetry();
      }
    }
  }
}

/** Its status, but for the names, and its metadata, but for its deletion, change nothing of how it is served. */
function isServedAlike(a: CustomResourceDefinition, b: CustomResourceDefinition): boolean {
  return (
    equalJson(a.spec, b.spec) &&
    equalJson(a.status?.acceptedNames, b.status?.acceptedNames) &&
    (a.metadata.deletionTimestamp === undefined) === (b.metadata.deletionTimestamp === undefined)
  );
}
