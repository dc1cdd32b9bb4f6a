/** What the store does on a disk that fails it: calls that end in EIO (injected by strace), and a disk that is full. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openLmdbStorage } from './lmdb.ts';

const CHILD = [process.execPath, '--import', 'tsx', join(import.meta.dirname, 'lmdb-child.ts')];
const TIMEOUT_MS = 60_000;
const WRITES = 60;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nocher-lmdb-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Lines of what a command says. */
function say(command: readonly string[]): string[] {
  const { stdout } = spawnSync(command[0]!, command.slice(1), { encoding: 'utf8', timeout: TIMEOUT_MS - 5000 });
  return stdout.split('\n').filter((line) => line !== '');
}

describe('lmdb: EIO', () => {
  const hasStrace = spawnSync('strace', ['-V']).status === 0;
  const test = hasStrace ? it : it.skip;
  const needs = hasStrace ? '' : '(strace is missing) ';

  // One thread makes all calls, so that they can be counted; it writes a transaction's pages, syncs them, and then
  // writes the page that makes it count.
  test.each([
    ['one sync fails', 'fdatasync:error=EIO:when=8', 'goes on'],
    ['every sync fails from then on', 'fdatasync:error=EIO:when=8+', 'refuses'],
    ['one first page cannot be written', 'pwrite64:error=EIO:when=12', 'goes on'],
    ['no first page can be written from then on', 'pwrite64:error=EIO:when=16+', 'refuses'],
  ])(
    `${needs}refuses what was not stored and keeps the rest when %s`,
    async (_, fault, outcome) => {
      const path = join(folder, 'store');
      const trace = [
        '-f',
        '-qq',
        '-o',
        join(folder, 'trace'),
        '-e',
        'trace=fdatasync,pwrite64',
        '-e',
        `inject=${fault}`,
      ];
      const said = say(['strace', ...trace, '-E', 'UV_THREADPOOL_SIZE=1', ...CHILD, 'stubborn', path]);
      const keysOf = (what: string): string[] =>
        said.filter((line) => line.startsWith(`${what} `)).map((line) => line.split(' ')[1]!);
      const [stored, failed] = [keysOf('put'), keysOf('failed')];
      expect(stored.length + failed.length).toBe(WRITES);
      expect(failed.length).toBeGreaterThan(0);
      const reasons = said
        .filter((line) => line.startsWith('failed'))
        .map((line) => line.split(' ').slice(2).join(' '));
      expect(new Set(reasons)).toEqual(new Set(['unavailable the write could not be stored: Input/output error']));
      expect(stored.includes(`/k/${WRITES - 1}`)).toBe(outcome === 'goes on');
      // Reads go on meanwhile, and a start on the healed disk finds what was acknowledged.
      expect(said.at(-1)!.split(' ').slice(2).sort()).toEqual(stored.sort());
      const storage = await openLmdbStorage({ path, reserveBytes: 4096 });
      const { entries } = await storage.list({ prefix: '/k/' });
      const found = new Set(entries.map(({ key }) => key));
      expect(stored.filter((key) => !found.has(key))).toEqual([]);
      // The last writes may have reached the disk before they failed; earlier ones were taken back.
      if (outcome === 'goes on') expect(found.size).toBe(stored.length);
      await storage.close();
    },
    TIMEOUT_MS,
  );
});

describe('lmdb: full ext4 disk', () => {
  const mount =
    'truncate -s 24M "$1/disk" && mkfs.ext4 -q -F "$1/disk" && mkdir "$1/mnt" && mount -o loop "$1/disk" "$1/mnt"';
  const isolated = ['unshare', '--mount', 'sh', '-c'];
  const hasLoop = ((): boolean => {
    if (process.getuid?.() !== 0) return false;
    const script = `d=$(mktemp -d) && set -- "$d" && ${mount}; status=$?; umount "$d/mnt"; rm -rf "$d"; exit $status`;
    return spawnSync(isolated[0]!, [...isolated.slice(1), script]).status === 0;
  })();
  const test = hasLoop ? it : it.skip;

  test(
    `${hasLoop ? '' : '(root and loop devices are missing) '}takes deletes, which make room for writes`,
    () => {
      const script = `set -e; ${mount}; shift; exec "$@"`;
      const said = say([...isolated, script, 'sh', folder, ...CHILD, 'fill', join(folder, 'mnt/store')]);
      expect(said.map((line) => line.replace(/\d+/, 'N'))).toEqual([
        'full N unavailable',
        'again unavailable',
        'deleted',
        'recovered true intact true',
      ]);
    },
    TIMEOUT_MS,
  );
});
