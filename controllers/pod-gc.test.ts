import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Node } from '../api/core/v1/node.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import type { TestServer } from '../apiserver/testing.ts';
import { startTestServer } from '../apiserver/testing.ts';
import { silentLogger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import { runController } from '../client/controller-runner.ts';
import { silentEventRecorder } from '../client/events.ts';
import { inProcessClient } from '../client/in-process.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { ManualClock } from '../client/manual-clock.ts';
import { isOutOfService, podGcController, surplusOf } from './pod-gc.ts';
import { eventually } from './testing.ts';

const ended = (name: string, creationTimestamp: string, reason?: string): Pod =>
  ({
    metadata: { name, creationTimestamp },
    spec: { containers: [] },
    status: { phase: 'Failed', ...(reason && { reason }) },
  }) as unknown as Pod;

describe('surplusOf()', () => {
  const pods = [
    ended('b', '2026-01-02T00:00:00Z'),
    ended('c', '2026-01-01T00:00:00Z'),
    ended('a', '2026-01-02T00:00:00Z'),
  ];
  const names = (many: readonly Pod[], max: number): unknown[] =>
    surplusOf(many, max).map(({ metadata }) => metadata.name);

  it('is nothing up to the threshold', () => {
    expect(names(pods, 3)).toEqual([]);
  });

  it('begins with evicted pods, then the oldest, then by name', () => {
    expect(names(pods, 0)).toEqual(['c', 'a', 'b']);
    expect(names([...pods, ended('d', '2026-02-01T00:00:00Z', 'Evicted')], 2)).toEqual(['d', 'c']);
  });
});

describe('isOutOfService()', () => {
  const node = (ready: string, taints: string[]): Node =>
    ({
      metadata: { name: 'n' },
      spec: { taints: taints.map((key) => ({ key, effect: 'NoExecute' })) },
      status: { conditions: [{ type: 'Ready', status: ready }] },
    }) as unknown as Node;

  it('needs the taint, and that the node is not ready', () => {
    const taint = 'node.kubernetes.io/out-of-service';
    expect([node('True', [taint]), node('Unknown', []), node('Unknown', [taint])].map(isOutOfService)).toEqual([
      false,
      false,
      true,
    ]);
  });
});

describe('the controller', () => {
  const PODS = '/api/v1/namespaces/default/pods';
  const clock = new ManualClock();
  let server: TestServer;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    server = await startTestServer();
    await server.call('POST', '/api/v1/nodes', { metadata: { name: 'there' } });
    const user = { name: 'controllers', groups: ['system:masters', 'system:authenticated'] };
    const client = inProcessClient({ handler: server.api.handler, user, userAgent: 'controllers' });
    const abort = new AbortController();
    const informers = createInformerFactory(client, { clock, log: silentLogger });
    informers.start(abort.signal);
    const running = runController(podGcController({ maxTerminated: 2 }), {
      client,
      informers,
      events: silentEventRecorder,
      clock,
      random: realRandom,
      log: silentLogger,
      signal: abort.signal,
    });
    stop = async () => {
      abort.abort();
      await running;
      await informers.stopped();
    };
  });
  afterAll(async () => {
    await stop();
    await server.close();
  });

  const make = async (name: string, spec: object = {}, phase = 'Running'): Promise<void> => {
    await server.call('POST', PODS, {
      metadata: { name, finalizers: ['example.com/hold'] },
      spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
    });
    await server.send('PATCH', `${PODS}/${name}/status`, {
      body: { status: { phase } },
      contentType: 'application/merge-patch+json',
    });
  };
  /** As it is when its deletion is asked for. Time goes on while there is no such thing. */
  const removed = (name: string, tickMs = 0): Promise<Pod> =>
    eventually(async () => {
      const pod = await server.call<Pod>('GET', `${PODS}/${name}`);
      if (pod.metadata.deletionGracePeriodSeconds === 0) return pod;
      clock.advance(tickMs);
      return undefined;
    });

  it('removes an unscheduled pod whose deletion was asked for', async () => {
    await make('unscheduled', {}, 'Pending');
    await server.call('DELETE', `${PODS}/unscheduled`);
    await eventually(async () => ((await removed('unscheduled')).status?.phase === 'Failed' ? true : undefined));
  });

  it('removes the pods of a node that is gone, when it stays away', async () => {
    await make('orphan', { nodeName: 'gone' });
    await make('safe', { nodeName: 'there' });
    const { status } = await removed('orphan', 1_000);
    expect(status).toMatchObject({
      phase: 'Failed',
      conditions: [
        {
          type: 'DisruptionTarget',
          status: 'True',
          reason: 'DeletionByPodGC',
          message: 'PodGC: node no longer exists',
        },
      ],
    });
    expect((await server.call<Pod>('GET', `${PODS}/safe`)).metadata.deletionTimestamp).toBeUndefined();
  });

  it('removes what was to go from a node that is out of service', async () => {
    await make('stuck', { nodeName: 'there', terminationGracePeriodSeconds: 60 });
    await server.call('DELETE', `${PODS}/stuck`);
    await server.send('PATCH', '/api/v1/nodes/there', {
      body: { spec: { taints: [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }] } },
      contentType: 'application/merge-patch+json',
    });
    expect((await removed('stuck')).status?.phase).toBe('Failed');
  });

  it('removes the oldest of too many ended pods', async () => {
    for (const name of ['old-1', 'old-2', 'old-3']) await make(name, { nodeName: 'there' }, 'Succeeded');
    // Those that failed above are older, and count as long as they are held.
    expect((await removed('old-1', 1_000)).status?.phase).toBe('Succeeded');
  });
});
