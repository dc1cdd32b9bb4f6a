import { afterEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AlreadyRunningError, openDataFolder } from './data-folder.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nocher-data-'));
  folders.push(folder);
  return folder;
}

const claimFile = (path: string): string => join(path, 'run', 'nocher.json');

describe('claim()', () => {
  it('is repeatable, and released for the next', () => {
    const folder = openDataFolder(newFolder());
    folder.claim();
    folder.claim();
    expect(folder.running()?.pid).toBe(process.pid);
    folder.release();
    expect(folder.running()).toBeUndefined();
    folder.claim();
    expect(readdirSync(join(folder.path, 'run'))).toEqual(['nocher.json']);
  });

  it('takes the place of a process that is gone, also when its pid is used again', () => {
    const folder = openDataFolder(newFolder());
    folder.prepare();
    for (const stale of [{ pid: 4_194_305, startTime: '1' }, { pid: 1, startTime: '0' }, 'half a li']) {
      writeFileSync(claimFile(folder.path), typeof stale === 'string' ? stale : JSON.stringify(stale));
      folder.claim();
      expect(JSON.parse(readFileSync(claimFile(folder.path), 'utf8')).pid).toBe(process.pid);
    }
  });

  it('is refused while another process has it', async () => {
    const folder = openDataFolder(newFolder());
    folder.prepare();
    const other = spawn('sleep', ['60']);
    const ended = new Promise((resolve) => other.once('exit', resolve));
    const stat = readFileSync(`/proc/${other.pid}/stat`, 'latin1');
    const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    writeFileSync(claimFile(folder.path), JSON.stringify({ pid: other.pid, startTime }));
    expect(() => folder.claim()).toThrow(AlreadyRunningError);
    expect(() => folder.claim()).toThrow(`a cluster is already running on ${folder.path} (pid ${other.pid})`);
    other.kill('SIGKILL');
    await ended;
    folder.claim();
    expect(folder.running()?.pid).toBe(process.pid);
  });
});
