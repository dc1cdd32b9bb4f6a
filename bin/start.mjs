// `npm start`: installs what the system lacks (as root with apt) or names it, builds what is missing, then brings up a
// cluster with the hello example.
import './require-node.mjs';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onPath } from './on-path.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const say = (text) => process.stderr.write(`${text}\n`);

const HELPER = { why: 'builds the helper that runs pods', without: 'pods only pretend to run' };
const NEEDED = [
  { program: 'gcc', packages: ['gcc', 'libc6-dev', 'linux-libc-dev', 'make'], ...HELPER },
  { program: 'make', packages: ['make'], ...HELPER },
  { program: 'nft', packages: ['nftables'], why: 'makes Services reachable', without: 'they are slower, and pods reach nothing outside this machine' },
];

/** As root with apt; gives the line that says why they could not be installed. */
function install(packages) {
  const options = { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  let problems = '';
  for (const args of [['update', '-qq'], ['install', '-y', '-qq', '--no-install-recommends', ...packages]]) {
    const { status, stderr } = spawnSync('apt-get', args, options);
    problems += stderr;
    // Lists that are a little old still install.
    if (status !== 0 && args[0] === 'install') return /^E: (.*)$/m.exec(problems)?.[1] ?? `apt-get ended with ${status}`;
  }
  return undefined;
}

if (!existsSync(join(root, 'node_modules'))) {
  say('start: the packages that this needs are not there; run: npm ci');
  process.exit(1);
}

const isRoot = process.getuid?.() === 0;
const built = existsSync(join(root, 'dist/native/nocher-native'));
// Without root nothing of it is of use.
const missing = isRoot ? NEEDED.filter(({ program }) => !onPath(program) && !(built && program !== 'nft')) : [];
if (missing.length > 0) {
  const packages = [...new Set(missing.flatMap((need) => need.packages))];
  for (const { program, why, without } of missing) say(`start: ${program} is missing: it ${why}; without it, ${without}`);
  if (onPath('apt-get')) {
    say(`start: installing ${packages.join(' ')}`);
    const problem = install(packages);
    if (problem !== undefined) say(`start: they could not be installed (${problem}); going on without`);
  } else {
    say(`start: install them with your package manager (in Debian they are ${packages.join(' ')}); going on without`);
  }
}

const build = spawnSync(process.execPath, [join(root, 'bin/build.mjs'), '--if-stale'], { stdio: 'inherit' });
if (build.status !== 0) process.exit(1);
process.argv.splice(2, 0, 'up', '--demo');
await import('./nocher.mjs');
