/** Runs the reflector's state machine against a client: acts, waits, reports every change to its owner. */
import type { WatchEvent } from '../api/machinery/handler.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { sleep } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { createBackoff } from './backoff.ts';
import type { Client, ResourceRef } from './client.ts';
import { formatResource } from './keys.ts';
import { actionOf, initialState, step } from './reflector.ts';
import type { ReflectorAction, ReflectorChange, ReflectorInput, ReflectorState } from './reflector.ts';

/** What an informer covers. */
export interface Selection {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface ReflectorOptions<T extends ApiObject> {
  client: Client;
  resource: ResourceRef;
  selection: Selection;
  /** Called in order; the next is not read before it resolves. Must not reject. */
  onChange(change: ReflectorChange<T>): Promise<void>;
  clock: Clock;
  random: Random;
  log: Logger;
  signal: AbortSignal;
}

const PAGE_SIZE = 500;

/** The server ends a watch after 5 to 10 minutes, so that watches spread over servers and none is forgotten. */
const WATCH_SECONDS = 300;

/** Runs until the signal aborts; never rejects. */
export async function runReflector<T extends ApiObject>(options: ReflectorOptions<T>): Promise<void> {
  const { clock, random, log, signal } = options;
  const backoff = createBackoff({ initialMs: 200, maxMs: 30_000, random });
  const connection = new Connection<T>(options);
  let state: ReflectorState<T> = initialState();
  while (!signal.aborted) {
    if (state.wait) await sleep(clock, backoff.nextMs(), signal);
    const input = await connection.perform(actionOf(state));
    if (signal.aborted) break;
    if (input.type === 'failed') logFailure(log, input.error, state);
    const result = step(state, input);
    state = result.state;
    if (result.change !== undefined) await options.onChange(result.change);
    if (!state.wait && input.type !== 'failed') backoff.reset();
  }
  connection.close();
}

function logFailure(log: Logger, error: unknown, state: ReflectorState): void {
  const message = error instanceof Error ? error.message : String(error);
  log.warn('reflector failed', { phase: state.phase, resourceVersion: state.resourceVersion, error: message });
}

/** The one open watch of a reflector. */
class Connection<T extends ApiObject> {
  readonly #options: ReflectorOptions<T>;
  #watch: { batches: AsyncIterator<readonly WatchEvent<T>[]>; abort: AbortController } | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
  }

  async perform(action: ReflectorAction): Promise<ReflectorInput<T>> {
    try {
      if (action.type === 'list-page') return await this.#listPage(action);
      if (action.type !== 'read') this.#open(action);
      const next = await this.#watch!.batches.next();
      if (next.done !== true) return { type: 'events', events: next.value };
      this.close();
      return { type: 'ended' };
    } catch (error) {
      this.close();
      return { type: 'failed', error };
    }
  }

  close(): void {
    this.#watch?.abort.abort();
    this.#watch = undefined;
  }

  async #listPage(action: ReflectorAction & { type: 'list-page' }): Promise<ReflectorInput<T>> {
    const { client, resource, selection, signal } = this.#options;
    const { continueToken, resourceVersion } = action;
    const page = await client.list<T>(resource, {
      ...selection,
      limit: PAGE_SIZE,
      signal,
      // A continue token says itself what it continues.
      ...(continueToken === '' ? versionOptions(resourceVersion) : { continue: continueToken }),
    });
    return { type: 'page', page };
  }

  #open(action: ReflectorAction & { type: 'stream-list' | 'watch' }): void {
    this.close();
    const { client, resource, selection, signal, random } = this.#options;
    const abort = new AbortController();
    const streams = action.type === 'stream-list';
    const batches = client.watch<T>(resource, {
      ...selection,
      ...(streams
        ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' as const }
        : { resourceVersion: action.resourceVersion }),
      ...(streams && action.resourceVersion !== '' ? { resourceVersion: action.resourceVersion } : {}),
      allowWatchBookmarks: true,
      timeoutSeconds: Math.floor(WATCH_SECONDS * (1 + random.float())),
      signal: AbortSignal.any([signal, abort.signal]),
    });
    this.#watch = { batches: batches[Symbol.asyncIterator](), abort };
  }
}

function versionOptions(resourceVersion: string): { resourceVersion?: string; resourceVersionMatch?: 'NotOlderThan' } {
  return resourceVersion === '' ? {} : { resourceVersion, resourceVersionMatch: 'NotOlderThan' };
}

/** The fields that every line of a reflector carries. */
export function reflectorLogFields(resource: ResourceRef, selection: Selection): Record<string, unknown> {
  return { resource: formatResource(resource), ...selection };
}
