/**
 * An image of the machine's PostgreSQL, as Debian packages it, loaded into a cluster's node:
 * `nocher.test/postgres:1`. Its programs, what they load, and a shell, copied file by file: no distribution in it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TarMember } from '../../kubelet/images/sample-image.ts';
import { ociArchive, sampleImage } from '../../kubelet/images/sample-image.ts';
import { busyboxLayer, loadImage } from './busybox-image.ts';
import type { Cluster } from './harness.ts';

export const POSTGRES = 'nocher.test/postgres:1';
/** Of the user `postgres` in the image. */
export const POSTGRES_UID = 999;

const RELEASES = '/usr/lib/postgresql';
const PROGRAMS = ['postgres', 'initdb', 'psql', 'pg_isready'];
const APPLETS = ['sh', 'mkdir', 'rm', 'cat', 'sleep', 'ls'];

/** Makes a database where there is none, and serves it until it is asked to end. */
const START = `#!/bin/sh
set -e
[ -s "$PGDATA/PG_VERSION" ] || initdb --username=postgres --auth=trust --encoding=UTF8 --locale=C
exec postgres -k /tmp -c listen_addresses=
`;

/** The newest release on the machine; undefined without one. */
export function postgresRelease(): string | undefined {
  const releases = existsSync(RELEASES) ? readdirSync(RELEASES) : [];
  const complete = releases.filter((release) => existsSync(join(RELEASES, release, 'bin', 'postgres')));
  return complete.sort((a, b) => Number(b) - Number(a))[0];
}

/** Regular files of a folder and of those in it. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
  });
}

/** What the programs are linked with, the loader too. */
function librariesOf(paths: readonly string[]): string[] {
  const { stdout } = spawnSync('ldd', paths, { encoding: 'utf8' });
  return [...new Set([...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path!))];
}

function postgresFiles(release: string): TarMember[] {
  const folder = join(RELEASES, release);
  const programs = PROGRAMS.map((name) => join(folder, 'bin', name));
  // Compiling queries needs a compiler's library, twice as large as all the rest.
  const modules = filesBelow(join(folder, 'lib')).filter((path) => path.endsWith('.so') && !path.includes('llvmjit'));
  const shared = filesBelow(join('/usr/share/postgresql', release)).filter((path) => !path.includes('/man/'));
  const all = new Set([...programs, ...modules, ...librariesOf([...programs, ...modules]), ...shared]);
  return [...all].map((path) => ({
    name: path.slice(1),
    mode: statSync(path).mode & 0o777,
    content: readFileSync(path),
  }));
}

/** Needs Debian's postgresql and busybox-static on the machine. */
export async function loadPostgres(cluster: Cluster, release: string): Promise<void> {
  const users = `root:x:0:0:root:/:/bin/sh\npostgres:x:${POSTGRES_UID}:${POSTGRES_UID}:postgres:/tmp:/bin/sh\n`;
  const layer: TarMember[] = [
    ...busyboxLayer(APPLETS).filter(({ name }) => name !== 'etc/passwd'),
    ...postgresFiles(release),
    { name: 'bin/start', mode: 0o755, content: START },
    { name: 'etc/passwd', content: users },
    { name: 'tmp/', type: 'directory', mode: 0o1777 },
  ];
  const config = {
    Env: [`PATH=${RELEASES}/${release}/bin:/bin`, 'PGDATA=/data/pgdata', 'PGHOST=/tmp', 'PGUSER=postgres'],
    User: String(POSTGRES_UID),
    Entrypoint: ['/bin/start'],
  };
  await loadImage(cluster, await ociArchive(await sampleImage([layer], config), POSTGRES));
}
