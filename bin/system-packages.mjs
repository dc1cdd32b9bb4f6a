// What the system must have: looked for, and as root with apt installed; each thing that is missing is named in one line.
import { spawnSync } from 'node:child_process';
import { onPath } from './on-path.mjs';

/** As root with apt; gives the line that says why they could not be installed. */
function install(packages) {
  const options = {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  let problems = '';
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...packages],
  ]) {
    const { status, stderr } = spawnSync('apt-get', args, options);
    problems += stderr;
    // Lists that are a little old still install.
    if (status !== 0 && args[0] === 'install')
      return /^E: (.*)$/m.exec(problems)?.[1] ?? `apt-get ended with ${status}`;
  }
  return undefined;
}

/** `needed`: `{ program, packages, why }`; `say` gets whole lines. */
export function providePrograms(needed, say) {
  const missing = needed.filter(({ program }) => !onPath(program));
  if (missing.length === 0) return;
  for (const { program, why } of missing) say(`${program} is missing: ${why}`);
  const packages = [...new Set(missing.flatMap((need) => need.packages))];
  if (process.getuid?.() !== 0 || !onPath('apt-get')) {
    say(`install them with your package manager (in Debian they are ${packages.join(' ')}); going on without`);
    return;
  }
  say(`installing ${packages.join(' ')}`);
  const problem = install(packages);
  if (problem !== undefined) say(`they could not be installed (${problem}); going on without`);
}

const HELPER = 'it builds the helper that runs pods; without it, pods only pretend to run';

/** For the helper. */
export const COMPILER = [
  { program: 'gcc', packages: ['gcc', 'libc6-dev', 'linux-libc-dev', 'make'], why: HELPER },
  { program: 'make', packages: ['make'], why: HELPER },
];

export const NFTABLES = {
  program: 'nft',
  packages: ['nftables'],
  why: 'it makes Services reachable; without it, they are slower, and pods reach nothing outside this machine',
};
