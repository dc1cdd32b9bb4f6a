import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { giveTreeToGroup, removeTree } from './safe-tree.ts';

let folder: string;
let tree: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nocher-tree-'));
  tree = join(folder, 'tree');
  mkdirSync(join(tree, 'a', 'b'), { recursive: true });
  mkdirSync(join(folder, 'outside'));
  writeFileSync(join(folder, 'outside', 'kept'), 'kept', { mode: 0o600 });
  writeFileSync(join(tree, 'a', 'file'), 'x', { mode: 0o600 });
  symlinkSync(join(folder, 'outside'), join(tree, 'a', 'to-folder'));
  symlinkSync(join(folder, 'outside', 'kept'), join(tree, 'to-file'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('removeTree()', () => {
  it('removes links, and nothing that they lead to', async () => {
    await removeTree(tree);
    expect(readdirSync(folder)).toEqual(['outside']);
    expect(readdirSync(join(folder, 'outside'))).toEqual(['kept']);
    await removeTree(tree);
    await removeTree(join(folder, 'none', 'tree'));
  });

  it('removes the link when the tree itself is one', async () => {
    symlinkSync(join(folder, 'outside'), join(folder, 'link'));
    await removeTree(join(folder, 'link'));
    expect(existsSync(join(folder, 'link'))).toBe(false);
    expect(existsSync(join(folder, 'outside', 'kept'))).toBe(true);
  });

  it('removes folders that lie deep in each other', async () => {
    mkdirSync(join(tree, ...Array.from({ length: 300 }, () => 'd')), { recursive: true });
    await removeTree(tree);
    expect(readdirSync(folder)).toEqual(['outside']);
  });
});

const isRoot = process.getuid?.() === 0;

describe('giveTreeToGroup()', () => {
  (isRoot ? it : it.skip)('gives files and folders to the group, and not what links lead to', async () => {
    chmodSync(join(tree, 'a'), 0o700);
    await giveTreeToGroup(tree, 2345);
    const facts = (...path: string[]): [number, string] => {
      const { gid, mode } = lstatSync(join(folder, ...path));
      return [gid, (mode & 0o7777).toString(8)];
    };
    expect(facts('tree', 'a')).toEqual([2345, '2770']);
    expect(facts('tree', 'a', 'file')).toEqual([2345, '660']);
    expect(facts('tree', 'to-file')[0]).toBe(2345);
    expect(facts('outside', 'kept')).toEqual([0, '600']);
    expect(facts('outside')[0]).toBe(0);
  });

  it('refuses folders that lie too deep in each other', async () => {
    mkdirSync(join(tree, ...Array.from({ length: 100 }, () => 'd')), { recursive: true });
    const group = process.getgid?.() ?? 0;
    await expect(giveTreeToGroup(tree, group)).rejects.toThrow('too deep');
  });
});
