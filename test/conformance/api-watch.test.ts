/** The watches of upstream's test/e2e/apimachinery/watch.go, on config maps, through another project's client. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Conformance, Json, RunningWatch } from './conformance.ts';
import { eventually, startConformance } from './conformance.ts';

let cluster: Conformance;
let maps: string;
const watches: RunningWatch[] = [];

const labelled = (name: string, value: string): Json => ({ metadata: { name, labels: { watched: value } }, data: {} });

/** `label` and `from` choose what is seen. */
async function watch(label?: string, from?: string): Promise<RunningWatch> {
  const running = await cluster.watch(maps, {
    ...(label === undefined ? {} : { labelSelector: label }),
    ...(from === undefined ? {} : { resourceVersion: from }),
  });
  watches.push(running);
  return running;
}

const mutate = (name: string, count: number): Promise<Json> =>
  cluster.patch(`${maps}/${name}`, { data: { mutation: String(count) } });

const seen = ({ events }: RunningWatch): string[] =>
  events.map(({ type, object }) => `${type} ${object.metadata.name} ${object.data?.mutation ?? ''}`.trim());

/** Exactly these events, in this order, and none after them: the last of all is a marker that every watch sees. */
async function expectEvents(running: RunningWatch, expected: string[]): Promise<void> {
  await eventually(`${expected.length} events`, () => running.events.length >= expected.length);
  expect(seen(running)).toEqual(expected);
}

beforeAll(async () => {
  cluster = await startConformance(['--runtime', 'none']);
  maps = `/api/v1/namespaces/${await cluster.namespace('watch')}/configmaps`;
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);
afterEach(() => watches.splice(0).forEach((running) => running.stop()));

describe('watching config maps', () => {
  it('tells every watcher what matches its labels, and nothing else [conformance: watch-configmaps-with-multiple-watchers]', async () => {
    const from = (await cluster.get(maps)).metadata.resourceVersion;
    const [a, b, both] = await Promise.all([
      watch('watched=a', from),
      watch('watched=b', from),
      watch('watched in (a, b)', from),
    ]);
    await cluster.post(maps, labelled('map-a', 'a'));
    await mutate('map-a', 1);
    await mutate('map-a', 2);
    await cluster.remove(`${maps}/map-a`);
    await cluster.post(maps, labelled('map-b', 'b'));
    await cluster.remove(`${maps}/map-b`);
    const ofA = ['ADDED map-a', 'MODIFIED map-a 1', 'MODIFIED map-a 2', 'DELETED map-a 2'];
    const ofB = ['ADDED map-b', 'DELETED map-b'];
    await expectEvents(both, [...ofA, ...ofB]);
    await expectEvents(a, ofA);
    await expectEvents(b, ofB);
  });

  it('begins after the given resource version [conformance: watch-configmaps-from-resource-version]', async () => {
    await cluster.post(maps, labelled('from', 'from'));
    const first = await mutate('from', 1);
    await mutate('from', 2);
    await cluster.remove(`${maps}/from`);
    await expectEvents(await watch('watched=from', first.metadata.resourceVersion), [
      'MODIFIED from 2',
      'DELETED from 2',
    ]);
  });

  it('goes on where the last watch ended [conformance: watch-configmaps-closed-and-restarted]', async () => {
    const first = await watch('watched=restarted');
    await cluster.post(maps, labelled('restarted', 'restarted'));
    await mutate('restarted', 1);
    await expectEvents(first, ['ADDED restarted', 'MODIFIED restarted 1']);
    first.stop();
    await mutate('restarted', 2);
    const last = first.events.at(-1)!.object.metadata.resourceVersion;
    const second = await watch('watched=restarted', last);
    await cluster.remove(`${maps}/restarted`);
    await expectEvents(second, ['MODIFIED restarted 2', 'DELETED restarted 2']);
  });

  it('takes an object that stops to match for deleted, until it matches again [conformance: watch-configmaps-label-changed]', async () => {
    const running = await watch('watched=here');
    const relabel = (value: string): Promise<Json> =>
      cluster.patch(`${maps}/wanderer`, { metadata: { labels: { watched: value } } });
    await cluster.post(maps, labelled('wanderer', 'here'));
    await mutate('wanderer', 1);
    await relabel('elsewhere');
    await mutate('wanderer', 2);
    await relabel('here');
    await mutate('wanderer', 3);
    await cluster.remove(`${maps}/wanderer`);
    await expectEvents(running, [
      'ADDED wanderer',
      'MODIFIED wanderer 1',
      'DELETED wanderer 1',
      'ADDED wanderer 2',
      'MODIFIED wanderer 3',
      'DELETED wanderer 3',
    ]);
  });

  it('shows every watch the same events in the same order, wherever it begins [conformance: watch-consistency]', async () => {
    const COUNT = 100;
    const from = (await cluster.get(maps)).metadata.resourceVersion;
    const first = await watch(undefined, from);
    const writing = (async () => {
      for (let i = 0; i < COUNT; i++) {
        if (i % 3 === 0) await cluster.post(maps, labelled(`busy-${i}`, 'busy'));
        else if (i % 3 === 1) await mutate(`busy-${i - 1}`, i);
        else await cluster.remove(`${maps}/busy-${i - 2}`);
      }
    })();
    // A watch from each of the first events, opened while the writes go on.
    const later: { running: RunningWatch; start: number }[] = [];
    for (let start = 0; start < 30; start += 3) {
      await eventually('an event to begin at', () => first.events.length > start);
      later.push({ running: await watch(undefined, first.events[start]!.object.metadata.resourceVersion), start });
    }
    await writing;
    await eventually('all events', () => first.events.length === COUNT);
    const versions = (running: RunningWatch): string[] =>
      running.events.map(({ type, object }) => `${type} ${object.metadata.resourceVersion}`);
    expect(new Set(versions(first)).size).toBe(COUNT);
    for (const { running, start } of later) {
      await eventually('the same events', () => running.events.length === COUNT - start - 1);
      expect(versions(running)).toEqual(versions(first).slice(start + 1));
    }
  });
});
