import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
import type { NftRunner } from './nft.ts';
import { removeRules, startProxier } from './proxier.ts';
import type { Proxier } from './proxier.ts';

const stops: AbortController[] = [];
const closers: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
  for (const close of closers.splice(0)) close();
});

/** Takes every script, unless it is to fail. */
class FakeNft implements NftRunner {
  readonly scripts: string[] = [];
  failures = 0;
  hasTable = false;
  /** What scripts wait for. */
  hold: Promise<void> = Promise.resolve();

  async apply(script: string): Promise<void> {
    if (this.failures > 0) {
      this.failures--;
      throw new Error('refused');
    }
    this.scripts.push(script);
    this.hasTable = true;
    await this.hold;
  }

  chain(): Promise<string | undefined> {
    return Promise.resolve(this.hasTable ? 'chain prerouting { jump services }' : undefined);
  }

  listChains(): Promise<unknown> {
    return Promise.resolve({});
  }
}

interface Setup {
  client: Client;
  clock: ManualClock;
  nft: FakeNft;
  proxier: Proxier;
  stop: AbortController;
}

interface SetupOptions {
  /** How many Services there are besides, each with a UDP port. */
  udpServices?: number;
  commandPrefix?: readonly string[];
}

async function setUp({ udpServices = 0, ...options }: SetupOptions = {}): Promise<Setup> {
  const server = new MemoryServer();
  const clock = new ManualClock();
  const client = inProcessClient({ handler: server.handler, user: { name: 'test', groups: [] }, userAgent: 'test' });
  const informers = createInformerFactory(client, { clock, log: silentLogger, random: realRandom });
  const nft = new FakeNft();
  const stop = new AbortController();
  stops.push(stop);
  await client.create(services, {
    metadata: { namespace: 'default', name: 'web' },
    spec: { type: 'ClusterIP', clusterIP: '10.96.0.5', ports: [{ port: 80, protocol: 'TCP' }] },
  } as never);
  await client.create(endpointSlices, slice(['10.244.0.2', '10.244.0.3']));
  for (let i = 0; i < udpServices; i++) {
    const name = `udp-${i}`;
    const spec = { type: 'ClusterIP', clusterIP: `10.96.1.${i}`, ports: [{ port: 53, protocol: 'UDP' }] };
    await client.create(services, { metadata: { namespace: 'default', name }, spec } as never);
    const metadata = { namespace: 'default', name, labels: { 'kubernetes.io/service-name': name } };
    const ports = [{ name: '', port: 53, protocol: 'UDP' }];
    await client.create(endpointSlices, { ...slice(['10.244.0.2']), metadata, ports });
  }
  const rules = { clusterId: 'ab12', clusterCidr: '10.244.0.0/16', podCidr: '10.244.0.0/24', bridge: 'br0' };
  const proxier = startProxier({
    informers,
    nodeName: 'n1',
    rules,
    clock,
    log: silentLogger,
    nft,
    signal: stop.signal,
    ...options,
  });
  informers.start(stop.signal);
  await clock.run(10);
  await proxier.firstSync;
  await clock.run(100);
  return { client, clock, nft, proxier, stop };
}

