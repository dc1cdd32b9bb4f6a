/**
 * Runs seeds by hand. `node --import tsx test/simulation/main.ts 17` tells all that happens in one, `1-100` which fail;
 * `17 --shrink` leaves out of it what it fails without. `--mutant TEXT` plants the bugs whose names contain the text.
 */
import { mutants } from './mutants.ts';
import type { Plan } from './plan.ts';
import { drawPlan } from './plan.ts';
import { run } from './run.ts';
import { shrink } from './shrink.ts';

const print = (text: string): void => void process.stdout.write(`${text}\n`);

const options = process.argv.slice(2);
const [range = '1-50'] = options.filter((option) => /^\d/.test(option));
const [first = 1, last = first] = range.split('-').map(Number);
const wanted = options.includes('--mutant') ? options[options.indexOf('--mutant') + 1] : undefined;
const planted = wanted === undefined ? [undefined] : mutants.filter(({ name }) => name.includes(wanted));

for (const mutant of planted) {
  if (mutant !== undefined) print(mutant.name);
  const using = mutant === undefined ? {} : { mutant };
  for (let seed = first; seed <= last; seed++) {
    const plan = drawPlan(seed, mutant?.workloads);
    if (options.includes('--shrink')) describe(await shrink(plan, using));
    else await runOne(plan, first === last ? { ...using, tell: print } : using);
  }
}

async function runOne(plan: Plan, using: Parameters<typeof run>[1]): Promise<void> {
  const beforeMs = performance.now();
  const { digest, violations } = await run(plan, using);
  print(`seed ${plan.seed} ${digest.slice(0, 12)} ${Math.round(performance.now() - beforeMs)} ms`);
  for (const { atMs, what } of violations) print(`  ${atMs / 1000}: ${what}`);
}

function describe({ seed, nodeCount, faults, actions }: Plan): void {
  print(`seed ${seed}, ${nodeCount} nodes`);
  for (const fault of faults) print(`  ${fault.atMs / 1000}: ${JSON.stringify(fault)}`);
  for (const { atMs, text } of actions) print(`  ${atMs / 1000}: ${text}`);
}
