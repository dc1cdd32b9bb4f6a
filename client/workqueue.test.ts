import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock, settle } from './manual-clock.ts';
import { createWorkqueue, defaultRateLimiter } from './workqueue.ts';
import type { Workqueue } from './workqueue.ts';

function setUp(): { clock: ManualClock; queue: Workqueue<string> } {
  const clock = new ManualClock();
  return { clock, queue: createWorkqueue<string>({ clock }) };
}

describe('workqueue', () => {
  it('hands an item out once however often it was added', async () => {
    const { queue } = setUp();
    queue.add('a');
    queue.add('a');
    queue.add('b');
    expect([await queue.get(), await queue.get(), queue.length]).toEqual(['a', 'b', 0]);
  });

  it('keeps an item that is being worked on from other workers, and queues it again when done', async () => {
    const { queue } = setUp();
    queue.add('a');
    await queue.get();
    queue.add('a');
    queue.add('a');
    expect(queue.length).toBe(0);
    queue.done('a');
    expect(queue.length).toBe(1);
    expect(await queue.get()).toBe('a');
    queue.done('a');
    expect(queue.length).toBe(0);
  });

  it('wakes waiting workers in the order they came', async () => {
    const { queue } = setUp();
    const first = queue.get();
    const second = queue.get();
    queue.add('a');
    queue.add('b');
    expect(await Promise.all([first, second])).toEqual(['a', 'b']);
  });

  it('adds after a delay, the shortest of several', () => {
    const { clock, queue } = setUp();
    queue.addAfter('a', 100);
    queue.addAfter('a', 50);
    queue.addAfter('a', 200);
    clock.advance(49);
    expect(queue.length).toBe(0);
    clock.advance(1);
    expect(queue.length).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('re-arms when the clock caps a delay', () => {
    const clock = new ManualClock();
    const capped = {
      ...bind(clock),
      setTimeout: (f: () => void, ms: number) => clock.setTimeout(f, Math.min(ms, 1000)),
    };
    const queue = createWorkqueue<string>({ clock: capped });
    queue.addAfter('a', 2500);
    clock.advance(2499);
    expect(queue.length).toBe(0);
    clock.advance(1);
    expect(queue.length).toBe(1);
  });

  it('backs off per item, and starts over when forgotten', () => {
    const limiter = defaultRateLimiter<string>(new ManualClock());
    const delays = Array.from({ length: 20 }, () => limiter.nextDelayMs('a'));
    expect(delays.slice(0, 5)).toEqual([5, 10, 20, 40, 80]);
    expect(delays.at(-1)).toBe(1_000_000);
    expect(limiter.nextDelayMs('b')).toBe(5);
    expect(limiter.numRequeues('a')).toBe(20);
    limiter.forget('a');
    expect([limiter.numRequeues('a'), limiter.nextDelayMs('a')]).toEqual([0, 5]);
  });

  it('lets 100 different failures through at once, then 10 a second', () => {
    const limiter = defaultRateLimiter<string>(new ManualClock());
    const delays = Array.from({ length: 110 }, (_, i) => limiter.nextDelayMs(`item-${i}`));
    expect(Math.max(...delays.slice(0, 100))).toBe(5);
    expect(delays[100]).toBeCloseTo(100);
    expect(delays[109]).toBeCloseTo(1000);
  });

  it('after shutdown takes nothing, drains what is ready, and ends the workers', async () => {
    const { clock, queue } = setUp();
    queue.add('a');
    queue.addAfter('late', 10);
    queue.shutDown();
    queue.add('b');
    clock.advance(100);
    expect([await queue.get(), await queue.get()]).toEqual(['a', undefined]);
    expect(clock.pending).toBe(0);
  });

  it('ends workers that wait at shutdown', async () => {
    const { queue } = setUp();
    const waiting = queue.get();
    queue.shutDown();
    expect(await waiting).toBeUndefined();
  });
});

type Step =
  | { op: 'add' | 'done'; item: string }
  | { op: 'get' }
  | { op: 'addAfter'; item: string; delayMs: number }
  | { op: 'advance'; ms: number };

const item = fc.constantFrom('a', 'b', 'c');
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ op: fc.constant('add' as const), item }),
    fc.record({ op: fc.constant('done' as const), item }),
    fc.record({ op: fc.constant('get' as const) }),
    fc.record({ op: fc.constant('addAfter' as const), item, delayMs: fc.integer({ min: 1, max: 50 }) }),
    fc.record({ op: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 60 }) }),
  ),
  { maxLength: 60 },
);

/** What must hold, said as plainly as possible: an item is wanted, or being worked on, or both. */
class Model {
  ready: string[] = [];
  wantedAgain = new Set<string>();
  working = new Set<string>();
  waiting = new Map<string, number>();
  nowMs = 0;

  add(name: string): void {
    if (this.working.has(name)) this.wantedAgain.add(name);
    else if (!this.ready.includes(name)) this.ready.push(name);
  }

  advance(ms: number): void {
    this.nowMs += ms;
    const due = [...this.waiting].filter(([, at]) => at <= this.nowMs).sort((a, b) => a[1] - b[1]);
    for (const [name] of due) {
      this.waiting.delete(name);
      this.add(name);
    }
  }

  done(name: string): void {
    if (!this.working.delete(name)) return;
    if (this.wantedAgain.delete(name)) this.add(name);
  }
}

async function apply(
  step: Step,
  { model, queue, clock }: { model: Model; queue: Workqueue<string>; clock: ManualClock },
): Promise<void> {
  switch (step.op) {
    case 'add':
      model.add(step.item);
      return queue.add(step.item);
    case 'done':
      model.done(step.item);
      return queue.done(step.item);
    case 'addAfter': {
      const at = model.nowMs + step.delayMs;
      model.waiting.set(step.item, Math.min(model.waiting.get(step.item) ?? Infinity, at));
      return queue.addAfter(step.item, step.delayMs);
    }
    case 'advance':
      model.advance(step.ms);
      return clock.advance(step.ms);
    case 'get': {
      const expected = model.ready.shift();
      if (expected === undefined) return;
      model.working.add(expected);
      expect(await queue.get()).toBe(expected);
    }
  }
}

describe('workqueue, against a model', () => {
  it('behaves as the model in any order of calls', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        // Items that fall due at the same instant may come in any order: give each its own.
        const { clock, queue } = setUp();
        const model = new Model();
        for (const step of all) {
          await apply(step, { model, queue, clock });
          expect(queue.length).toBe(model.ready.length);
        }
        queue.shutDown();
        await settle();
      }),
      { numRuns: 150 },
    );
  });
});

function bind(clock: ManualClock): Pick<ManualClock, 'now' | 'monotonicMs' | 'setInterval'> {
  return {
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    setInterval: (f, ms) => clock.setInterval(f, ms),
  };
}