function slice(ready: string[], terminating: string[] = []): EndpointSlice {
  const endpoint = (ip: string, isReady: boolean): object => ({
    addresses: [ip],
    conditions: { ready: isReady, serving: true, terminating: !isReady },
  });
  return {
    metadata: { namespace: 'default', name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: [...ready.map((ip) => endpoint(ip, true)), ...terminating.map((ip) => endpoint(ip, false))],
  } as unknown as EndpointSlice;
}

async function change(client: Client, next: EndpointSlice): Promise<void> {
  const present = await client.get<EndpointSlice>(endpointSlices, { namespace: 'default', name: 'web-1' });
  await client.update(endpointSlices, { ...next, metadata: present.metadata });
}

describe('startProxier()', () => {
  it('writes everything once, and then what changed, gathered', async () => {
    const { client, clock, nft } = await setUp();
    expect(nft.scripts).toHaveLength(1);
    expect(nft.scripts[0]).toContain('delete table ip nocher-ab12');
    await change(client, slice(['10.244.0.2']));
    await change(client, slice(['10.244.0.2', '10.244.0.4']));
    await clock.run(30);
    expect(nft.scripts).toHaveLength(1);
    await clock.run(40);
    expect(nft.scripts).toHaveLength(2);
    expect(nft.scripts[1]).toContain('dnat to 10.244.0.4:8080');
    expect(nft.scripts[1]).not.toContain('delete table');
  });

  it('tells when a pod is out of the rules', async () => {
    const { client, clock, proxier, stop } = await setUp();
    const done: string[] = [];
    void proxier.syncedWithout('10.244.0.9').then(() => done.push('stranger'));
    void proxier.syncedWithout('10.244.0.2').then(() => done.push('first'));
    const second = proxier.syncedWithout('10.244.0.3').then(() => done.push('second'));
    await clock.run(1000);
    expect(done).toEqual(['stranger']);
    await change(client, slice(['10.244.0.3'], ['10.244.0.2']));
    await clock.run(100);
    // What was on its way is still answered.
    expect(done).toEqual(['stranger']);
    await clock.run(200);
    expect(done).toEqual(['stranger', 'first']);
    stop.abort();
    await proxier.stopped;
    await second;
    expect(done).toEqual(['stranger', 'first', 'second']);
  });

  it('keeps a pod waiting that is ready but not in the rules yet', async () => {
    const { client, clock, nft, proxier } = await setUp();
    let isDone = false;
    await change(client, slice(['10.244.0.2', '10.244.0.3', '10.244.0.4']));
    await clock.run(10);
    void proxier.syncedWithout('10.244.0.4').then(() => (isDone = true));
    await clock.run(500);
    expect(nft.scripts.at(-1)).toContain('dnat to 10.244.0.4:8080');
    expect(isDone).toBe(false);
    await change(client, slice(['10.244.0.2', '10.244.0.3'], ['10.244.0.4']));
    await clock.run(500);
    expect(isDone).toBe(true);
  });

  it('keeps a pod waiting that the transaction on its way puts in', async () => {
    const { client, clock, nft, proxier } = await setUp();
    let finish: () => void = () => undefined;
    nft.hold = new Promise((resolve) => (finish = resolve));
    await change(client, slice(['10.244.0.2', '10.244.0.4']));
    await clock.run(100);
    await change(client, slice(['10.244.0.2'], ['10.244.0.4']));
    await clock.run(10);
    let isDone = false;
    void proxier.syncedWithout('10.244.0.4').then(() => (isDone = true));
    await clock.run(500);
    expect(isDone).toBe(false);
    finish();
    await clock.run(500);
    expect(isDone).toBe(true);
  });

  it('does not keep the last pod of a Service waiting, which stays in the rules', async () => {
    const { client, clock, nft, proxier } = await setUp();
    await change(client, slice([], ['10.244.0.2']));
    let isDone = false;
    void proxier.syncedWithout('10.244.0.2').then(() => (isDone = true));
    await clock.run(500);
    expect(isDone).toBe(true);
    expect(nft.scripts.at(-1)).not.toContain('reject');
  });

  it('forgets all stale UDP flows, though not all at once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'proxier-'));
    closers.push(() => rmSync(folder, { recursive: true }));
    const log = join(folder, 'commands');
    const commandPrefix = ['sh', '-c', `echo "$@" >> ${log}`, 'sh'];
    const commands = (): string[] => readFileSync(log, 'utf8').trim().split('\n');
    await setUp({ udpServices: 70, commandPrefix });
    while (commands().length < 70) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(commands()[69]).toMatch(/^conntrack -D -p udp --orig-dst 10\.96\.1\.\d+ --orig-port-dst 53$/);
    expect(new Set(commands()).size).toBe(70);
  });

  it('writes everything again after a failure', async () => {
    const { client, clock, nft } = await setUp();
    nft.failures = 2;
    await change(client, slice(['10.244.0.7']));
    await clock.run(5000);
    expect(nft.scripts).toHaveLength(2);
    expect(nft.scripts[1]).toContain('delete table ip nocher-ab12');
    expect(nft.scripts[1]).toContain('dnat to 10.244.0.7:8080');
  });

  it('notices within ten seconds that its table is gone', async () => {
    const { clock, nft } = await setUp();
    await clock.run(10_100);
    expect(nft.scripts).toHaveLength(1);
    nft.hasTable = false;
    await clock.run(10_100);
    expect(nft.scripts).toHaveLength(2);
    expect(nft.scripts[1]).toBe(nft.scripts[0]);
  });

  it('leaves the rules when it stops; removeRules() takes them out', async () => {
    const { nft, proxier, stop } = await setUp();
    stop.abort();
    await proxier.stopped;
    expect(nft.scripts).toHaveLength(1);
    await removeRules(nft, 'ab12');
    expect(nft.scripts.slice(1)).toEqual([
      'add table ip nocher-ab12\ndelete table ip nocher-ab12\n',
      'add table bridge nocher-ab12\ndelete table bridge nocher-ab12\n',
    ]);
  });
});
