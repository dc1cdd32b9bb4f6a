/** What the tests of the runtime suite call: a driver with its image, and shapes of pods and containers. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { realClock } from '../base/clock.ts';
import type { ContainerConfig, ContainerInfo, PodSandboxConfig, RuntimeService } from './runtime.ts';

export interface RuntimeFixture {
  runtime: RuntimeService;
  /** Of an image with a shell and a web server on port 8080, its entrypoint. */
  imageId: string;
  /** Of the test's own; logs go there. */
  folder: string;
  /** Below which the driver makes cgroups, where it makes any. */
  cgroup?: string;
  /** Another instance over the same pods, as after a restart of the kubelet; undefined where nothing survives. */
  reopen?: () => Promise<RuntimeService>;
  /** Ends what the fixture started; the suite has removed its pods. */
  close(): Promise<void>;
}

/** What the tests call. */
export interface RuntimeBench {
  fixture(): RuntimeFixture;
  runtime(): RuntimeService;
  podConfig(name: string, linux?: Partial<PodSandboxConfig['linux']>): PodSandboxConfig;
  containerConfig(init?: Partial<ContainerConfig>): ContainerConfig;
  /** A pod with one container that was started; undone at the end. */
  startPod(name: string, init?: Partial<ContainerConfig>): Promise<{ sandbox: string; container: string }>;
  ended(container: string): Promise<ContainerInfo>;
  /** What the kernel holds a pod and its container to; undefined where there are no cgroups. */
  limitsOf(pod: string, container: string): { pod: CgroupLimits; container: CgroupLimits } | undefined;
}

export interface CgroupLimits {
  cpuQuotaUs: number;
  memoryLimitBytes: number;
}

const POLL_MS = 50;
const PATIENCE_MS = 30_000;

/** Calls `check` until it gives something. */
export async function until<T>(what: string, check: () => Promise<T | undefined>): Promise<T> {
  for (const endMs = realClock.monotonicMs() + PATIENCE_MS; realClock.monotonicMs() < endMs; await wait(POLL_MS)) {
    const found = await check();
    if (found !== undefined) return found;
  }
  throw new Error(`did not happen: ${what}`);
}

export function createBench(fixture: () => RuntimeFixture): RuntimeBench {
  const runtime = (): RuntimeService => fixture().runtime;
  const bench: RuntimeBench = {
    fixture,
    runtime,
    podConfig: (name, linux = {}) => ({
      metadata: { name, namespace: 'default', uid: `uid-${name}`, attempt: 0 },
      hostname: name,
      logDirectory: join(fixture().folder, 'logs', name),
      portMappings: [],
      labels: { app: name, 'io.kubernetes.pod.uid': `uid-${name}` },
      annotations: { 'example.org/note': 'kept' },
      linux: {
        cgroupParent: `burstable/poduid-${name}`,
        sysctls: {},
        network: 'pod',
        pid: 'container',
        ipc: 'pod',
        ...linux,
      },
    }),
    containerConfig: (init = {}) => ({
      metadata: { name: 'main', attempt: 0 },
      userSpecifiedImage: 'nocher.local/hello:1',
      imageId: fixture().imageId,
      command: [],
      args: [],
      workingDir: '',
      envs: [],
      mounts: [],
      labels: { 'io.kubernetes.container.name': 'main' },
      annotations: { 'example.org/hash': '1' },
      logPath: 'main/0.log',
      stdin: false,
      stdinOnce: false,
      tty: false,
      linux: { resources: {}, security: SECURITY },
      ...init,
    }),
    async startPod(name, init) {
      const config = bench.podConfig(name);
      const sandbox = await runtime().runPodSandbox(config);
      const container = await runtime().createContainer(sandbox, bench.containerConfig(init), config);
      await runtime().startContainer(container);
      return { sandbox, container };
    },
    ended: (container) =>
      until('the container ends', async () => {
        const status = await runtime().containerStatus(container);
        return status.state === 'exited' ? status : undefined;
      }),
    limitsOf(pod, container) {
      const { cgroup } = fixture();
      if (cgroup === undefined) return undefined;
      const path = join(cgroup, bench.podConfig(pod).linux.cgroupParent);
      return { pod: limitsAt(path), container: limitsAt(join(path, container)) };
    },
  };
  return bench;
}

function limitsAt(path: string): CgroupLimits {
  const isUnified = existsSync('/sys/fs/cgroup/cgroup.controllers');
  const read = (controller: string, legacy: string, unified: string): number => {
    const parts = isUnified ? [path, unified] : [controller, path, legacy];
    return Number.parseInt(readFileSync(join('/sys/fs/cgroup', ...parts), 'utf8'), 10);
  };
  return {
    cpuQuotaUs: read('cpu', 'cpu.cfs_quota_us', 'cpu.max'),
    memoryLimitBytes: read('memory', 'memory.limit_in_bytes', 'memory.max'),
  };
}

const SECURITY: ContainerConfig['linux']['security'] = {
  supplementalGroups: [],
  supplementalGroupsPolicy: 'Merge',
  privileged: false,
  readOnlyRootfs: false,
  noNewPrivs: true,
  addCapabilities: [],
  dropCapabilities: [],
  seccomp: { type: 'RuntimeDefault' },
  maskedPaths: ['/proc/kcore'],
  readOnlyPaths: ['/proc/sys'],
};
