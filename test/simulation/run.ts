/** One run: a plan carried out, and every invariant checked at every step. */
import type { Logger } from '../../base/log.ts';
import { Cluster } from './cluster.ts';
import { bringAbout } from './faults.ts';
import { invariants } from './invariants/invariants.ts';
import type { Violation } from './invariants/invariant.ts';
import type { Mutant } from './mutant.ts';
import type { Plan } from './plan.ts';

export interface Outcome {
  /** Of all that was stored: two runs of one plan have the same. */
  digest: string;
  violations: Violation[];
}

export interface RunOptions {
  mutant?: Mutant;
  log?: Logger;
  /** Called with what happens, for a reader. */
  tell?(text: string): void;
}

/** After so many the run is ended: the first ones tell it. */
const MAX_VIOLATIONS = 5;

export async function run(plan: Plan, { mutant, log, tell }: RunOptions = {}): Promise<Outcome> {
  const { seed, nodeCount, cpus } = plan;
  const undo = mutant?.plant?.();
  const cluster = new Cluster({ seed, nodeCount, cpus, mutant, ...(log && { log }) });
  const violations: Violation[] = [];
  const say = (text: string): void => tell?.(`${(cluster.time.elapsedMs / 1000).toFixed(3)} ${text}`);
  const checks = invariants.map((invariant) =>
    invariant({
      cluster,
      plan,
      violated(what) {
        say(`VIOLATED ${what}`);
        violations.push({ atMs: cluster.time.elapsedMs, what });
      },
    }),
  );
  let machines = 0;
  const look = (): void => {
    for (const change of cluster.takeChanges()) {
      if (tell !== undefined) say(describe(change));
      for (const check of checks) check.onChange?.(change);
    }
    for (const check of checks) check.onStep?.();
    if (cluster.machinesVersion() === machines) return;
    machines = cluster.machinesVersion();
    for (const check of checks) check.onMachines?.();
  };
  try {
    await cluster.start();
    schedule(plan, cluster, say);
    for (let endMs = 0; endMs < plan.endMs && violations.length < MAX_VIOLATIONS; endMs += SLICE_MS) {
      const limit = { endMs: Math.min(endMs + SLICE_MS, plan.endMs), maxSteps: MAX_SLICE_STEPS };
      cluster.writes.clear();
      const isDone = await cluster.time.runUntil(limit, look);
      const [writer, count] = busiest(cluster);
      if (isDone && count <= MAX_SLICE_WRITES) continue;
      violations.push({ atMs: cluster.time.elapsedMs, what: `something spins: ${writer} wrote ${count} times` });
      break;
    }
    if (violations.length === 0) for (const check of checks) check.atRest?.();
    return { digest: cluster.storage.digest(), violations };
  } finally {
    await cluster.close();
    undo?.();
  }
}

const SLICE_MS = 5_000;
/** Several times what the busiest slices of runs without a bug have. */
const MAX_SLICE_STEPS = 5_000;
/** As three workloads are repaired at once, after minutes of a bad network, one controller writes 125 times. */
const MAX_SLICE_WRITES = 130;

/** The component that has written most. */
function busiest({ writes }: Cluster): [string, number] {
  return [...writes].reduce((most, one) => (one[1] > most[1] ? one : most), ['nobody', 0]);
}

function schedule({ faults, actions }: Plan, cluster: Cluster, say: (text: string) => void): void {
  const { time } = cluster;
  for (const fault of faults) {
    time.setTimeout(() => {
      say(`FAULT ${JSON.stringify(fault)}`);
      bringAbout(fault, cluster);
    }, fault.atMs);
  }
  for (const { atMs, text, run: act } of actions) {
    time.setTimeout(() => {
      say(`USER ${text}`);
      act({ client: cluster.users, state: cluster.state, loads: cluster.loads }).catch((error: unknown) =>
        say(`USER ${text}: ${String(error)}`),
      );
    }, atMs);
  }
}

function describe({ kind, name, object, previous }: Parameters<NonNullable<Check['onChange']>>[0]): string {
  const verb = object === undefined ? 'gone' : previous === undefined ? 'new' : 'now';
  const shown = object ?? previous;
  const { deletionTimestamp, generation } = shown!.metadata;
  const { status, spec } = shown as { spec?: unknown; status?: unknown };
  const details =
    kind === 'pods' ? podDetails(shown as never) : JSON.stringify({ generation, spec: briefly(spec), status });
  return `${kind} ${name} ${verb}${deletionTimestamp === undefined ? '' : ' (going)'} ${details}`;
}

function briefly(spec: unknown): unknown {
  const { replicas, paused, strategy } = (spec ?? {}) as Record<string, unknown>;
  return { replicas, paused, strategy };
}

interface PodFacts {
  spec: { nodeName?: string };
  status?: { phase?: string; conditions?: { type: string; status: string }[] };
}

function podDetails({ spec, status }: PodFacts): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status ?? '-';
  return `${spec.nodeName ?? '-'} ${status?.phase ?? '-'} ready=${ready}`;
}

type Check = ReturnType<(typeof invariants)[number]>;
