import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ManualClock } from '../../client/manual-clock.ts';
import { eventually } from '../testing.ts';
import { tryTarget } from './check-request.ts';
import { CheckRunner } from './check-runner.ts';
import type { Target } from './check-target.ts';

describe('a try of a check', () => {
  let server: Server;
  let port: number;
  let sentBytes = 0;
  beforeAll(async () => {
    server = createServer((request, response) => {
      const path = request.url!;
      if (path === '/hangs') return;
      if (path === '/moved') response.writeHead(302, { location: 'http://127.0.0.1:1/' });
      else if (path === '/broken') response.writeHead(500);
      if (path !== '/endless') return void response.end(`version: 2, host ${request.headers.host}`);
      const more = (): void => {
        sentBytes += 65_536;
        if (!response.destroyed) response.write('a'.repeat(65_536), () => setImmediate(more));
      };
      more();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const target = (path: string, changes: Partial<Target> = {}): Target => ({
    protocol: 'http',
    address: '127.0.0.1',
    port,
    path,
    host: 'web',
    ...changes,
  });
  const signal = new AbortController().signal;

  it('judges status and body, and says what host it asks for', async () => {
    expect(await tryTarget(target('/'), {}, signal)).toEqual({
      ok: true,
      message: 'http://web/ answered with status 200',
    });
    expect(await tryTarget(target('/'), { bodyPattern: '^version: [0-9]+, host web$' }, signal)).toMatchObject({
      ok: true,
    });
    expect(await tryTarget(target('/'), { bodyPattern: 'version: 3' }, signal)).toMatchObject({ ok: false });
    expect(await tryTarget(target('/'), { expectedStatus: 201 }, signal)).toMatchObject({ ok: false });
    expect(await tryTarget(target('/broken'), {}, signal)).toMatchObject({ ok: false });
  });

  it('does not follow redirects', async () => {
    expect(await tryTarget(target('/moved'), { expectedStatus: 302 }, signal)).toMatchObject({ ok: true });
  });

  it('reads no more than it judges', async () => {
    expect(await tryTarget(target('/endless'), { bodyPattern: 'b' }, signal)).toMatchObject({ ok: false });
    expect(sentBytes).toBeLessThan(16 << 20);
  });

  it('fails for a path that cannot be sent, a port where nobody listens, and a pattern that is none', async () => {
    expect(await tryTarget(target('/\r\nx: y'), {}, signal)).toMatchObject({ ok: false });
    expect(await tryTarget(target('/', { port: 1 }), {}, signal)).toMatchObject({ ok: false });
    expect(await tryTarget(target('/', { port: 1, protocol: 'tcp' }), {}, signal)).toMatchObject({ ok: false });
    expect(await tryTarget(target('/'), { bodyPattern: '(' }, signal)).toMatchObject({ ok: false });
    expect(await tryTarget(target('/', { protocol: 'tcp' }), {}, signal)).toMatchObject({ ok: true });
  });

  it('ends when its time is over, and is made once at a time', async () => {
    const clock = new ManualClock();
    const runner = new CheckRunner(clock);
    const one = {
      owner: 'a',
      name: 'slow',
      when: 'x',
      targets: [target('/hangs')],
      expected: {},
      timeoutSeconds: 3600,
    };
    expect([runner.begin(one, signal), runner.begin(one, signal)]).toEqual([true, true]);
    clock.advance(60_000);
    const results = await eventually(async () => (runner.results('a').length > 0 ? runner.results('a') : undefined));
    expect(results).toEqual([{ name: 'slow', when: 'x', ok: false, message: `127.0.0.1:${port}: no answer in time` }]);
    runner.forget('a', results);
    expect(runner.results('a')).toEqual([]);
  });

  it('waits for its turn when there are many', () => {
    const abort = new AbortController();
    const runner = new CheckRunner(new ManualClock());
    const begin = (name: string): boolean =>
      runner.begin(
        { owner: 'a', name, when: 'x', targets: [target('/hangs')], expected: {}, timeoutSeconds: 1 },
        abort.signal,
      );
    const begun = Array.from({ length: 20 }, (_, index) => begin(`check-${index}`));
    expect(begun.filter(Boolean)).toHaveLength(16);
    abort.abort();
  });
});
