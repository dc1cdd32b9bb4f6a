/** `npm run fuzz [-- --seed N --seconds S --kinds a,b]`: exits with 1 when something has failed. */
import { parseArgs } from 'node:util';
import { fuzz } from './fuzzer.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    kinds: { type: 'string' },
    failures: { type: 'string', default: '1' },
    shrink: { type: 'string', default: '120' },
  },
});
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
console.log(`fuzz: seed ${seed}, ${values.seconds} s`);
const report = await fuzz({
  seed,
  seconds: Number(values.seconds),
  maxFailures: Number(values.failures),
  shrinkBudget: Number(values.shrink),
  ...(values.kinds === undefined ? {} : { plurals: values.kinds.split(',') }),
});
for (const { what, detail, reproduction } of report.failures)
  console.log(
    `\nfuzz: FAILED: ${what}\n${detail.slice(0, 3_000)}\nreproduction (seed ${seed}):\n${reproduction.slice(0, 6_000)}`,
  );
const classes = Object.entries(report.counts).map(([name, count]) => `${name} ${count}`);
console.log(
  `\nfuzz: ${report.requests} requests (${classes.join(', ')}), ${report.failures.length} failed, seed ${seed}`,
);
process.exit(report.failures.length > 0 ? 1 : 0);
