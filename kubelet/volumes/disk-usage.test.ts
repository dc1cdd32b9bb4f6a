import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskUsageBytes } from './disk-usage.ts';

describe('diskUsageBytes()', () => {
  const { signal } = new AbortController();
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nocher-usage-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('counts what is written at any depth, and nothing that a link leads to', async () => {
    const before = await diskUsageBytes(folder, signal);
    await mkdir(join(folder, 'a/b'), { recursive: true });
    await writeFile(join(folder, 'a/b/file'), Buffer.alloc(1 << 20, 'x'));
    await symlink('/usr', join(folder, 'link'));
    const grown = (await diskUsageBytes(folder, signal)) - before;
    expect(grown).toBeGreaterThanOrEqual(1 << 20);
    expect(grown).toBeLessThan(2 << 20);
  });

  it('rejects for a folder that is not there', async () => {
    await expect(diskUsageBytes(join(folder, 'gone'), signal)).rejects.toThrow('No such file');
  });
});
