// `npm start`: installs what the system lacks (as root with apt) or names it, builds what is missing, then brings up a
// cluster with the hello example.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const say = (text) => process.stderr.write(`${text}\n`);

function onPath(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const NEEDED = [
  { program: 'gcc', packages: ['gcc', 'libc6-dev', 'linux-libc-dev', 'make'], why: 'builds the helper that runs pods', without: 'pods are simulated' },
  { program: 'make', packages: ['make'], why: 'builds the helper that runs pods', without: 'pods are simulated' },
  { program: 'nft', packages: ['nftables'], why: 'makes Services reachable', without: 'Services have no addresses that answer' },
];

const isRoot = process.getuid?.() === 0;
const built = existsSync(join(root, 'dist/native/nocher-native'));
const missing = NEEDED.filter(({ program }) => !onPath(program) && !(built && program !== 'nft'));
if (missing.length > 0) {
  const packages = [...new Set(missing.flatMap((need) => need.packages))];
  for (const { program, why, without } of missing) say(`start: ${program} is missing: it ${why}; without it, ${without}`);
  if (isRoot && onPath('apt-get')) {
    say(`start: installing ${packages.join(' ')}`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    spawnSync('apt-get', ['update', '-qq'], { stdio: ['ignore', 'ignore', 'inherit'], env });
    const { status } = spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { stdio: ['ignore', 'ignore', 'inherit'], env });
    if (status !== 0) say('start: they could not be installed; going on without');
  } else {
    say(`start: install them with your package manager: ${packages.join(' ')}`);
  }
}

const build = spawnSync(process.execPath, [join(root, 'bin/build.mjs'), '--if-stale'], { stdio: 'inherit' });
if (build.status !== 0) process.exit(1);
process.argv.splice(2, 0, 'up', '--demo');
await import('./nocher.mjs');
