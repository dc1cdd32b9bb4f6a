/**
 * What aggregated API servers say that they serve, asked for in the background: whoever asks this server for its groups
 * never waits for a server that does not answer (kube-aggregator `pkg/apiserver/handler_discovery.go`).
 *
 * **Invariant:** level-based: entries are made to agree with the APIServices in the cache; a server that was lost keeps
 * what it said last, as stale.
 */
import type { ApiService } from '../../api/apiregistration/v1/api-service.ts';
import { sleep } from '../../base/clock.ts';
import type { ApiResourceEntry, RemoteVersion } from '../discovery/remote-version.ts';
import { isAvailable } from './aggregated-services.ts';
import type { AggregatorOptions } from './aggregator.ts';
import { fetchJson } from './fetch-json.ts';
import { discoveryPath } from './probe-discovery.ts';

const TICK_MS = 500;
const REFRESH_MS = 60_000;
const RETRY_MS = 5000;
/** How long those who ask wait for a server that has just become available. */
const PATIENCE_MS = 1000;

interface Entry {
  service: ApiService;
  resources: readonly ApiResourceEntry[];
  openApiUrl: string | undefined;
  isStale: boolean;
  /** When to ask again. */
  dueMs: number;
  pending: Promise<void> | undefined;
  /** What is under way is the first question since the server became available. */
  isFirst: boolean;
  /** Raised with each question: the answer to an older one does not count. */
  round: number;
}

export class RemoteDiscovery {
  readonly #options: AggregatorOptions;
  readonly #entries = new Map<string, Entry>();
  #seen: number | undefined;
  #signal: AbortSignal = new AbortController().signal;

  constructor(options: AggregatorOptions) {
    this.#options = options;
  }

  /** Follows until the signal aborts. */
  start(signal: AbortSignal): void {
    this.#signal = signal;
    const cancel = this.#options.clock.setInterval(() => this.#tick(), TICK_MS);
    const stop = (): void => {
      cancel();
      this.#options.backends.retain([]);
    };
    signal.addEventListener('abort', stop, { once: true });
  }

  /** Resolves soon, when servers that have just become available have been asked, or take too long. */
  async settled(): Promise<void> {
    this.#agree();
    const pending = [...this.#entries.values()].filter(({ isFirst }) => isFirst).map((entry) => entry.pending);
    const asked = pending.filter((promise) => promise !== undefined);
    if (asked.length > 0) await Promise.race([Promise.all(asked), sleep(this.#options.clock, PATIENCE_MS)]);
  }

  /** As they are known now. */
  versions(): RemoteVersion[] {
    this.#agree();
    return [...this.#entries.values()].map(({ service: { spec }, resources, isStale, openApiUrl }) => ({
      ...{ group: spec?.group ?? '', version: spec?.version ?? '' },
      ...{ groupPriority: spec?.groupPriorityMinimum ?? 0, versionPriority: spec?.versionPriority ?? 0 },
      ...{ resources, isStale, openApiUrl },
    }));
  }

  /** By `apis/GROUP/VERSION`: where this server passes their OpenAPI documents on. */
  openApiUrls(): ReadonlyMap<string, string> {
    const known = this.versions().filter(({ openApiUrl }) => openApiUrl !== undefined);
    return new Map(known.map(({ group, version, openApiUrl }) => [`apis/${group}/${version}`, openApiUrl!]));
  }

  #tick(): void {
    this.#agree();
    const nowMs = this.#options.clock.monotonicMs();
    for (const entry of this.#entries.values())
      if (entry.pending === undefined && entry.dueMs <= nowMs && isAvailable(entry.service)) this.#ask(entry);
  }

  #agree(): void {
    const { services, backends } = this.#options;
    if (this.#seen === services.generation) return;
    this.#seen = services.generation;
    const all = services.all();
    const names = new Set(all.map(({ metadata }) => metadata.name));
    for (const name of this.#entries.keys()) if (!names.has(name)) this.#entries.delete(name);
    for (const service of all) this.#follow(service);
    backends.retain(all);
  }

  #follow(service: ApiService): void {
    const name = service.metadata.name!;
    const known = this.#entries.get(name);
    if (known?.service === service) return;
    const isOther = JSON.stringify(known?.service.spec) !== JSON.stringify(service.spec);
    const fresh = {
      resources: [],
      openApiUrl: undefined,
      isStale: true,
      dueMs: 0,
      pending: undefined,
      isFirst: false,
      round: 0,
    };
    const entry: Entry = known === undefined || isOther ? { ...fresh, service } : known;
    entry.service = service;
    this.#entries.set(name, entry);
    if (!isAvailable(service)) entry.isStale = true;
    else if (entry.isStale) {
      this.#ask(entry);
      entry.isFirst = true;
    }
  }

  #ask(entry: Entry): void {
    const round = ++entry.round;
    entry.pending = this.#fetch(entry, round).finally(() => {
      if (entry.round !== round) return;
      entry.pending = undefined;
      entry.isFirst = false;
    });
  }

  /** Never rejects. */
  async #fetch(entry: Entry, round: number): Promise<void> {
    const { clock } = this.#options;
    try {
      const { service } = entry;
      const document = await fetchJson(service, discoveryPath(service), this.#options, this.#signal);
      const resources = readResources(document);
      if (entry.round !== round) return;
      Object.assign(entry, { resources, isStale: !isAvailable(entry.service), isFirst: false });
      entry.dueMs = clock.monotonicMs() + REFRESH_MS;
      const openApiUrl = await this.#openApiUrl(service);
      if (entry.round === round) entry.openApiUrl = openApiUrl;
    } catch {
      if (entry.round !== round) return;
      entry.isStale = true;
      entry.dueMs = clock.monotonicMs() + RETRY_MS;
    }
  }

  /** A server need not have such documents. */
  async #openApiUrl(service: ApiService): Promise<string | undefined> {
    try {
      const index = (await fetchJson(service, '/openapi/v3', this.#options, this.#signal)) as {
        paths?: Record<string, { serverRelativeURL?: unknown }>;
      };
      const path = discoveryPath(service);
      const url = index.paths?.[path.slice(1)]?.serverRelativeURL;
      // Nowhere else: clients ask this server for it.
      return typeof url === 'string' && url.split('?')[0] === `/openapi/v3${path}` ? url : undefined;
    } catch {
      return undefined;
    }
  }
}

/** An APIResourceList's entries, as far as they are what they should be. Throws for another document. */
export function readResources(document: unknown): ApiResourceEntry[] {
  const { kind, resources } = (document ?? {}) as { kind?: unknown; resources?: unknown };
  if (kind !== 'APIResourceList' || !Array.isArray(resources)) throw new Error('the answer is no APIResourceList');
  return resources.flatMap((entry: Record<string, unknown> | null) => {
    if (typeof entry?.['name'] !== 'string' || entry['name'] === '') return [];
    const text = (field: string): string => (typeof entry[field] === 'string' ? entry[field] : '');
    const texts = (field: string): string[] =>
      Array.isArray(entry[field]) ? entry[field].filter((one) => typeof one === 'string') : [];
    const optional = (field: 'group' | 'version'): object => (text(field) === '' ? {} : { [field]: text(field) });
    const list = (field: 'shortNames' | 'categories'): object =>
      texts(field).length === 0 ? {} : { [field]: texts(field) };
    return [
      {
        name: entry['name'],
        singularName: text('singularName'),
        namespaced: entry['namespaced'] === true,
        ...optional('group'),
        ...optional('version'),
        kind: text('kind'),
        verbs: texts('verbs'),
        ...list('shortNames'),
        ...list('categories'),
      },
    ];
  });
}
