import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setUpHostPath } from './host-path.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nocher-host-path-'));
  path = join(folder, 'x');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const failed = (what: string): string => `hostPath type check failed: ${path} is not ${what}`;

describe('setUpHostPath() [V1]', () => {
  it('makes a folder, and takes one that is there', async () => {
    await setUpHostPath({ path, type: 'DirectoryOrCreate' });
    expect(statSync(path).mode & 0o777).toBe(0o755);
    expect(await setUpHostPath({ path, type: 'Directory' })).toBe(path);
    await expect(setUpHostPath({ path, type: 'File' })).rejects.toThrow(failed('a file'));
    await expect(setUpHostPath({ path, type: 'FileOrCreate' })).rejects.toThrow(failed('a file'));
  });

  it('makes a file in a folder that is there', async () => {
    await setUpHostPath({ path, type: 'FileOrCreate' });
    expect(statSync(path).isFile()).toBe(true);
    writeFileSync(path, 'kept');
    await setUpHostPath({ path, type: 'FileOrCreate' });
    expect(statSync(path).size).toBe(4);
    await expect(setUpHostPath({ path, type: 'Directory' })).rejects.toThrow(failed('a directory'));
    await expect(setUpHostPath({ path, type: 'DirectoryOrCreate' })).rejects.toThrow(failed('a directory'));
    const deep = join(folder, 'none', 'file');
    const message = `open ${deep}: no such file or directory`;
    await expect(setUpHostPath({ path: deep, type: 'FileOrCreate' })).rejects.toThrow(message);
  });

  it('tells sockets and devices from the rest', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    try {
      expect(await setUpHostPath({ path, type: 'Socket' })).toBe(path);
      await expect(setUpHostPath({ path, type: 'CharDevice' })).rejects.toThrow(failed('a character device'));
      await expect(setUpHostPath({ path, type: 'BlockDevice' })).rejects.toThrow(failed('a block device'));
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
    expect(await setUpHostPath({ path: '/dev/null', type: 'CharDevice' })).toBe('/dev/null');
    await expect(setUpHostPath({ path, type: 'Socket' })).rejects.toThrow(failed('a socket file'));
  });

  it('checks nothing without a type', async () => {
    mkdirSync(path);
    expect(await setUpHostPath({ path })).toBe(path);
    const missing = join(folder, 'a', 'b');
    await setUpHostPath({ path: missing });
    expect(statSync(missing).isDirectory()).toBe(true);
  });
});
