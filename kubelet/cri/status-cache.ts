/** Statuses of sandboxes or containers, asked for once in each state: within one they do not change. */
import { RuntimeError } from '../runtime.ts';

interface Listed {
  id: string;
  state: string;
}

export class StatusCache<T> {
  #known = new Map<string, { state: string; status: T }>();

  /** The status of each that is listed; what has gone since the listing is left out. `ask` is called for what is new. */
  async fill<Item extends Listed>(listed: readonly Item[], ask: (item: Item) => Promise<T | undefined>): Promise<T[]> {
    const known = this.#known;
    const next = new Map<string, { state: string; status: T }>();
    await Promise.all(
      listed.map(async (item) => {
        const { id, state } = item;
        const kept = known.get(id);
        if (kept?.state === state && !state.endsWith('UNKNOWN')) {
          next.set(id, kept);
          return;
        }
        const status = await ask(item).catch(ignoreNotFound);
        if (status !== undefined) next.set(id, { state, status });
      }),
    );
    this.#known = next;
    return listed.flatMap(({ id }) => next.get(id)?.status ?? []);
  }
}

function ignoreNotFound(error: unknown): undefined {
  if (!(error instanceof RuntimeError) || error.code !== 'not-found') throw error;
  return undefined;
}
