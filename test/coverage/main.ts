/** Reads the reports of the last `npm test` and writes docs/coverage.md; `--check` only compares. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestResult } from './coverage.ts';
import { coveragePage, parsePairs } from './coverage.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = join(root, 'docs/coverage.md');

interface JestReport {
  testResults: { assertionResults: TestResult[] }[];
}

function readReports(): TestResult[] {
  const folder = join(root, 'dist/test');
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
  return names.flatMap((name) => {
    const report = JSON.parse(readFileSync(join(folder, name), 'utf8')) as JestReport;
    return report.testResults.flatMap(({ assertionResults }) => assertionResults);
  });
}

/** The exit code. */
export function main(args: readonly string[]): number {
  const tests = readReports();
  if (tests.length === 0) {
    console.error('coverage: no test has run here; run npm test first');
    return 1;
  }
  const list = (name: string): [string, string][] =>
    parsePairs(readFileSync(join(root, 'test/coverage', name), 'utf8'));
  const { markdown, unknownIds } = coveragePage({
    features: list('features.txt').map(([id, name]) => ({ id, name })),
    behaviours: list('conformance-v1.36.txt').map(([owner, name]) => ({ owner, name })),
    tests,
  });
  for (const id of unknownIds) console.error(`coverage: a test's title names [${id}], which is no row`);
  if (unknownIds.length > 0) return 1;
  if (!args.includes('--check')) {
    writeFileSync(page, markdown);
    return 0;
  }
  const isSame = existsSync(page) && readFileSync(page, 'utf8') === markdown;
  if (!isSame) console.error('coverage: docs/coverage.md is not what these tests show; run node bin/coverage.mjs');
  return isSame ? 0 : 1;
}
