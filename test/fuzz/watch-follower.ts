/** Watches every kind from the start of a server, to compare at its end what came with what is listed. */
import { setMaxListeners } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import type { WatchEvent } from '../../api/machinery/handler.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { realClock, sleep } from '../../base/clock.ts';
import type { FuzzKind } from './kinds.ts';

interface Followed {
  url: string;
  /** By namespace and name; undefined once the watch has ended, which it may. */
  objects: Map<string, unknown> | undefined;
}

const PATIENCE = 100;
const PAUSE_MS = 10;

export class WatchFollower {
  readonly #server: TestServer;
  readonly #stop = new AbortController();
  #followed: Followed[] = [];

  constructor(server: TestServer) {
    this.#server = server;
  }

  async start(kinds: readonly FuzzKind[]): Promise<void> {
    setMaxListeners(0, this.#stop.signal);
    const watched = kinds.filter(({ verbs }) => verbs.includes('watch') && verbs.includes('list'));
    for (const { root, plural } of watched) {
      const followed: Followed = { url: `${root}/${plural}`, objects: new Map() };
      const events = await this.#server.watch(`${followed.url}?watch=true`, this.#stop.signal);
      this.#followed.push(followed);
      void follow(followed, events);
    }
  }

  /** The first kind whose watch and list do not come to the same. */
  async disagreement(): Promise<string | undefined> {
    for (const followed of this.#followed) {
      const problem = await this.#compare(followed);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  async #compare(followed: Followed): Promise<string | undefined> {
    for (let attempt = 0; ; attempt++) {
      const { status, body } = await this.#server.send('GET', followed.url);
      // A definition that goes ends its watch a little later.
      if (followed.objects === undefined || status === 404) return undefined;
      const items = (body as { items: WatchEvent['object'][] }).items ?? [];
      const listed = new Map(items.map((item) => [keyOf(item), plainOf(item)]));
      if (isDeepStrictEqual(listed, followed.objects)) return undefined;
      if (attempt < PATIENCE) await sleep(realClock, PAUSE_MS);
      else
        return `${followed.url}: listed ${show(listed, followed.objects)}, watched ${show(followed.objects, listed)}`;
    }
  }

  close(): void {
    this.#stop.abort(new Error('the episode is over'));
    this.#followed = [];
  }
}

async function follow(followed: Followed, events: AsyncIterator<WatchEvent>): Promise<void> {
  try {
    for (;;) {
      const { value, done } = await events.next();
      const event = value as WatchEvent | undefined;
      if (done === true || event === undefined || event.type === 'ERROR') break;
      if (event.type === 'DELETED') followed.objects?.delete(keyOf(event.object));
      else followed.objects?.set(keyOf(event.object), plainOf(event.object));
    }
  } catch {
    // It was stopped.
  }
  followed.objects = undefined;
}

const keyOf = ({ metadata: { namespace = '', name = '' } }: WatchEvent['object']): string => `${namespace}/${name}`;

/** Items of lists have no kind. */
function plainOf({ kind: _kind, apiVersion: _apiVersion, ...rest }: WatchEvent['object']): unknown {
  return JSON.parse(JSON.stringify(rest));
}

/** Those that are not the same there. */
function show(objects: ReadonlyMap<string, unknown>, others: ReadonlyMap<string, unknown>): string {
  const different = [...objects].filter(([key, object]) => !isDeepStrictEqual(others.get(key), object));
  return different.map(([key, object]) => `${key} ${JSON.stringify(object).slice(0, 500)}`).join('; ') || 'no more';
}
