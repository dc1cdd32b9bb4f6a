/** A kubelet that stands still restarts nothing and takes nothing out of service. Needs root. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from '../../api/core/v1/pod.ts';
import { NodeProcess } from './node-process.ts';
import { isReady, podOf, PODS, simplePod } from './pod-life.ts';

const suite = process.getuid?.() === 0 ? describe : describe.skip;

const STALL_MS = 2_500;
/** Once it goes on, a probe that is due begins at once, takes half a second, and comes again a second later. */
const BETWEEN_MS = 1_750;
const STALLS = 3;

/** Answers late, so that a probe is nearly always under way. */
const SLOW_SERVER = `require('http').createServer((_, answer) => setTimeout(() => answer.end(), 500)).listen(8099, '127.0.0.1')`;

suite('a kubelet that stands still', () => {
  let node: NodeProcess;
  let slowServer: ChildProcess;

  beforeAll(async () => {
    node = await NodeProcess.prepare();
    slowServer = node.spawn(process.execPath, '-e', SLOW_SERVER);
    await node.start();
  }, 60_000);
  afterAll(async () => {
    slowServer.kill();
    await node.close();
  }, 30_000);

  it('holds nothing against probes that were under way, of whichever kind', async () => {
    const of = (action: object): object => ({
      ...action,
      periodSeconds: 1,
      timeoutSeconds: 1,
      failureThreshold: 1,
    });
    const http = { httpGet: { host: '127.0.0.1', port: 8099 } };
    const exec = { exec: { command: ['sleep', '0.5'] } };
    const tcp = { tcpSocket: { host: '127.0.0.1', port: 8099 } };
    const { spec } = simplePod('probed') as { spec: { containers: object[] } };
    const containers = [http, exec, tcp].map((action, i) => ({
      ...spec.containers[0],
      name: `c${i}`,
      livenessProbe: of(action),
      readinessProbe: of(action),
    }));
    await node.server.call('POST', PODS, simplePod('probed', { containers }));
    let before: Pod | undefined;
    const endMs = Date.now() + 10_000;
    while (!isReady(before)) {
      if (Date.now() > endMs) throw new Error(`never ready: ${JSON.stringify(before?.status)}\n${node.printed}`);
      await sleep(50);
      before = await podOf(node, 'probed');
    }
    const watching = new AbortController();
    const changes = await node.server.watch(
      `${PODS}?watch=1&resourceVersion=${before!.metadata.resourceVersion}`,
      watching.signal,
    );
    const changed = changes.next().then(({ value }) => (value as { object: Pod } | undefined)?.object.status);
    for (let stall = 0; stall < STALLS; stall++) {
      // With what it asks, so that there is no answer when it goes on; as when the whole machine stands still.
      for (const pid of [node.pid, slowServer.pid!]) process.kill(pid, 'SIGSTOP');
      await sleep(STALL_MS);
      for (const pid of [node.pid, slowServer.pid!]) process.kill(pid, 'SIGCONT');
      await sleep(BETWEEN_MS);
    }
    expect(await Promise.race([changed, sleep(0, 'no change')])).toBe('no change');
    // What does fail is still noticed.
    slowServer.kill();
    expect((await changed)?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('False');
    watching.abort();
  }, 60_000);
});
