// `npm start`: installs what the system lacks (as root with apt) or names it, builds what is missing, then brings up a
// cluster with the hello example.
import './require-node.mjs';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { usablePrebuilt } from './helper-sources.mjs';
import { COMPILER, NFTABLES, providePrograms } from './system-packages.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const say = (text) => process.stderr.write(`start: ${text}\n`);

if (!existsSync(join(root, 'node_modules'))) {
  say('the packages that this needs are not there; run: npm ci');
  process.exit(1);
}

// Without root nothing of it is of use.
if (process.getuid?.() === 0) {
  const hasHelper = existsSync(join(root, 'dist/native/nocher-native')) || usablePrebuilt() !== undefined;
  providePrograms([...(hasHelper ? [] : COMPILER), NFTABLES], say);
}

const build = spawnSync(process.execPath, [join(root, 'bin/build.mjs'), '--if-stale'], { stdio: 'inherit' });
if (build.status !== 0) process.exit(1);
process.argv.splice(2, 0, 'up', '--demo');
await import('./nocher.mjs');
