/** What befalls a cluster in a run: drawn from the seed, or what is left of that while a failure is being shrunk. */
import { drawFaults } from './faults.ts';
import type { Fault } from './faults.ts';
import { streamOf } from './seeded-random.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { Action } from './workloads/action.ts';
import type { Workload } from './workloads/action.ts';
import { workloads } from './workloads/workloads.ts';

export interface Plan {
  seed: number;
  nodeCount: number;
  /** Of each node. A pod asks for one. */
  cpus: number;
  faults: readonly Fault[];
  actions: readonly Action[];
  /** From then on nothing befalls it any more. */
  calmMs: number;
  endMs: number;
}

/** Pods that all workloads together may have when nothing is lost, and what rolling updates add. */
const ROOM = 42;

/** How long all may take to come to rest: longer than any backoff that faults can have brought about. */
const REST_MS = 180_000;

/** Each seed has some of the workloads, unless they are named. */
export function drawPlan(seed: number, names?: readonly string[]): Plan {
  const random = streamOf(seed, 'plan');
  const nodeCount = 3 + random.below(3);
  const calmMs = 1000 * random.pick([120, 120, 240, 240, 500]);
  const chosen = names === undefined ? some(random) : workloads.filter(({ name }) => names.includes(name));
  const actions = chosen.flatMap((workload) => workload.draw(streamOf(seed, workload.name), calmMs));
  actions.sort((a, b) => a.atMs - b.atMs);
  const faults = drawFaults(streamOf(seed, 'faults'), { nodeCount, calmMs });
  return { seed, nodeCount, cpus: Math.ceil(ROOM / nodeCount), faults, actions, calmMs, endMs: calmMs + REST_MS };
}

const MOST = 3;

function some(random: SeededRandom): Workload[] {
  const left = [...workloads];
  return Array.from({ length: MOST }, () => left.splice(random.below(left.length), 1)[0]!);
}
