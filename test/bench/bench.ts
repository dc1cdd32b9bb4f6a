/**
 * `npm run bench [scenario …]`: measures architecture's figures, prints a table with the ratio to the reference of the
 * same run, and writes `test/bench/results/<scenario>.json`.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchLine } from './bench-line.ts';

const here = dirname(fileURLToPath(import.meta.url));

const SCENARIOS: Record<string, () => Promise<{ run(): Promise<BenchLine[]> }>> = {
  startup: () => import('./startup.ts'),
  store: () => import('./store.ts'),
  api: () => import('./api.ts'),
  apply: () => import('./apply.ts'),
  watch: () => import('./watch.ts'),
  load: () => import('./load.ts'),
  custom: () => import('./custom.ts'),
  pods: () => import('./pods.ts'),
  scheduler: () => import('./scheduler.ts'),
  broken: () => import('./broken.ts'),
  scale: () => import('./scale.ts'),
  webhooks: () => import('./webhooks.ts'),
  validation: () => import('./validation.ts'),
};

function show(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(value >= 10 ? 1 : 2);
}

function row({ what, value, unit, target = '', reference, ok }: BenchLine): string[] {
  const compared =
    reference === undefined
      ? ''
      : `${(value / reference.value).toFixed(2)} × ${reference.name} (${show(reference.value)})`;
  return [what, `${show(value)} ${unit}`, target, compared, ok === undefined ? '' : ok ? 'met' : 'missed'];
}

function printTable(rows: string[][]): void {
  const header = ['what', 'measured', 'target', 'reference', ''];
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((cells) => cells[column]!.length)));
  for (const cells of [header, ...rows])
    process.stdout.write(
      `${cells
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd()}\n`,
    );
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => SCENARIOS[name] === undefined);
if (unknown.length > 0) {
  process.stderr.write(`bench: no scenario ${unknown.join(', ')}; there are: ${Object.keys(SCENARIOS).join(', ')}\n`);
  process.exit(1);
}
for (const name of asked.length > 0 ? asked : Object.keys(SCENARIOS)) {
  process.stdout.write(`\n${name}\n`);
  const lines = await (await SCENARIOS[name]!()).run();
  printTable(lines.map(row));
  mkdirSync(join(here, 'results'), { recursive: true });
  const machine = { cores: cpus().length, model: cpus()[0]?.model, node: process.version };
  writeFileSync(
    join(here, 'results', `${name}.json`),
    `${JSON.stringify({ commit: commit(), date: new Date().toISOString(), machine, lines }, null, 2)}\n`,
  );
}
process.exit(0);
