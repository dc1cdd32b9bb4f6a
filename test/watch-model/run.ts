/** Runs of the watch model by seed, with a failing plan made small where the store takes the same course again. */
import { ModelViolation } from './history.ts';
import { runPlan } from './model.ts';
import type { RunOptions, Totals } from './model.ts';
import { makePlan, shrinkPlan } from './plan.ts';
import type { Operation, Plan, PlanSize } from './plan.ts';
import type { ModelStore } from './stores.ts';

export interface SeedOptions extends PlanSize, Omit<RunOptions, 'store' | 'seed'> {
  /** A store for each run, empty unless it is shared. */
  makeStore: () => Promise<ModelStore>;
}

/** Throws an error with the seed and, where it can be had, the smallest plan that still fails. */
export async function runSeed(seed: number, options: SeedOptions): Promise<Totals> {
  const plan = makePlan(seed, options);
  const { isDeterministic, failure, totals } = await attempt(plan, seed, options);
  if (failure === undefined) return totals!;
  const fails = async (smaller: Plan): Promise<boolean> =>
    (await attempt(smaller, seed, options)).failure !== undefined;
  const smallest = isDeterministic ? await shrinkPlan(plan, fails) : plan;
  const last = isDeterministic ? ((await attempt(smallest, seed, options)).failure ?? failure) : failure;
  throw new Error(`seed ${seed}: ${last.message}\n${describePlan(smallest)}`, { cause: failure });
}

/** Runs seed after seed until so many deliveries have been checked. */
export async function runDeliveries(wanted: number, firstSeed: number, options: SeedOptions): Promise<Totals> {
  const sum: Totals = { operations: 0, changes: 0, deliveries: 0, expirations: 0, restarts: 0 };
  for (let seed = firstSeed; sum.deliveries < wanted; seed++) {
    const totals = await runSeed(seed, options);
    for (const name of Object.keys(sum) as (keyof Totals)[]) sum[name] += totals[name];
  }
  return sum;
}

/** The first violation within so many seeds, with the operations that it took; undefined when there is none. */
export async function findViolation(
  seeds: number,
  options: SeedOptions,
): Promise<{ seed: number; message: string } | undefined> {
  for (let seed = 1; seed <= seeds; seed++) {
    const { failure } = await attempt(makePlan(seed, options), seed, options);
    if (failure !== undefined) return { seed, message: failure.message };
  }
  return undefined;
}

interface Attempt {
  isDeterministic: boolean;
  failure?: Error;
  totals?: Totals;
}

async function attempt(plan: Plan, seed: number, options: SeedOptions): Promise<Attempt> {
  const store = await options.makeStore();
  const { isDeterministic } = store;
  try {
    return { isDeterministic, totals: await runPlan(plan, { ...options, store, seed }) };
  } catch (error) {
    if (!(error instanceof ModelViolation)) throw error;
    return { isDeterministic, failure: error };
  } finally {
    await store.dispose();
  }
}

const MOST_OPERATIONS = 60;

function describePlan(plan: Plan): string {
  const rounds = plan.map((round, i) => `round ${i}: ${round.map(describeOperation).join(', ')}`);
  const count = plan.reduce((sum, round) => sum + round.length, 0);
  return count <= MOST_OPERATIONS ? rounds.join('\n') : `(a plan of ${count} operations in ${plan.length} rounds)`;
}

function describeOperation({ do: what, hops, dice }: Operation): string {
  return `${what}+${hops}(${dice.map((die) => die.toFixed(3)).join(' ')})`;
}
