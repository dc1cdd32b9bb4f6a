/** Makes a failing plan small: leaves out what it fails without, one thing at a time, until nothing can be left out. */
import type { RunOptions } from './run.ts';
import { run } from './run.ts';
import type { Plan } from './plan.ts';

/** The plan must fail. */
export async function shrink(plan: Plan, options: RunOptions = {}): Promise<Plan> {
  let smallest = plan;
  for (let isDone = false; !isDone;) {
    const smaller = await firstFailing(candidates(smallest), options);
    isDone = smaller === undefined;
    smallest = smaller ?? smallest;
  }
  return smallest;
}

function* candidates(plan: Plan): Generator<Plan> {
  const { faults, actions } = plan;
  for (const fault of faults) yield { ...plan, faults: faults.filter((one) => one !== fault) };
  // What is done at the end makes rest possible.
  const optional = actions.filter(({ atMs }) => atMs < plan.calmMs);
  for (const action of optional) yield { ...plan, actions: actions.filter((one) => one !== action) };
}

async function firstFailing(plans: Iterable<Plan>, options: RunOptions): Promise<Plan | undefined> {
  for (const plan of plans) if ((await run(plan, options)).violations.length > 0) return plan;
  return undefined;
}
