import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Pod } from '../../api/core/v1/pod/types.ts';
import { silentLogger } from '../../base/log.ts';
import type { RuntimeService } from '../runtime.ts';
import { createTestClock, testContainer, testPod, testRuntimePod, testSandbox } from '../testing.ts';
import type { TestClock } from '../testing.ts';
import { PodKiller } from './pod-killer.ts';

describe('PodKiller', () => {
  let clock: TestClock;
  let steps: string[];
  /** How long a container takes to end after its signal. */
  let endsAfterMs: number;
  let announce: (podIp: string) => Promise<void>;

  beforeEach(() => {
    clock = createTestClock();
    steps = [];
    endsAfterMs = 0;
    announce = () => Promise.resolve();
  });

  const killer = (): PodKiller => {
    const startMs = clock.now();
    const note = (text: string): void => void steps.push(`${(clock.now() - startMs) / 1000}s ${text}`);
    const runtime = {
      stopContainer: async (id: string, seconds: number) => {
        note(`stop ${id} ${seconds}`);
        await new Promise<void>((resolve) => clock.setTimeout(resolve, Math.min(endsAfterMs, seconds * 1000)));
      },
      stopPodSandbox: (id: string) => Promise.resolve(note(`stop ${id}`)),
      execSync: async (id: string, command: string[]) => {
        note(`exec ${id} ${command.join(' ')}`);
        await new Promise<void>((resolve) => clock.setTimeout(resolve, Number(command[1]) * 1000));
        return { exitCode: 0, stdout: new Uint8Array(), stderr: new Uint8Array() };
      },
    } as unknown as RuntimeService;
    return new PodKiller({
      runtime,
      clock,
      log: silentLogger,
      events: {
        normal: (_pod, reason, message) => note(`${reason}: ${message}`),
        warning: (_pod, reason) => note(reason),
      },
      beforeStop: (podIp) => {
        note(`announce ${podIp}`);
        return announce(podIp);
      },
    });
  };
  const kill = (
    of: PodKiller,
    pod: Pod,
    names: string[],
    graceSeconds: number,
    signal = new AbortController().signal,
  ) =>
    of.killPod(
      pod,
      testRuntimePod(
        [testSandbox()],
        names.map((name) => testContainer(name)),
      ),
      { graceSeconds, reason: 'deleted', signal },
    );
  const preStop = (seconds: number) => ({ lifecycle: { preStop: { exec: { command: ['sleep', String(seconds)] } } } });
  const web = (extra: object = {}): Pod => testPod({ containers: [{ name: 'web', image: 'nginx', ...extra }] });

  it('takes the pod out of Services, stops its containers, and then the sandbox', async () => {
    endsAfterMs = 1_000;
    const killing = kill(killer(), web(), ['web'], 30);
    await clock.advance(60_000);
    await killing;
    expect(steps).toEqual([
      '0s announce 10.244.0.5',
      '0s Killing: Stopping container web',
      '0s stop web-0 30',
      '1s stop sandbox-0',
    ]);
  });

  it('waits at most two seconds for the announcement', async () => {
    announce = () => new Promise(() => undefined);
    const killing = kill(killer(), web(), ['web'], 30);
    await clock.advance(60_000);
    await killing;
    expect(steps).toContain('2s stop web-0 28');
  });

  it('counts what preStop takes, and never waits for it beyond the grace', async () => {
    const short = kill(killer(), web(preStop(3)), ['web'], 30);
    await clock.advance(60_000);
    await short;
    expect(steps).toEqual(expect.arrayContaining(['0s exec web-0 sleep 3', '3s stop web-0 27']));
    steps = [];
    const long = kill(killer(), web(preStop(100)), ['web'], 10);
    await clock.advance(60_000);
    await long;
    expect(steps).toContain('10s stop web-0 2');
  });

  it('neither announces nor runs preStop when there is no grace at all', async () => {
    const killing = kill(killer(), web(preStop(3)), ['web'], 0);
    await clock.advance(10);
    await killing;
    expect(steps).toContain('0s stop web-0 0');
    expect(steps.some((step) => step.includes('exec'))).toBe(false);
  });

  const sidecar = (name: string, extra: object = {}) => ({ name, image: 'nginx', restartPolicy: 'Always', ...extra });

  it('stops sidecars after the others, the last first, within the same grace', async () => {
    endsAfterMs = 4_000;
    const pod = testPod({ initContainers: [sidecar('a'), sidecar('b')] });
    const killing = kill(killer(), pod, ['web', 'a', 'b'], 10);
    await clock.advance(60_000);
    await killing;
    expect(steps.filter((step) => step.includes(' stop '))).toEqual([
      '0s stop web-0 10',
      '4s stop b-0 6',
      '8s stop a-0 2',
      '10s stop sandbox-0',
    ]);
  });

  it('runs preStop of sidecars at once, and lets them end when the others have used up the grace', async () => {
    endsAfterMs = 60_000;
    const pod = testPod({ initContainers: [sidecar('a', preStop(3)), sidecar('b')] });
    const killing = kill(killer(), pod, ['web', 'a', 'b'], 10);
    await clock.advance(60_000);
    await killing;
    expect(steps).toContain('0s exec a-0 sleep 3');
    expect(steps.filter((step) => step.includes(' stop ')).sort()).toEqual([
      '0s stop web-0 10',
      '10s stop a-0 2',
      '10s stop b-0 2',
      '12s stop sandbox-0',
    ]);
  });

  it('gives sidecars no more than the pod has when it is deleted by force', async () => {
    endsAfterMs = 60_000;
    const killing = kill(killer(), testPod({ initContainers: [sidecar('a')] }), ['web', 'a'], 1);
    await clock.advance(60_000);
    await killing;
    expect(steps.filter((step) => step.includes(' stop '))).toEqual([
      '0s stop web-0 1',
      '1s stop a-0 1',
      '2s stop sandbox-0',
    ]);
  });

  it('can be begun again with a shorter grace, without running preStop twice', async () => {
    const of = killer();
    const pod = web(preStop(20));
    const first = new AbortController();
    const slow = kill(of, pod, ['web'], 30, first.signal);
    await clock.advance(1_000);
    first.abort(new Error('shorter'));
    await expect(slow).rejects.toThrow('shorter');
    const quick = kill(of, pod, ['web'], 1);
    await clock.advance(60_000);
    await quick;
    expect(steps.filter((step) => step.includes('exec'))).toHaveLength(1);
    expect(steps).toContain('2s stop web-0 1');
  });
});
