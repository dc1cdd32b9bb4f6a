import { afterEach, describe, expect, it } from '@jest/globals';
import { services } from '../api/core/v1/service.ts';
import { endpointSlices } from '../api/discovery/v1/endpoint-slice.ts';
import type { EndpointSlice } from '../api/discovery/v1/endpoint-slice.ts';
import { silentLogger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { inProcessClient } from '../client/in-process.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { ManualClock } from '../client/manual-clock.ts';
import { MemoryServer } from '../client/memory-server.ts';
import type { Proxier } from './proxier.ts';
import { startUserspaceProxier } from './userspace-proxier.ts';

const stops: AbortController[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

const slice = (ips: string[]): EndpointSlice =>
  ({
    metadata: { namespace: 'default', name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: ips.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
  }) as unknown as EndpointSlice;

interface Setup {
  client: Client;
  clock: ManualClock;
  proxier: Proxier;
  /** Addresses that were asked for, refused ones too. */
  asked: string[];
  stop: AbortController;
}

async function setUp({ refusals = 0 } = {}): Promise<Setup> {
  const server = new MemoryServer();
  const clock = new ManualClock();
  const client = inProcessClient({ handler: server.handler, user: { name: 'test', groups: [] }, userAgent: 'test' });
  const informers = createInformerFactory(client, { clock, log: silentLogger, random: realRandom });
  const stop = new AbortController();
  stops.push(stop);
  await client.create(services, {
    metadata: { namespace: 'default', name: 'web' },
    spec: { type: 'ClusterIP', clusterIP: '10.96.0.5', ports: [{ port: 80, protocol: 'TCP' }] },
  } as never);
  await client.create(endpointSlices, slice(['10.244.0.2', '10.244.0.3']));
  const asked: string[] = [];
  let left = refusals;
  const addAddress = (ip: string): Promise<void> => {
    asked.push(ip);
    return left-- > 0 ? Promise.reject(new Error('refused')) : Promise.resolve();
  };
  const { signal } = stop;
  const proxier = startUserspaceProxier({ informers, nodeName: 'n1', addAddress, clock, log: silentLogger, signal });
  informers.start(signal);
  await clock.run(10);
  await proxier.firstSync;
  return { client, clock, proxier, asked, stop };
}

/** Whether a promise has resolved, without waiting for it. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  let isResolved = false;
  void promise.then(() => (isResolved = true));
  for (let i = 0; i < 20; i++) await Promise.resolve();
  return isResolved;
}

describe('startUserspaceProxier()', () => {
  it('asks for each address once', async () => {
    const { client, clock, proxier, asked } = await setUp();
    await client.create(services, {
      metadata: { namespace: 'default', name: 'other' },
      spec: { type: 'ClusterIP', clusterIP: '10.96.0.6', ports: [{ port: 80 }, { port: 81, name: 'b' }] },
    } as never);
    await clock.run(500);
    expect(asked).toEqual(['10.96.0.5', '10.96.0.6']);
    expect(proxier.problem).toBeUndefined();
  });

  it('tells of an address that was refused, and asks again', async () => {
    const { clock, proxier, asked } = await setUp({ refusals: 1 });
    expect(proxier.problem).toBe('Error: refused');
    await clock.run(3000);
    expect(asked).toEqual(['10.96.0.5', '10.96.0.5']);
    expect(proxier.problem).toBeUndefined();
  });

  it('says when a pod gets no new connection any more', async () => {
    const { client, clock, proxier } = await setUp();
    await clock.run(100);
    expect(await isDone(proxier.syncedWithout('10.244.0.9'))).toBe(true);
    const without = proxier.syncedWithout('10.244.0.2');
    expect(await isDone(without)).toBe(false);
    const present = await client.get<EndpointSlice>(endpointSlices, { namespace: 'default', name: 'web-1' });
    await client.update(endpointSlices, { ...present, endpoints: slice(['10.244.0.3']).endpoints } as EndpointSlice);
    await clock.run(500);
    expect(await isDone(without)).toBe(true);
  });

  it('keeps nobody waiting when it ends', async () => {
    const { clock, proxier, stop } = await setUp();
    await clock.run(100);
    const without = proxier.syncedWithout('10.244.0.2');
    stop.abort();
    await clock.run(100);
    await proxier.stopped;
    await without;
  });
});
