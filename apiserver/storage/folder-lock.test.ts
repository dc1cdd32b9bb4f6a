import { spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { lockFolder } from './folder-lock.ts';
import { expectCode } from './storage-assertions.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nocher-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('lockFolder()', () => {
  it('is refused while held, names the holder, and is given again after its release', async () => {
    const release = await lockFolder(folder);
    expect((await expectCode(lockFolder(folder), 'locked')).message).toMatch(`in use by process ${process.pid};`);
    await release();
    expect(await readdir(folder)).toEqual([]);
    await (
      await lockFolder(folder)
    )();
  });

  it('takes over what a process left that is gone', async () => {
    const child = spawn('true');
    await new Promise((resolve) => child.once('close', resolve));
    await writeFile(join(folder, 'lock'), JSON.stringify({ pid: child.pid, startTime: '1', bootId: 'x' }));
    const release = await lockFolder(folder);
    expect(JSON.parse(await readFile(join(folder, 'lock'), 'utf8'))).toMatchObject({ pid: process.pid });
    await release();
  });

  it('takes over when the pid belongs to another process by now, or the host has restarted', async () => {
    const hold = await lockFolder(folder);
    const own = JSON.parse(await readFile(join(folder, 'lock'), 'utf8')) as Record<string, unknown>;
    await hold();
    for (const other of [{ startTime: '1' }, { bootId: 'another' }]) {
      await writeFile(join(folder, 'lock'), JSON.stringify({ ...own, ...other }));
      await (
        await lockFolder(folder)
      )();
    }
    await writeFile(join(folder, 'lock'), JSON.stringify(own));
    await expectCode(lockFolder(folder), 'locked');
  });

  it('takes over a file that a crash left half-written', async () => {
    for (const content of ['', '{"pid": 1', 'null', '{}', '{"pid":"1"}']) {
      await writeFile(join(folder, 'lock'), content);
      await (
        await lockFolder(folder)
      )();
    }
  });

  it('gives a stale lock to one of many at the same time', async () => {
    await writeFile(join(folder, 'lock'), '{}');
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => lockFolder(folder)));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
  });
});
