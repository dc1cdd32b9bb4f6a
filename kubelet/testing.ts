/** Pods and runtime objects for the kubelet's tests, and a clock that tests move. */
import type { Pod, PodSpec } from '../api/core/v1/pod/types.ts';
import type { Clock } from '../base/clock.ts';
import { containerHash } from './pods/container-kinds.ts';
import {
  CONTAINER_HASH_ANNOTATION,
  CONTAINER_NAME_LABEL,
  CONTAINER_RESTART_COUNT_ANNOTATION,
  POD_UID_LABEL,
} from './pods/labels.ts';
import { groupByPod } from './pods/runtime-pod.ts';
import type { RuntimePod } from './pods/runtime-pod.ts';
import type { ContainerInfo, PodSandbox } from './runtime.ts';

export const POD_UID = 'uid-1';

export function testPod(spec: Partial<PodSpec> = {}, metadata: Pod['metadata'] = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1', namespace: 'default', uid: POD_UID, ...metadata },
    spec: {
      restartPolicy: 'Always',
      nodeName: 'node-1',
      containers: [{ name: 'web', image: 'nginx' }],
      ...spec,
    } as PodSpec,
  };
}

export function testSandbox(overrides: Partial<PodSandbox> & { attempt?: number } = {}): PodSandbox {
  const { attempt = 0, ...rest } = overrides;
  return {
    id: `sandbox-${attempt}`,
    metadata: { name: 'web-1', namespace: 'default', uid: POD_UID, attempt },
    state: 'ready',
    createdAtMs: 1_000 + attempt,
    ips: ['10.244.0.5'],
    labels: {},
    annotations: {},
    ...rest,
  };
}

export function testContainer(
  name: string,
  overrides: Partial<ContainerInfo> & { restartCount?: number; image?: string } = {},
): ContainerInfo {
  const { restartCount = 0, image = 'nginx', ...rest } = overrides;
  return {
    id: `${name}-${restartCount}`,
    podSandboxId: 'sandbox-0',
    metadata: { name, attempt: restartCount },
    state: 'running',
    userSpecifiedImage: image,
    imageId: 'sha256:1',
    imageRef: 'docker.io/library/nginx@sha256:1',
    createdAtMs: 2_000 + restartCount,
    startedAtMs: 2_000 + restartCount,
    finishedAtMs: rest.state === 'exited' ? 3_000 : 0,
    exitCode: 0,
    signal: 0,
    reason: '',
    message: '',
    labels: { [POD_UID_LABEL]: POD_UID, [CONTAINER_NAME_LABEL]: name },
    annotations: {
      [CONTAINER_HASH_ANNOTATION]: containerHash({ name, image }),
      [CONTAINER_RESTART_COUNT_ANNOTATION]: String(restartCount),
    },
    logPath: `/logs/${name}/${restartCount}.log`,
    ...rest,
  };
}

export function testRuntimePod(sandboxes: PodSandbox[], containers: ContainerInfo[] = []): RuntimePod {
  return groupByPod(sandboxes, containers).get(POD_UID) ?? { uid: POD_UID, sandboxes: [], containers: [] };
}

export interface TestClock extends Clock {
  /** Moves time on, calling what is due, in order; lets promises settle in between. */
  advance(ms: number): Promise<void>;
  /** The wall clock is set by so much; no time passes. */
  jump(ms: number): void;
}

export function createTestClock(startMs = Date.UTC(2026, 0, 2, 3, 4, 5)): TestClock {
  let nowMs = startMs;
  let wallOffsetMs = 0;
  let next = 0;
  const timers = new Map<number, { atMs: number; callback: () => void; periodMs?: number }>();
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  const add = (callback: () => void, delayMs: number, periodMs?: number): (() => void) => {
    const id = next++;
    timers.set(id, { atMs: nowMs + delayMs, callback, ...(periodMs === undefined ? {} : { periodMs }) });
    return () => timers.delete(id);
  };
  return {
    now: () => nowMs + wallOffsetMs,
    monotonicMs: () => nowMs,
    setTimeout: (callback, delayMs) => add(callback, delayMs),
    setInterval: (callback, periodMs) => add(callback, periodMs, periodMs),
    jump: (ms) => void (wallOffsetMs += ms),
    async advance(ms) {
      const endMs = nowMs + ms;
      await settle();
      for (;;) {
        const due = [...timers]
          .filter(([, { atMs }]) => atMs <= endMs)
          .sort(([a, x], [b, y]) => x.atMs - y.atMs || a - b)[0];
        if (due === undefined) break;
        const [id, timer] = due;
        nowMs = Math.max(nowMs, timer.atMs);
        if (timer.periodMs === undefined) timers.delete(id);
        else timer.atMs += timer.periodMs;
        timer.callback();
        await settle();
      }
      nowMs = endMs;
      await settle();
    },
  };
}
