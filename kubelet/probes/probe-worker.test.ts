import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Pod, Probe } from '../../api/core/v1/pod/types.ts';
import type { ContainerInfo } from '../runtime.ts';
import { createTestClock, POD_UID, testContainer, testPod } from '../testing.ts';
import type { TestClock } from '../testing.ts';
import { ProbeManager } from './probe-manager.ts';
import type { ProbeOutcome } from './probe-outcome.ts';
import { initialProbeState, nextProbeState } from './probe-state.ts';
import { StallMonitor } from './stall-monitor.ts';

describe('nextProbeState()', () => {
  const run = (type: 'startup' | 'readiness' | 'liveness', probe: Probe, results: ('success' | 'failure')[]) =>
    results.reduce((state, result) => nextProbeState(state, { type, probe, result }), initialProbeState(type, 'id'));

  it('fails after as many failures in a row as the threshold says', () => {
    expect(
      run('liveness', { failureThreshold: 3 }, ['failure', 'failure', 'success', 'failure', 'failure']).verdict,
    ).toBe('success');
    expect(run('liveness', { failureThreshold: 3 }, ['failure', 'failure', 'failure'])).toMatchObject({
      verdict: 'failure',
      onHold: true,
    });
    expect(run('readiness', { failureThreshold: 1 }, ['success', 'failure'])).toMatchObject({
      verdict: 'failure',
      onHold: false,
    });
  });

  it('succeeds after as many successes in a row as the threshold says', () => {
    expect(run('readiness', { successThreshold: 2 }, ['success']).verdict).toBe('failure');
    expect(run('readiness', { successThreshold: 2 }, ['success', 'success']).verdict).toBe('success');
  });
});

