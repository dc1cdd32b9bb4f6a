/** From the fork of `nocher up` to an API that answers, and what the idle cluster costs. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchLine } from './bench-line.ts';
import { cpuMs, ownMemoryMb, startBenchCluster } from './cluster-process.ts';
import { firstPod } from './first-pod.ts';

const IDLE_SECONDS = 15;

export async function run(): Promise<BenchLine[]> {
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const cluster = await startBenchCluster(['--runtime', 'none']);
    times.push(cluster.readyAfterMs);
    await cluster.stop();
  }
  times.sort((a, b) => a - b);
  const pod = await firstPod();
  const cluster = await startBenchCluster(['--runtime', 'simulated']);
  const pid = cluster.child.pid!;
  await sleep(3_000);
  const before = cpuMs(pid);
  await sleep(IDLE_SECONDS * 1000);
  const idle = (cpuMs(pid) - before) / (IDLE_SECONDS * 10);
  const memory = ownMemoryMb(pid);
  await cluster.stop();
  const median = times[2]!;
  return [
    {
      scenario: 'startup',
      what: 'from fork to API ready (control plane), median of 5',
      value: median,
      unit: 'ms',
      target: '≤ 1,000',
      ok: median <= 1_000,
    },
    ...pod,
    {
      scenario: 'startup',
      what: 'own memory, idle, simulated node',
      value: memory,
      unit: 'MB',
      target: '≤ 200',
      ok: memory <= 200,
    },
    { scenario: 'startup', what: 'idle CPU', value: idle, unit: '% of a core', target: '≤ 2', ok: idle <= 2 },
  ];
}
