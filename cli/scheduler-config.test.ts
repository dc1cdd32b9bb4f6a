import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSchedulerConfig } from './scheduler-config.ts';

const HEAD = 'apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'scheduler-config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(text: string): string {
  const path = join(folder, 'scheduler.yaml');
  writeFileSync(path, text);
  return path;
}

describe('readSchedulerConfig() [S11]', () => {
  it('reads a file', () => {
    const { profiles } = readSchedulerConfig(file(`${HEAD}profiles:\n- schedulerName: mine\n`));
    expect(profiles.map(({ schedulerName }) => schedulerName)).toEqual(['mine']);
  });

  it.each([
    ['an empty file', '', 'must be of apiVersion'],
    ['half a list', 'a: [', 'scheduler.yaml: Flow sequence in block collection'],
    ['a key twice', `${HEAD}parallelism: 1\nparallelism: 2\n`, 'Map keys must be unique'],
    ['an alias', `${HEAD}a: &a {}\nb: *a\n`, 'Alias resolution is disabled'],
    ['an unknown field', `${HEAD}foo: 1\n`, 'strict decoding error: unknown field "foo"'],
    ['a large file', `# ${'x'.repeat(1024 * 1024)}`, 'is larger than 1 MiB'],
  ])('says in one line what is wrong with %s', (_name, text, problem) => {
    expect(() => readSchedulerConfig(file(text))).toThrow(problem);
  });

  it('says that there is no such file', () => {
    const path = join(folder, 'none.yaml');
    expect(() => readSchedulerConfig(path)).toThrow(`--scheduler-config: ${path}: ENOENT: no such file or directory`);
  });
});
