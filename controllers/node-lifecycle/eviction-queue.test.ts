import { describe, expect, it } from '@jest/globals';
import { Choices } from '../../test/choices.ts';
import { EvictionQueue } from './eviction-queue.ts';

describe('EvictionQueue', () => {
  it('lets the first pass at once and the others in turn', () => {
    const queue = new EvictionQueue(0.1);
    for (const name of ['b', 'a', 'c', 'a']) queue.add(name);
    expect([queue.take(5_000), queue.take(5_000)]).toEqual(['b', undefined]);
    expect(queue.waitMs(7_000)).toBe(8_000);
    expect([queue.take(14_999), queue.take(15_000), queue.take(15_000)]).toEqual([undefined, 'a', undefined]);
    // Nobody gains by a time when nobody waited.
    queue.remove('c');
    expect(queue.waitMs(15_000)).toBe(Infinity);
    queue.add('d');
    queue.add('e');
    expect([queue.take(60_000), queue.take(60_000), queue.take(70_000)]).toEqual(['d', undefined, 'e']);
  });

  it('stops, and begins again with a whole wait', () => {
    const queue = new EvictionQueue(0.1);
    queue.setRate(0, 0);
    queue.add('a');
    expect([queue.take(1e9), queue.waitMs(1e9)]).toEqual([undefined, Infinity]);
    queue.setRate(0.1, 1e9);
    expect([queue.take(1e9 + 9_999), queue.take(1e9 + 10_000)]).toEqual([undefined, 'a']);
    expect(new EvictionQueue(0).waitMs(0)).toBe(Infinity);
  });

  it('goes on at another rate', () => {
    const queue = new EvictionQueue(0.1);
    queue.setRate(0.01, 0);
    queue.add('a');
    queue.add('b');
    expect(queue.take(0)).toBe('a');
    queue.setRate(1, 50);
    expect([queue.take(1_049), queue.take(1_050)]).toEqual([undefined, 'b']);
  });

  it('does not wait for a clock that was set back, and lets one pass for one set forward', () => {
    const queue = new EvictionQueue(0.1);
    for (const name of ['a', 'b', 'c', 'd']) queue.add(name);
    expect(queue.take(1e9)).toBe('a');
    expect([queue.take(0), queue.waitMs(0)]).toEqual([undefined, 10_000]);
    expect(queue.take(10_000)).toBe('b');
    expect([queue.take(1e9), queue.take(1e9)]).toEqual(['c', undefined]);
  });

  it('does as a bucket does that is filled by whole drops', () => {
    for (let seed = 1; seed <= 30; seed++) expect([seed, ...compare(seed)]).toEqual([seed, 'same']);
  });
});

/** `same`, or where they part. */
function compare(seed: number): string[] {
  const choices = new Choices(seed);
  const queue = new EvictionQueue(0.1);
  const model = new Model(0.1);
  const names = ['a', 'b', 'c', 'd', 'e'];
  let nowMs = choices.below(1e9);
  for (let step = 0; step < 300; step++) {
    const passMs = choices.pick([0, 1, 999, 1_000, 4_000, 10_000]);
    model.pass(passMs);
    nowMs += passMs;
    const [name, rate] = [choices.pick(names), choices.pick([0, 0.01, 0.1, 0.25, 1])];
    const both = { queue, model };
    const what = choices.weighted([
      [4, 'add'],
      [1, 'remove'],
      [1, 'rate'],
      [4, 'take'],
    ] as const);
    if (what === 'add') for (const one of Object.values(both)) one.add(name);
    if (what === 'remove') for (const one of Object.values(both)) one.remove(name);
    if (what === 'rate') model.setRate(rate);
    if (what === 'rate') queue.setRate(rate, nowMs);
    if (what !== 'take') continue;
    const [taken, expected] = [queue.take(nowMs), model.take()];
    if (taken !== expected) return [`step ${step}: ${taken}, not ${expected}`];
  }
  return ['same'];
}

/** A bucket that holds one token, filled by whole drops every millisecond. */
class Model {
  static readonly FULL = 100_000;
  #drops = Model.FULL;
  #perMs: number;
  #waiting: string[] = [];

  constructor(rate: number) {
    this.#perMs = Math.round(rate * 100);
  }

  pass(ms: number): void {
    this.#drops = Math.min(Model.FULL, this.#drops + ms * this.#perMs);
  }

  setRate(rate: number): void {
    if (Math.round(rate * 100) === this.#perMs) return;
    const isOpen = this.#perMs > 0 && this.#drops === Model.FULL;
    this.#perMs = Math.round(rate * 100);
    this.#drops = isOpen ? Model.FULL : 0;
  }

  add(name: string): void {
    if (!this.#waiting.includes(name)) this.#waiting.push(name);
  }

  remove(name: string): void {
    this.#waiting = this.#waiting.filter((other) => other !== name);
  }

  take(): string | undefined {
    if (this.#perMs === 0 || this.#drops < Model.FULL || this.#waiting.length === 0) return undefined;
    this.#drops = 0;
    return this.#waiting.shift();
  }
}
