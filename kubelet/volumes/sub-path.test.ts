import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeBelow } from './sub-path.ts';

let folder: string;
let volume: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nocher-sub-path-'));
  volume = join(folder, 'volume');
  mkdirSync(volume);
  mkdirSync(join(folder, 'outside'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('makeBelow()', () => {
  it('makes what is missing, as open as the volume', () => {
    chmodSync(volume, 0o2777);
    makeBelow(volume, 'a/b');
    expect(statSync(join(volume, 'a/b')).mode & 0o7777).toBe(0o2777);
    expect(statSync(join(volume, 'a')).mode & 0o7777).toBe(0o2777);
  });

  it('leaves what is there as it is', () => {
    mkdirSync(join(volume, 'a'), { mode: 0o700 });
    writeFileSync(join(volume, 'file'), '');
    symlinkSync('a', join(volume, 'link'));
    makeBelow(volume, 'a');
    makeBelow(volume, 'file');
    makeBelow(volume, 'link/b');
    expect(statSync(join(volume, 'a')).mode & 0o777).toBe(0o700);
    expect(existsSync(join(volume, 'a/b'))).toBe(true);
  });

  it.each(['../outside/x', 'absolute/x', 'relative/x', 'a/../../outside/x'])('does not follow %s out', (subPath) => {
    mkdirSync(join(volume, 'a'));
    symlinkSync(join(folder, 'outside'), join(volume, 'absolute'));
    symlinkSync('../outside', join(volume, 'relative'));
    expect(() => makeBelow(volume, subPath)).toThrow('leads out of its volume');
    expect(existsSync(join(folder, 'outside/x'))).toBe(false);
  });
});
