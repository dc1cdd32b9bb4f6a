// Jest's globalSetup: the schema table is there, and newer than what it is made from, before the first test runs.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export default async function generateSchema() {
  const checkout = fileURLToPath(new URL('..', import.meta.url));
  execFileSync(process.execPath, ['--import', 'tsx', 'bin/generate-schema.ts', '--if-stale'], {
    cwd: checkout,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
