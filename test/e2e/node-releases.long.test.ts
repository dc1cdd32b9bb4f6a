/** The smoke on every release of Node that is named as supported. They come from npm (test/node-releases). */
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cluster } from './harness.ts';
import { copyOfCheckout } from './checkout-copy.ts';
import { isRoot, prepareCluster } from './harness.ts';
import { smoke } from './smoke.ts';

const folder = join(dirname(fileURLToPath(import.meta.url)), '../node-releases');
const RELEASES = ['20', '22', '24'];
const program = (release: string): string =>
  join(folder, 'node_modules', `node-${release}-${process.arch}`, 'bin/node');

/** Why they are not there. */
function fetch(): string | undefined {
  if (!isRoot) return 'needs root';
  if (RELEASES.every((release) => existsSync(program(release)))) return undefined;
  const { status, stderr } = spawnSync('npm', ['ci', '--prefer-offline', '--loglevel=error'], {
    cwd: folder,
    encoding: 'utf8',
  });
  return status === 0 ? undefined : `npm cannot fetch them: ${stderr.trim().split('\n')[0]}`;
}

const reason = fetch();
if (reason !== undefined) process.stderr.write(`releases of Node: ${reason}\n`);

(reason === undefined ? describe : describe.skip)('releases of Node', () => {
  let cluster: Cluster | undefined;
  let versions: Record<string, string>;
  beforeAll(() => {
    const { optionalDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    versions = Object.fromEntries(
      RELEASES.map((release) => [release, optionalDependencies[`node-${release}-${process.arch}`].split('@').at(-1)]),
    );
  });
  afterEach(() => cluster?.stop());

  it.each(RELEASES)('Node %s starts a cluster that works and leaves nothing', async (release) => {
    const node = program(release);
    expect(spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout).toBe(`v${versions[release]}\n`);
    cluster = prepareCluster([], { node });
    await smoke(cluster);
  });

  it.each(RELEASES)('Node %s builds what a cluster is started from', (release) => {
    const copy = copyOfCheckout();
    try {
      const { status, stderr } = spawnSync(program(release), ['bin/build.mjs'], { cwd: copy, encoding: 'utf8' });
      expect({ status, stderr }).toEqual({
        status: 0,
        stderr: 'build: schema tables\nbuild: definitions of our own kinds\nbuild: bundle\nbuild: native helper\n',
      });
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });
});
