import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Taint } from '../api/core/v1/node.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import type { TestServer } from '../apiserver/testing.ts';
import { startTestServer } from '../apiserver/testing.ts';
import { leavesAtMs, planEvictions, sinceOf, taintEvictionController } from './taint-eviction.ts';
import { eventually, runControllers } from './testing.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const at = (offsetMs: number): string => new Date(NOW + offsetMs).toISOString();

const taint = (key: string, extra: object = {}): Taint => ({ key, effect: 'NoExecute', ...extra });
const pod = (name: string, tolerations: object[], extra: object = {}): Pod =>
  ({
    metadata: { name, namespace: 'default', ...extra },
    spec: { containers: [], nodeName: 'n', tolerations },
    status: { conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: at(-10_000) }] },
  }) as unknown as Pod;
const forSeconds = (tolerationSeconds?: number, key = 'a'): object => ({
  key,
  operator: 'Exists',
  effect: 'NoExecute',
  ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
});

describe('leavesAtMs()', () => {
  const taints = [taint('a'), taint('b')];
  const since = new Map([
    ['a=', NOW],
    ['b=', NOW - 60_000],
  ]);

  it.each([
    ['at once without toleration', [], -Infinity],
    ['at once where one taint is not tolerated', [forSeconds()], -Infinity],
    ['never where all are tolerated for ever', [forSeconds(), forSeconds(undefined, 'b')], Infinity],
    ['never with a toleration of everything', [{ operator: 'Exists' }], Infinity],
    ['when the time of a taint is over', [forSeconds(5), forSeconds(undefined, 'b')], NOW + 5_000],
    ['at the shortest of two for one taint', [forSeconds(9), forSeconds(5), forSeconds(undefined, 'b')], NOW + 5_000],
    ['not counting from before it came', [forSeconds(), forSeconds(5, 'b')], NOW - 5_000],
    ['with the first taint whose time is over', [forSeconds(5), forSeconds(14, 'b')], NOW + 4_000],
    ['at once where the time is negative', [forSeconds(-1), forSeconds(undefined, 'b')], NOW],
  ])('%s', (_what, tolerations, expected) => {
    expect(leavesAtMs(pod('p', tolerations), taints, since)).toBe(expected);
  });
});

describe('sinceOf()', () => {
  it('takes the time that the taint bears, or when it was seen first', () => {
    const taints = [
      taint('a', { timeAdded: at(-5_000) }),
      taint('b'),
      taint('c', { value: 'x' }),
      taint('d', { timeAdded: at(5_000) }),
    ];
    const known = new Map([
      ['b=', NOW - 7_000],
      ['c=old', NOW - 7_000],
    ]);
    expect([...sinceOf(taints, known, NOW)]).toEqual([
      ['a=', NOW - 5_000],
      ['b=', NOW - 7_000],
      ['c=x', NOW],
      ['d=', NOW],
    ]);
  });
});

describe('planEvictions()', () => {
  it('tells those that leave from those that wait', () => {
    const present = [
      pod('now', []),
      pod('soon', [forSeconds(5)]),
      pod('later', [forSeconds(50)]),
      pod('never', [forSeconds()]),
      pod('going', [], { deletionTimestamp: at(0) }),
    ];
    const about = { taints: [taint('a')], sinceMs: new Map([['a=', NOW]]), nowMs: NOW };
    const plan = planEvictions(present, about);
    expect(plan.leaving.map(({ metadata }) => metadata.name)).toEqual(['now']);
    expect([...plan.waiting]).toEqual(['default/soon', 'default/later']);
    expect(plan.nextMs).toBe(NOW + 5_000);
  });
});

describe('the controller', () => {
  const PODS = '/api/v1/namespaces/default/pods';
  const told: string[] = [];
  let server: TestServer;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    server = await startTestServer();
    stop = runControllers(server.api.handler, [taintEvictionController()], {
      event: (_object, type, reason, message) => void told.push(`${type} ${reason} ${message}`),
    });
    await server.call('POST', '/api/v1/nodes', { metadata: { name: 'n' } });
  });
  afterAll(async () => {
    await stop();
    await server.close();
  });

  const run = (name: string, tolerations: object[]): Promise<unknown> =>
    server.call('POST', PODS, {
      metadata: { name, finalizers: ['example.com/hold'] },
      spec: { nodeName: 'n', terminationGracePeriodSeconds: 0, tolerations, containers: [{ name: 'c', image: 'i' }] },
    });
  const read = (name: string): Promise<Pod> => server.call<Pod>('GET', `${PODS}/${name}`);
  const setTaints = (taints: object[]): Promise<unknown> =>
    server.send('PATCH', '/api/v1/nodes/n', {
      body: { spec: { taints } },
      contentType: 'application/merge-patch+json',
    });
  const toldOf = (message: string): Promise<true> =>
    eventually(async () => (told.includes(`Normal TaintManagerEviction ${message}`) ? true : undefined));

  it('evicts what does not tolerate, and spares the others when the taint goes', async () => {
    await run('intolerant', []);
    await run('patient', [forSeconds(86_400)]);
    await setTaints([taint('a', { value: 'x' })]);
    await toldOf('Marking for deletion Pod default/intolerant');
    const going = await eventually(async () => {
      const found = await read('intolerant');
      return found.metadata.deletionTimestamp === undefined ? undefined : found;
    });
    expect(going.status?.conditions?.find(({ type }) => type === 'DisruptionTarget')).toMatchObject({
      status: 'True',
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
      observedGeneration: 1,
    });
    // A pod that comes later is looked at too.
    await run('latecomer', []);
    await toldOf('Marking for deletion Pod default/latecomer');
    await setTaints([]);
    await toldOf('Cancelling deletion of Pod default/patient');
    expect((await read('patient')).metadata.deletionTimestamp).toBeUndefined();
  });

  it('evicts when the time is over', async () => {
    await run('brief', [forSeconds(1, 'b')]);
    await setTaints([taint('b')]);
    await toldOf('Marking for deletion Pod default/brief');
  });
});
