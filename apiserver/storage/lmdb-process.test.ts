/** What only a process of its own can show: death by `kill -9`, the order of system calls, a full disk. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openLmdbStorage } from './lmdb.ts';
import { text } from './storage-assertions.ts';

const CHILD = [process.execPath, '--import', 'tsx', join(import.meta.dirname, 'lmdb-child.ts')];
const TIMEOUT_MS = 60_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nocher-lmdb-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function run(command: string[]): { child: ChildProcess; lines: AsyncIterable<string>; ended: Promise<void> } {
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return { child, lines: createInterface({ input: child.stdout! }), ended };
}

/** The last acknowledged write of each key. */
interface Acknowledged {
  type: string;
  revision: number;
  value: string | undefined;
}

async function killWhileWriting(path: string, after: number): Promise<Map<string, Acknowledged>> {
  const { child, lines, ended } = run([...CHILD, 'writers', path]);
  const acknowledged = new Map<string, Acknowledged>();
  let seen = 0;
  for await (const line of lines) {
    const [type = '', key = '', revision, value] = line.split(' ');
    if (type === 'error') throw new Error(line);
    acknowledged.set(key, { type, revision: Number(revision), value });
    if (++seen === after) child.kill('SIGKILL');
  }
  await ended;
  expect(seen).toBeGreaterThanOrEqual(after);
  return acknowledged;
}

describe('lmdb: kill -9 while 64 writers run', () => {
  it(
    'keeps everything acknowledged, and revisions go on',
    async () => {
      let newest = 0;
      for (const after of [300, 2000, 5000]) {
        const path = join(folder, `${after}`);
        const acknowledged = await killWhileWriting(path, after);
        const storage = await openLmdbStorage({ path });
        for (const [key, last] of acknowledged) {
          newest = Math.max(newest, last.revision);
          const entry = await storage.get(key);
          // What followed the last acknowledged write was under way and may have happened.
          if (entry?.modRevision === last.revision) expect(text(entry.value)).toMatch(last.value!);
          else if (last.type === 'put') await expectWrittenLater(storage, key, last.revision);
          else if (entry !== undefined) expect(entry.modRevision).toBeGreaterThan(last.revision);
        }
        expect(await storage.currentRevision()).toBeGreaterThanOrEqual(newest);
        expect(await storage.create('/after', Buffer.from('1'))).toBeGreaterThan(newest);
        await storage.close();
        newest = 0;
      }
    },
    3 * TIMEOUT_MS,
  );
});

/** The key of a writer that was deleting it, or creating it anew, when it was killed. */
async function expectWrittenLater(storage: Awaited<ReturnType<typeof openLmdbStorage>>, key: string, revision: number) {
  const entry = await storage.get(key);
  expect(`${key} ${entry?.modRevision ?? Infinity}`).not.toBe(`${key} ${revision}`);
  expect(key).toMatch(/^\/w\/\d+$/);
  expect(entry?.modRevision ?? Infinity).toBeGreaterThan(revision);
}

describe('lmdb: order of system calls', () => {
  const hasStrace = spawnSync('strace', ['-V']).status === 0;
  const test = hasStrace ? it : it.skip;
  test(
    `${hasStrace ? '' : '(strace is missing) '}acknowledges a write after its fdatasync`,
    async () => {
      const trace = join(folder, 'trace');
      const calls = 'trace=fdatasync,fsync,msync,write,pwrite64';
      const { ended } = run(['strace', '-f', '-e', calls, '-o', trace, ...CHILD, 'sequential', join(folder, 'store')]);
      await ended;
      const seen: string[] = [];
      for (const line of (await readFile(trace, 'utf8')).split('\n')) {
        const said = /write\(1, "((?:begin|acknowledged) \d+)/.exec(line)?.[1];
        if (said !== undefined) seen.push(said);
        // A call that another thread interrupts in the trace ends in a line "resumed".
        else if (/fdatasync.*= 0$/.test(line)) seen.push('synced');
        // The page that makes a transaction count is written last, through a descriptor opened with O_DSYNC.
        else if (/pwrite64.* = 128$/.test(line)) seen.push('committed');
      }
      const written = seen.slice(seen.indexOf('begin 0'), seen.indexOf('acknowledged 19') + 1);
      const expected = Array.from({ length: 20 }, (_, i) => [`begin ${i}`, 'synced', 'committed', `acknowledged ${i}`]);
      expect(written).toEqual(expected.flat());
    },
    TIMEOUT_MS,
  );
});

describe('lmdb: full disk', () => {
  const disk = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c'];
  const hasDisk = spawnSync(disk[0]!, [...disk.slice(1), 'mount -t tmpfs none /mnt']).status === 0;
  const test = hasDisk ? it : it.skip;
  test(
    `${hasDisk ? '' : '(unshare and tmpfs are missing) '}takes deletes, which make room for writes`,
    async () => {
      const script = `mount -t tmpfs -o size=12m none ${folder} && exec "$@"`;
      const { lines, ended } = run([...disk, script, 'sh', ...CHILD, 'fill', join(folder, 'store')]);
      const said: string[] = [];
      for await (const line of lines) said.push(line);
      await ended;
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

describe('lmdb: folder', () => {
  it(
    'is open to its owner only, and one process at a time has it',
    async () => {
      const path = join(folder, 'store');
      const storage = await openLmdbStorage({ path, reserveBytes: 4096 });
      expect((await stat(path)).mode & 0o777).toBe(0o700);
      const { lines, ended } = run([...CHILD, 'sequential', path]);
      const said: string[] = [];
      for await (const line of lines) said.push(line);
      await ended;
      expect(said).toHaveLength(1);
      expect(said[0]).toMatch(`error locked ${path} is in use by process ${process.pid}`);
      await storage.close();
    },
    TIMEOUT_MS,
  );
});
