/** Runs seeds by hand: `node --import tsx test/simulation/main.ts 17` tells all of one, `1-100` only what fails. */
import { drawPlan } from './plan.ts';
import { run } from './run.ts';

const [range = '1-50'] = process.argv.slice(2);
const [first = 1, last = first] = range.split('-').map(Number);

for (let seed = first; seed <= last; seed++) {
  const beforeMs = performance.now();
  const tell = first === last ? (text: string): void => console.log(text) : undefined;
  const { digest, violations } = await run(drawPlan(seed), tell === undefined ? {} : { tell });
  console.log(`seed ${seed} ${digest.slice(0, 12)} ${Math.round(performance.now() - beforeMs)} ms`);
  for (const { atMs, what } of violations) console.log(`  ${atMs / 1000}: ${what}`);
}
