import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CachedObject } from './cached-object.ts';
import { CacheEvent, Watcher } from './watcher.ts';
import type { Delivery } from './watcher.ts';
import { WatcherSet } from './watcher-set.ts';

/** An object that has a field `on`. */
const objectOn = (on: string, revision: number): CachedObject =>
  new CachedObject('/registry/things/a', Buffer.from(JSON.stringify({ metadata: { name: 'a' }, on })), revision);
const onOf = (object: CachedObject): string => (object.object() as unknown as { on: string }).on;
const show = (delivery: Delivery): string =>
  delivery.type === 'BOOKMARK'
    ? delivery.type
    : `${delivery.type} ${onOf(delivery.object)} ${delivery.object.revision}`;

function watcherOf(value: string): Watcher {
  return new Watcher(
    { filter: (object) => onOf(object) === value, bookmarks: false, maxQueued: 1000 },
    () => undefined,
  );
}

it('shows each watcher of one value what it would see if it were shown everything', async () => {
  const values = fc.constantFrom('', 'x', 'y', 'z');
  await fc.assert(
    fc.asyncProperty(fc.array(values, { minLength: 1, maxLength: 20 }), async (states) => {
      const set = new WatcherSet((object, field) => (field === 'on' ? onOf(object) : ''));
      const watchers = ['', 'x', 'y', 'z'].map((value) => ({
        value,
        apart: watcherOf(value),
        plain: watcherOf(value),
      }));
      for (const { value, apart, plain } of watchers) {
        set.add(apart, { field: 'on', value });
        set.add(plain, undefined);
      }
      let previous: CachedObject | undefined;
      states.forEach((state, i) => {
        const isLast = i === states.length - 1;
        const current = objectOn(state, i + 1);
        set.push(new CacheEvent(isLast ? 'delete' : 'put', current, previous));
        previous = current;
      });
      for (const { apart, plain } of watchers) {
        for (const watcher of [apart, plain]) watcher.end();
        const [seen, expected] = await Promise.all([apart.take(), plain.take()]);
        expect(seen?.map(show)).toEqual(expected?.map(show));
      }
    }),
  );
});

it('shows everybody an event that it cannot look into', async () => {
  const set = new WatcherSet(onOf);
  const [x, y] = [watcherOf('x'), watcherOf('y')];
  set.add(x, { field: 'on', value: 'x' });
  set.add(y, { field: 'on', value: 'y' });
  set.push(new CacheEvent('put', new CachedObject('/registry/things/a', Buffer.from('{"metadata'), 1), undefined));
  for (const watcher of [x, y]) await expect(watcher.take()).rejects.toThrow();
});

it('forgets a watcher that has ended, and counts the others', () => {
  const set = new WatcherSet(onOf);
  const [a, b] = [watcherOf('x'), watcherOf('x')];
  const only = { field: 'on', value: 'x' };
  set.add(a, only);
  set.add(b, only);
  set.delete(a, only);
  expect([...set]).toEqual([b]);
  set.push(new CacheEvent('put', objectOn('x', 1), undefined));
  set.delete(b, only);
  expect(set.size).toBe(0);
});
