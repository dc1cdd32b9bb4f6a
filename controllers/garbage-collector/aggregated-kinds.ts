/** Keeps one watch on every kind of aggregated API servers that can be watched and deleted, while they serve it. */
import type { Subscription } from 'rxjs';
import type { ApiService } from '../../api/apiregistration/v1/api-service.ts';
import { apiServices } from '../../api/apiregistration/v1/api-service.ts';
import { apiVersionOf } from '../../api/machinery/resource.ts';
import type { RunnerOptions } from '../../client/controller-runner.ts';
import { formatResource } from '../../client/keys.ts';
import type { AggregatedKind } from '../api-services/aggregated-kinds.ts';
import { aggregatedKinds } from '../api-services/aggregated-kinds.ts';

/** `resyncPeriod` of the discovery by upstream's collector: what a server serves may change with no APIService. */
const REFRESH_MS = 30_000;

interface Options extends Pick<RunnerOptions, 'client' | 'informers' | 'clock' | 'signal' | 'log'> {
  watch(kind: AggregatedKind): Subscription;
}

export class WatchedAggregatedKinds {
  readonly #options: Options;
  readonly #watched = new Map<string, { kind: AggregatedKind; subscription: Subscription }>();
  readonly #cleanups: (() => void)[] = [];
  #all: readonly AggregatedKind[] = [];
  #isBehind = false;
  #isRefreshing = false;

  constructor(options: Options) {
    this.#options = options;
    const registered = options.informers.informer<ApiService>(apiServices);
    const changes = registered.changes.subscribe(({ object, previous }) => {
      if (object.spec?.service || previous?.spec?.service) this.#refresh();
    });
    const cancel = options.clock.setInterval(() => {
      if (this.#watched.size > 0 || this.#all.length > 0) this.#refresh();
    }, REFRESH_MS);
    this.#cleanups.push(() => changes.unsubscribe(), cancel);
  }

  /** Every version, since references to owners may name any. */
  all(): readonly AggregatedKind[] {
    return this.#all;
  }

  unsubscribe(): void {
    for (const cleanup of this.#cleanups) cleanup();
    for (const { subscription } of this.#watched.values()) subscription.unsubscribe();
  }

  /** One at a time; what changes meanwhile brings another. */
  #refresh(): void {
    this.#isBehind = true;
    if (this.#isRefreshing) return;
    this.#isRefreshing = true;
    void this.#catchUp().finally(() => {
      this.#isRefreshing = false;
    });
  }

  async #catchUp(): Promise<void> {
    const { client, informers, signal, log } = this.#options;
    while (this.#isBehind && !signal.aborted) {
      this.#isBehind = false;
      try {
        const registered = informers.informer<ApiService>(apiServices).lister.list();
        const { kinds, all, stale } = await aggregatedKinds(registered, { client, signal });
        this.#all = all;
        this.#agree(kinds, new Set(stale));
      } catch (error) {
        if (!signal.aborted) log.debug('aggregated kinds could not be discovered', { error: String(error) });
      }
    }
  }

  /** Whoever is away for a while keeps its watch, which comes back by itself. */
  #agree(kinds: readonly AggregatedKind[], stale: ReadonlySet<string>): void {
    const wanted = kinds.filter(({ verbs }) => ['list', 'watch', 'delete'].every((verb) => verbs.includes(verb)));
    const names = new Set(wanted.map(formatResource));
    for (const [name, { kind, subscription }] of this.#watched) {
      if (names.has(name) || stale.has(apiVersionOf(kind))) continue;
      subscription.unsubscribe();
      this.#options.informers.remove(kind);
      this.#watched.delete(name);
    }
    for (const kind of wanted) {
      const name = formatResource(kind);
      if (this.#watched.has(name) || stale.has(apiVersionOf(kind))) continue;
      this.#watched.set(name, { kind, subscription: this.#options.watch(kind) });
    }
  }
}
