/**
 * Power lost while 64 writers run: a virtual machine is killed, and of what its disk had not flushed a random part is
 * lost as well, as a drive's cache loses it. What was acknowledged over its console must be there after the next boot.
 */
import { execFileSync } from 'node:child_process';
import { copyFile, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  copyProgram,
  findKernel,
  makeDisk,
  makeRootFolder,
  missingForVirtualMachines,
  startVirtualMachine,
} from '../../test/virtual-machine.ts';
import { seededFloats } from '../../test/watch-model/plan.ts';
import { losePower } from '../../test/write-log.ts';

const missing = missingForVirtualMachines();
const test = missing === undefined ? it : it.skip;
const ROOT = join(import.meta.dirname, '../..');
const TIMEOUT_MS = 170_000;

let folder: string;
let rootDisk: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nocher-power-'));
  if (missing !== undefined) return;
  const root = join(folder, 'root');
  await makeRootFolder(root);
  await copyProgram(root, process.execPath);
  await mkdir(join(root, 'app'));
  const child = join(import.meta.dirname, 'lmdb-child.ts');
  const target = ['--bundle', '--platform=node', '--format=esm', '--external:lmdb'];
  execFileSync(
    join(ROOT, 'node_modules/.bin/esbuild'),
    [child, ...target, `--outfile=${join(root, 'app/child.mjs')}`],
    {
      stdio: 'ignore',
    },
  );
  await copyPackage('lmdb', join(root, 'app/node_modules'), ROOT);
  rootDisk = join(folder, 'root.img');
  await makeDisk(rootDisk, { folder: root, sizeMiB: 400 });
}, TIMEOUT_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A package and what it depends on, where that is installed. */
async function copyPackage(name: string, target: string, from: string): Promise<void> {
  const source = createRequire(join(from, 'x.js'))
    .resolve.paths(name)!
    .map((path) => join(path, name));
  for (const path of source) {
    const text = await readFile(join(path, 'package.json'), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(text) as Record<string, object | undefined>;
    await cp(path, join(target, name), { recursive: true, dereference: true });
    const needed = Object.keys({ ...dependencies, ...optionalDependencies });
    for (const one of needed) await copyPackage(one, target, dirname(path));
    return;
  }
}

function machine(disk: { path: string; writeLog?: string }, command: string) {
  // The kernel writes nothing back by itself, however slow this host is.
  const keepDirty = 'echo 0 >/proc/sys/vm/dirty_writeback_centisecs';
  const script = [keepDirty, '/tmp/busybox mount -t ext4 /dev/vdb /data', command].join('\n');
  return startVirtualMachine({ kernel: findKernel(), disks: [{ path: rootDisk, readOnly: true }, disk], script });
}

const child = (mode: string): string => `${process.execPath} /app/child.mjs ${mode} /data/store`;

interface Acknowledged {
  type: string;
  revision: number;
  value: string;
}

/** Counts into a file that it never syncs, and says how far it is. */
const COUNT =
  '(n=0; while :; do n=$((n+1)); echo $n >>/data/unsynced; echo counted $n; /tmp/busybox usleep 20000; done) &';

/** The last acknowledged write of each key, and the last number counted, until the power goes. */
async function writeUntilPowerLoss(disk: { path: string; writeLog: string }, after: number) {
  const acknowledged = new Map<string, Acknowledged>();
  const running = await machine(disk, `${COUNT}\n${child('writers')}`);
  let seen = 0;
  let counted = 0;
  for await (const line of running.lines) {
    const [type = '', key = '', revision, value = ''] = line.split(' ');
    if (type === 'counted') {
      counted = Number(key);
      continue;
    }
    if (type !== 'put' && type !== 'delete') throw new Error(line);
    acknowledged.set(key, { type, revision: Number(revision), value });
    if (++seen === after) await running.kill();
    if (seen >= after) break;
  }
  expect(seen).toBe(after);
  expect(counted).toBeGreaterThan(0);
  return { acknowledged, counted };
}

interface Found {
  entries: Map<string, { revision: number; value: string }>;
  /** The last number of the file that was never synced. */
  counted: number;
  revision: number;
  nextRevision: number;
}

async function inspect(path: string): Promise<Found> {
  const found: Found = { entries: new Map(), counted: 0, revision: 0, nextRevision: 0 };
  const running = await machine({ path }, `echo counted $(/tmp/busybox tail -n 1 /data/unsynced)\n${child('inspect')}`);
  for await (const line of running.lines) {
    const [what, ...words] = line.split(' ');
    if (what === 'counted') found.counted = Number(words[0] ?? 0);
    else if (what === 'entry') found.entries.set(words[0]!, { revision: Number(words[1]), value: words[2]! });
    else if (what === 'revision') [found.revision, found.nextRevision] = words.map(Number) as [number, number];
    else if (what === 'error') throw new Error(line);
  }
  await running.ended;
  return found;
}

describe('lmdb: power loss while 64 writers run', () => {
  const needs = missing === undefined ? '' : `(${missing} is missing) `;
  test.each([
    ['at once', 200],
    ['soon', 1500],
    ['later', 4000],
  ])(
    `${needs}keeps everything acknowledged (%s)`,
    async (name, after) => {
      const disk = { path: join(folder, `${name}.img`), writeLog: join(folder, `${name}.log`) };
      const before = join(folder, `${name}.before`);
      await makeDisk(disk.path, { sizeMiB: 96 });
      await copyFile(disk.path, before);
      const { acknowledged, counted } = await writeUntilPowerLoss(disk, after);
      const chance = seededFloats(after);
      const { writes, unflushed } = await losePower(before, disk.writeLog, () => chance() < 0.5);
      expect(writes).toBeGreaterThan(unflushed);
      const found = await inspect(before);
      // Otherwise nothing was lost that could be.
      expect(found.counted).toBeLessThan(counted);
      let newest = 0;
      for (const [key, last] of acknowledged) {
        newest = Math.max(newest, last.revision);
        const entry = found.entries.get(key);
        if (entry?.revision === last.revision) expect(`${last.value}`).toBe(entry.value.slice(0, last.value.length));
        // What was under way when the power went may have happened.
        else if (last.type === 'put' && entry === undefined) expect(key).toMatch(/^\/w\/\d+$/);
        else if (entry !== undefined) expect(entry.revision).toBeGreaterThan(last.revision);
      }
      expect(found.revision).toBeGreaterThanOrEqual(newest);
      expect(found.nextRevision).toBeGreaterThan(found.revision);
    },
    TIMEOUT_MS,
  );
});