describe('ProbeManager', () => {
  let clock: TestClock;
  let container: ContainerInfo | undefined;
  let outcome: ProbeOutcome;
  let tries: string[];
  let events: string[];
  let changes: number;
  let manager: ProbeManager;
  let pod: Pod;

  const launch = (probes: object, status?: Pod['status']): void => {
    pod = {
      ...testPod({ containers: [{ name: 'web', image: 'nginx', ...probes }] }),
      ...(status === undefined ? {} : { status }),
    };
    manager = new ProbeManager({
      clock,
      stalls: new StallMonitor(clock),
      events: {
        normal: () => undefined,
        warning: (_pod, reason, message) => void events.push(`${reason}: ${message}`),
      },
      probe: (probe) => {
        tries.push(probe.exec?.command?.[0] ?? '');
        return Promise.resolve(outcome);
      },
      pod: () => pod,
      container: () => container,
      podIp: () => '10.244.0.5',
      onChange: () => void changes++,
    });
    manager.addPod(pod);
  };
  const probe = (name: string, rest: Probe = {}): Probe => ({
    exec: { command: [name] },
    periodSeconds: 10,
    failureThreshold: 1,
    ...rest,
  });
  const isReady = (): boolean => manager.readiness(pod).isReady(pod.spec.containers[0]!, container!.id);

  beforeEach(() => {
    clock = createTestClock();
    container = testContainer('web', { startedAtMs: clock.now() });
    outcome = { result: 'success', output: '' };
    tries = [];
    events = [];
    changes = 0;
  });

  it('is ready after the first success, which is tried at once', async () => {
    launch({ readinessProbe: probe('ready') });
    expect(isReady()).toBe(false);
    await clock.advance(0);
    expect(isReady()).toBe(true);
    expect(changes).toBe(1);
    outcome = { result: 'failure', output: 'HTTP probe failed with statuscode: 500' };
    await clock.advance(10_000);
    expect(isReady()).toBe(false);
    expect(events).toEqual(['Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 500']);
  });

  it('waits for the initial delay', async () => {
    launch({ livenessProbe: probe('live', { initialDelaySeconds: 7 }) });
    await clock.advance(6_900);
    expect(tries).toEqual([]);
    await clock.advance(200);
    expect(tries).toEqual(['live']);
  });

  it.each([3_600_000, -3_600_000])('waits for the initial delay when the wall clock jumps by %d ms', async (jumpMs) => {
    launch({ livenessProbe: probe('live', { initialDelaySeconds: 7 }) });
    await clock.advance(1_000);
    clock.jump(jumpMs);
    await clock.advance(5_900);
    expect(tries).toEqual([]);
    await clock.advance(200);
    expect(tries).toEqual(['live']);
    await clock.advance(20_000);
    expect(tries).toHaveLength(3);
  });

  it('holds the other probes back until the startup probe has succeeded, and then tries them at once', async () => {
    outcome = { result: 'failure', output: 'not yet' };
    launch({
      startupProbe: probe('start', { failureThreshold: 30, periodSeconds: 1 }),
      livenessProbe: probe('live'),
      readinessProbe: probe('ready'),
    });
    await clock.advance(3_500);
    expect(new Set(tries)).toEqual(new Set(['start']));
    expect(manager.readiness(pod).isStarted(pod.spec.containers[0]!, container!.id)).toBe(false);
    outcome = { result: 'success', output: '' };
    await clock.advance(600);
    expect(tries.slice(-2).sort()).toEqual(['live', 'ready']);
    tries = [];
    await clock.advance(20_000);
    expect(tries).not.toContain('start');
  });

  it('says that a container must be killed, and then leaves it alone until there is a new one', async () => {
    outcome = { result: 'failure', output: 'dead' };
    launch({ livenessProbe: probe('live') });
    await clock.advance(100);
    expect(manager.verdicts(pod).livenessFailed(container!.id)).toBe(true);
    tries = [];
    await clock.advance(30_000);
    expect(tries).toEqual([]);
    container = testContainer('web', { restartCount: 1, startedAtMs: clock.now() });
    outcome = { result: 'success', output: '' };
    manager.poke(POD_UID);
    await clock.advance(0);
    expect(tries).toEqual(['live']);
    expect(manager.verdicts(pod).livenessFailed(container.id)).toBe(false);
  });

  it('takes an error of its own for no answer', async () => {
    outcome = { result: 'error', output: 'port http not found' };
    launch({ livenessProbe: probe('live') });
    await clock.advance(60_000);
    expect(manager.verdicts(pod).livenessFailed(container!.id)).toBe(false);
    expect(events[0]).toBe('Unhealthy: Liveness probe errored and resulted in unknown state: port http not found');
  });

  it('keeps a container ready that was ready before the kubelet restarted', async () => {
    outcome = { result: 'failure', output: 'slow' };
    const recorded = {
      name: 'web',
      image: '',
      imageID: '',
      restartCount: 0,
      ready: true,
      started: true,
      containerID: `native://${container!.id}`,
      state: { running: {} },
    };
    launch({ readinessProbe: probe('ready', { failureThreshold: 3 }) }, { containerStatuses: [recorded] });
    await clock.advance(0);
    expect(isReady()).toBe(true);
  });

  it('probes only readiness while the pod terminates', async () => {
    launch({ livenessProbe: probe('live'), readinessProbe: probe('ready') });
    await clock.advance(0);
    pod = { ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    tries = [];
    await clock.advance(20_000);
    expect(new Set(tries)).toEqual(new Set(['ready']));
    manager.removePod(POD_UID);
    tries = [];
    await clock.advance(20_000);
    expect(tries).toEqual([]);
  });
});

describe('StallMonitor', () => {
  it('measures when the loop stood still', async () => {
    const clock = createTestClock();
    let stoodStillMs = 0;
    const monitor = new StallMonitor({ ...clock, monotonicMs: () => clock.monotonicMs() + stoodStillMs });
    const { stalledMs } = await monitor.during(async () => {
      await clock.advance(100);
      stoodStillMs = 1_000;
      await clock.advance(50);
      stoodStillMs = 1_950;
    });
    expect(stalledMs).toBe(1_900);
    expect(await monitor.during(() => clock.advance(500).then(() => 'done'))).toEqual({ result: 'done', stalledMs: 0 });
  });

  it('costs nothing while nothing is measured', async () => {
    const clock = createTestClock();
    let timers = 0;
    const setInterval: typeof clock.setInterval = (...args) => {
      const cancel = clock.setInterval(...args);
      timers++;
      return () => {
        timers--;
        cancel();
      };
    };
    const monitor = new StallMonitor({ ...clock, setInterval });
    expect(timers).toBe(0);
    const seen = await Promise.all([1, 2].map(() => monitor.during(() => Promise.resolve(timers))));
    expect(seen.map(({ result }) => result)).toEqual([1, 1]);
    await expect(monitor.during(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(timers).toBe(0);
  });
});
