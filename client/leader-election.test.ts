import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { leases } from '../api/coordination/v1/lease.ts';
import type { Lease } from '../api/coordination/v1/lease.ts';
import { serviceUnavailable } from '../api/machinery/errors.ts';
import { startTestServer, testAdmin } from '../apiserver/testing.ts';
import type { TestServer } from '../apiserver/testing.ts';
import { silentLogger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from './client.ts';
import { inProcessClient } from './in-process.ts';
import { runAsLeader } from './leader-election.ts';
import { ManualClock } from './manual-clock.ts';

const random: Random = { uuid: () => 'uuid', bytes: (size) => new Uint8Array(size), float: () => 0.5 };
let server: TestServer;
let client: Client;
let clock: ManualClock;
let lease: { namespace: string; name: string };
let round = 0;

beforeAll(async () => {
  server = await startTestServer();
  client = inProcessClient({ handler: server.api.handler, user: testAdmin, userAgent: 'test' });
});
afterAll(() => server.close());
beforeEach(() => {
  clock = new ManualClock();
  lease = { namespace: 'kube-system', name: `leader-${round++}` };
});

interface Candidate {
  isLeading: boolean;
  outcome: Promise<'stopped' | 'lost'>;
  stop(): void;
  /** The server cannot be reached from here any more; requests hang, or fail. */
  cutOff(how: 'hangs' | 'fails'): void;
  events: string[];
}

function candidate(identity: string): Candidate {
  const abort = new AbortController();
  let cut: 'hangs' | 'fails' | undefined;
  const own = inProcessClient({
    handler: (request) => {
      if (cut === 'hangs') return new Promise(() => undefined);
      return cut === 'fails' ? Promise.reject(serviceUnavailable('cut off')) : server.api.handler(request);
    },
    user: testAdmin,
    userAgent: identity,
  });
  const events: string[] = [];
  const result: Candidate = {
    isLeading: false,
    outcome: Promise.resolve('stopped'),
    stop: () => abort.abort(),
    cutOff: (how) => (cut = how),
    events,
  };
  const event = (_object: unknown, _type: string, _reason: string, message: string): void => void events.push(message);
  result.outcome = runAsLeader(
    {
      client: own,
      resource: leases,
      lease,
      identity,
      clock,
      random,
      log: silentLogger,
      events: { event },
      signal: abort.signal,
    },
    async (signal) => {
      result.isLeading = true;
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      result.isLeading = false;
    },
  );
  return result;
}

const spec = async (): Promise<Lease['spec']> => (await client.get<Lease>(leases, lease)).spec;

describe('runAsLeader()', () => {
  it('makes the lease, and renews it every two seconds', async () => {
    const a = candidate('a');
    await clock.run(0);
    expect(a.isLeading).toBe(true);
    const start = {
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      leaseTransitions: 0,
    };
    expect(await spec()).toMatchObject(start);
    await clock.run(7_000);
    expect(await spec()).toMatchObject({ ...start, renewTime: '2026-01-01T00:00:06.000000Z' });
    a.stop();
    await clock.run(0);
    expect([await a.outcome, a.isLeading, a.events]).toEqual([
      'stopped',
      false,
      ['a became leader', 'a stopped leading'],
    ]);
  });

  it('lets one lead, and the next at once when it stops [A46]', async () => {
    const a = candidate('a');
    await clock.run(0);
    const b = candidate('b');
    await clock.run(60_000);
    expect([a.isLeading, b.isLeading]).toEqual([true, false]);
    a.stop();
    await clock.run(0);
    expect((await spec())?.holderIdentity ?? '').toBe('');
    await clock.run(5_000);
    expect([a.isLeading, b.isLeading]).toEqual([false, true]);
    expect(await spec()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
    b.stop();
    await clock.run(0);
    await b.outcome;
  });

  it.each(['hangs', 'fails'] as const)('gives up before another can take over when the server %s', async (how) => {
    const a = candidate('a');
    await clock.run(0);
    const b = candidate('b');
    await clock.run(3_000);
    a.cutOff(how);
    let both = false;
    let lostAtMs = 0;
    const startMs = clock.now();
    while (!b.isLeading && clock.now() - startMs < 60_000) {
      await clock.run(100);
      both ||= a.isLeading && b.isLeading;
      if (!a.isLeading && lostAtMs === 0) lostAtMs = clock.now() - startMs;
    }
    expect([both, b.isLeading, await a.outcome]).toEqual([false, true, 'lost']);
    expect(lostAtMs).toBeLessThanOrEqual(12_000);
    b.stop();
    await clock.run(0);
    await b.outcome;
  });

  it('survives failures that are shorter than its deadline', async () => {
    const a = candidate('a');
    await clock.run(0);
    await client.patch(leases, lease, { type: 'merge', body: { metadata: { labels: { touched: 'yes' } } } });
    await clock.run(30_000);
    expect(a.isLeading).toBe(true);
    a.stop();
    await clock.run(0);
    await a.outcome;
  });

  it('stops a candidate that never led', async () => {
    const a = candidate('a');
    await clock.run(0);
    const b = candidate('b');
    await clock.run(1_000);
    b.stop();
    await clock.run(0);
    expect([await b.outcome, b.events]).toEqual(['stopped', []]);
    a.stop();
    await clock.run(0);
    await a.outcome;
  });

  it('rejects with what the leader’s work throws, having released the lease', async () => {
    const options = {
      client,
      resource: leases,
      lease,
      identity: 'a',
      clock,
      random,
      log: silentLogger,
      events: { event: () => undefined },
    };
    const leading = runAsLeader({ ...options, signal: new AbortController().signal }, () =>
      Promise.reject(new Error('broken')),
    );
    await Promise.all([expect(leading).rejects.toThrow('broken'), clock.run(1_000)]);
    expect((await spec())?.holderIdentity ?? '').toBe('');
    expect(clock.pending).toBe(0);
  });
});
