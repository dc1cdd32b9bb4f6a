import { describe, expect, it } from '@jest/globals';
import { events } from '../../api/core/v1/event.ts';
import { configMaps } from '../../api/core/v1/config-map.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import { ManualClock } from '../../client/manual-clock.ts';
import { startTestServer } from '../testing.ts';
import type { AdmissionAttributes } from './admission.ts';
import type { EventRateLimit } from './event-rate-limit.ts';
import { eventRateLimit } from './event-rate-limit.ts';

function setUp(...limits: EventRateLimit[]) {
  const clock = new ManualClock();
  const plugin = eventRateLimit(limits, clock);
  const send = (more: Partial<AdmissionAttributes> = {}): string => {
    const attributes: AdmissionAttributes = {
      operation: 'CREATE',
      resource: events as unknown as Resource,
      subresource: '',
      namespace: 'a',
      name: 'e',
      object: { metadata: {} },
      oldObject: undefined,
      user: { name: 'jane', groups: [] },
      dryRun: false,
      warn: () => undefined,
      ...more,
    };
    try {
      void plugin.validate!(attributes);
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  return { clock, send };
}

describe('eventRateLimit()', () => {
  it('lets a burst through, and then so many a second', () => {
    const { clock, send } = setUp({ type: 'Server', qps: 2, burst: 3 });
    expect([send(), send(), send()]).toEqual(['', '', '']);
    expect(send()).toBe('limit reached on type Server for key ');
    clock.advance(500);
    expect([send(), send()]).toEqual(['', 'limit reached on type Server for key ']);
    clock.advance(60_000);
    expect([send(), send(), send(), send() === '']).toEqual(['', '', '', false]);
  });

  it('counts namespaces, users and sources apart', () => {
    const { send } = setUp({ type: 'Namespace', qps: 1, burst: 2 }, { type: 'User', qps: 1, burst: 3 });
    expect([send(), send(), send()]).toEqual(['', '', 'limit reached on type Namespace for key a']);
    expect(send({ namespace: 'b' })).toBe('limit reached on type User for key jane');
    expect(send({ namespace: 'b', user: { name: 'joe', groups: [] } })).toBe('');
    const { send: sendOf } = setUp({ type: 'SourceAndObject', qps: 1, burst: 1 });
    const of = (name: string): Partial<AdmissionAttributes> => ({
      object: { metadata: {}, source: { component: 'c' }, involvedObject: { kind: 'Pod', name } } as never,
    });
    expect([sendOf(of('x')), sendOf(of('y')), sendOf(of('x'))]).toEqual([
      '',
      '',
      'limit reached on type SourceAndObject for key cPodx',
    ]);
  });

  it('forgets whom it has not seen for longest', () => {
    const { send } = setUp({ type: 'Namespace', qps: 0, burst: 1, cacheSize: 2 });
    expect([send({ namespace: 'a' }), send({ namespace: 'b' }), send({ namespace: 'c' })]).toEqual(['', '', '']);
    expect(send({ namespace: 'c' })).not.toBe('');
    expect(send({ namespace: 'a' })).toBe('');
  });

  it('leaves other kinds, dry runs and deletions alone', () => {
    const { send } = setUp({ type: 'Server', qps: 0, burst: 0 });
    expect(send({ dryRun: true })).toBe('');
    expect(send({ operation: 'DELETE' })).toBe('');
    expect(send({ resource: configMaps as unknown as Resource })).toBe('');
    expect(send({ operation: 'UPDATE' })).not.toBe('');
  });
});

it('is switched on by an option of the server', async () => {
  const server = await startTestServer({ eventRateLimits: [{ type: 'Namespace', qps: 0, burst: 1 }] });
  try {
    const url = '/api/v1/namespaces/default/events';
    const body = (name: string): object => ({ metadata: { name }, involvedObject: { namespace: 'default' } });
    expect((await server.send('POST', url, { body: body('a') })).status).toBe(201);
    expect(await server.send('POST', url, { body: body('b') })).toMatchObject({
      status: 429,
      body: { reason: 'TooManyRequests', message: 'limit reached on type Namespace for key default' },
    });
  } finally {
    await server.close();
  }
});
