/** Events of a runtime that tells none (containerd before 1.7): it is listed again and again, and compared. */
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import type { RuntimeEvent } from '../runtime.ts';

/** Sandboxes and containers alike. */
export interface SeenContainer {
  id: string;
  podSandboxId: string;
  podUid: string;
  /** Whether it has not been started, runs, or has ended. */
  state: 'created' | 'running' | 'ended';
}

/** While something changes, more is to come. */
const BUSY_PERIOD_MS = 250;
/** As upstream's relist. */
const IDLE_PERIOD_MS = 1_000;
const BUSY_MS = 5_000;

export interface PollOptions {
  /** Throws when the runtime does not answer. */
  list(): Promise<SeenContainer[]>;
  clock: Clock;
  signal: AbortSignal;
}

/** Ends with the signal; throws what `list` throws. */
export async function* pollEvents({ list, clock, signal }: PollOptions): AsyncIterable<RuntimeEvent> {
  let seen = byId(await list());
  let changedMs = -Infinity;
  while (!signal.aborted) {
    const isBusy = clock.monotonicMs() - changedMs < BUSY_MS;
    await sleep(clock, isBusy ? BUSY_PERIOD_MS : IDLE_PERIOD_MS, signal);
    if (signal.aborted) return;
    const now = byId(await list());
    const changes = compare(seen, now);
    seen = now;
    if (changes.length > 0) changedMs = clock.monotonicMs();
    yield* changes;
  }
}

type Seen = ReadonlyMap<string, SeenContainer>;

function byId(containers: readonly SeenContainer[]): Seen {
  return new Map(containers.map((container) => [container.id, container]));
}

/** What has happened between two listings; what came and went in between is not seen. */
export function compare(before: Seen, after: Seen): RuntimeEvent[] {
  const events: RuntimeEvent[] = [];
  const tell = (type: RuntimeEvent['type'], { id, podSandboxId, podUid }: SeenContainer): void => {
    events.push({ type, containerId: id, podSandboxId, podUid });
  };
  for (const [id, container] of after) {
    const old = before.get(id);
    if (old === undefined) tell('created', container);
    if (old?.state === container.state) continue;
    if (container.state !== 'created' && (old === undefined || old.state === 'created')) tell('started', container);
    if (container.state === 'ended') tell('stopped', container);
  }
  for (const [id, container] of before) if (!after.has(id)) tell('deleted', container);
  return events;
}
