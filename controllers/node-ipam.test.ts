import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Node } from '../api/core/v1/node.ts';
import type { TestServer } from '../apiserver/testing.ts';
import { startTestServer } from '../apiserver/testing.ts';
import type { EventRecorder } from '../client/events.ts';
import { nodeIpamController } from './node-ipam.ts';
import { eventually, runControllers } from './testing.ts';

const NODES = '/api/v1/nodes';

describe('nodeIpamController() [W14]', () => {
  let server: TestServer;
  let stop: () => Promise<void>;
  let told: string[];
  const events: EventRecorder = {
    event: (_object, type, reason, message) => void told.push(`${type} ${reason} ${message}`),
  };
  // Four parts: one reserved, one for services.
  const start = (): void => {
    const controller = nodeIpamController({
      clusterCidr: '10.244.0.0/22',
      serviceCidr: '10.244.3.0/24',
      reservedParts: 1,
      choosesItself: (name) => name === 'ours',
    });
    stop = runControllers(server.api.handler, [controller], events);
  };
  beforeEach(async () => {
    told = [];
    server = await startTestServer();
    start();
  });
  afterEach(async () => {
    await stop();
    await server.close();
  });

  const make = (name: string, spec: object = {}): Promise<unknown> =>
    server.call('POST', NODES, { metadata: { name }, spec });
  const rangeOf = (name: string): Promise<string> =>
    eventually(async () => (await server.call<Node>('GET', `${NODES}/${name}`)).spec.podCIDR || undefined);

  it('gives each node a part of its own, and leaves those that choose', async () => {
    await make('ours');
    await make('own', { podCIDR: '10.244.1.0/24' });
    await make('first');
    expect(await rangeOf('first')).toBe('10.244.2.0/24');
    const { spec } = await server.call<Node>('GET', `${NODES}/first`);
    expect(spec.podCIDRs).toEqual(['10.244.2.0/24']);
    expect(await rangeOf('own')).toBe('10.244.1.0/24');
    expect((await server.call<Node>('GET', `${NODES}/ours`)).spec.podCIDR).toBeUndefined();
  });

  it('says that there is none left, and gives what comes free', async () => {
    const names = ['a', 'b', 'c'];
    await Promise.all(names.map((name) => make(name)));
    const late = await eventually(
      async () => /^Normal CIDRNotAvailable Node (.) status is now/.exec(told[0] ?? '')?.[1],
    );
    expect(told[0]).toBe(`Normal CIDRNotAvailable Node ${late} status is now: CIDRNotAvailable`);
    const early = names.filter((name) => name !== late);
    const ranges = await Promise.all(early.map(rangeOf));
    expect(ranges.toSorted()).toEqual(['10.244.1.0/24', '10.244.2.0/24']);
    await server.call('DELETE', `${NODES}/${early[0]}`);
    expect(await rangeOf(late)).toBe(ranges[0]);
  });

  it('starts again with what nodes have, wherever that lies', async () => {
    await make('first');
    expect(await rangeOf('first')).toBe('10.244.1.0/24');
    await stop();
    await make('elsewhere', { podCIDR: '192.168.7.0/24' });
    await make('small', { podCIDR: '10.244.2.16/28' });
    await make('late');
    start();
    expect(await eventually(async () => told[0])).toBe(
      'Normal CIDRNotAvailable Node late status is now: CIDRNotAvailable',
    );
    await server.call('DELETE', `${NODES}/elsewhere`);
    await server.call('DELETE', `${NODES}/small`);
    expect(await rangeOf('late')).toBe('10.244.2.0/24');
    expect(await rangeOf('first')).toBe('10.244.1.0/24');
  });

  it('gives what a node had that went to the next', async () => {
    await make('first');
    expect(await rangeOf('first')).toBe('10.244.1.0/24');
    await make('second');
    expect(await rangeOf('second')).toBe('10.244.2.0/24');
    await server.call('DELETE', `${NODES}/first`);
    await make('third');
    expect(await rangeOf('third')).toBe('10.244.1.0/24');
  });
});
