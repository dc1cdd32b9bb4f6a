import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataFolder } from './data-folder.ts';
import { keptProfiles, readSchedulerConfig, takeSchedulerConfig } from './scheduler-config.ts';

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
    const { configuration } = readSchedulerConfig(file(`${HEAD}profiles:\n- schedulerName: mine\n`));
    expect(configuration.profiles.map(({ schedulerName }) => schedulerName)).toEqual(['mine']);
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

describe('takeSchedulerConfig()', () => {
  const names = (): string[] => keptProfiles(openDataFolder(folder)).map(({ schedulerName }) => schedulerName);

  it('keeps what the cluster goes by, without keys, until one is started without', () => {
    const own = openDataFolder(folder);
    own.prepare();
    const data = Buffer.from('secret').toString('base64');
    const extender = `urlPrefix: https://127.0.0.1\n  filterVerb: filter\n  tlsConfig: {insecure: true, keyData: ${data}}`;
    const path = file(`${HEAD}profiles:\n- schedulerName: mine\nextenders:\n- ${extender}\n`);
    expect(names()).toEqual(['default-scheduler']);
    expect(takeSchedulerConfig(path, own)?.extenders).toHaveLength(1);
    rmSync(path);
    expect(names()).toEqual(['mine']);
    expect(readFileSync(join(folder, 'run', 'scheduler.json'), 'utf8')).not.toContain(data);
    expect(takeSchedulerConfig(undefined, own)).toBeUndefined();
    expect(names()).toEqual(['default-scheduler']);
  });
});
