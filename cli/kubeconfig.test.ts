import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { adminKubeconfig, mergeContext, removeContext, writeKubeconfig } from './kubeconfig.ts';

const text = adminKubeconfig({ server: 'https://127.0.0.1:6443', ca: 'CA', certificate: 'CERT', privateKey: 'KEY' });

const THEIRS = `# mine
apiVersion: v1
kind: Config
clusters:
- name: work # the office
  cluster:
    server: https://work.example
contexts:
- name: work
  context: {cluster: work, user: jane}
current-context: work
users:
- name: jane
  user:
    token: "012345"
preferences: {}
`;

let home: string;
let config: string;
const user = (): { home: string; owner: undefined } => ({ home, owner: undefined });

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
  config = join(home, '.kube', 'config');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function given(content: string): void {
  mkdirSync(join(home, '.kube'));
  writeFileSync(config, content);
}

describe('adminKubeconfig()', () => {
  it('holds everything inside', () => {
    const parsed = parse(text) as { users: { user: Record<string, string> }[]; 'current-context': string };
    expect(parsed['current-context']).toBe('nocher');
    expect(Buffer.from(parsed.users[0]!.user['client-key-data']!, 'base64').toString()).toBe('KEY');
  });

  it('is written for its owner alone, also over a file that was open to others', async () => {
    const path = join(home, 'admin.kubeconfig');
    writeFileSync(path, 'old', { mode: 0o644 });
    await writeKubeconfig(path, text);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).toBe(text);
    expect(readdirSync(home)).toEqual(['admin.kubeconfig']);
  });
});

describe('mergeContext()', () => {
  it('makes a file where there is none, which removeContext() takes away', async () => {
    expect(await mergeContext(text, user())).toEqual({ changed: true });
    expect(statSync(config).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, '.kube')).mode & 0o777).toBe(0o700);
    expect(parse(readFileSync(config, 'utf8'))).toEqual(parse(text));
    expect(await removeContext(user())).toEqual({ changed: true });
    expect(existsSync(config)).toBe(false);
  });

  it('keeps the rest of the file, comments too, and is undone by removeContext()', async () => {
    given(THEIRS);
    await mergeContext(text, user());
    const merged = readFileSync(config, 'utf8');
    expect(merged).toContain('# the office');
    expect(merged).toContain('token: "012345"');
    const parsed = parse(merged) as { contexts: { name: string }[]; 'current-context': string };
    expect(parsed.contexts.map(({ name }) => name)).toEqual(['work', 'nocher']);
    expect(parsed['current-context']).toBe('nocher');
    await removeContext(user());
    expect(parse(readFileSync(config, 'utf8'))).toEqual(parse(THEIRS));
    expect(readFileSync(config, 'utf8')).toContain('# mine');
  });

  it('replaces its own entries on a second start and still remembers the context before', async () => {
    given(THEIRS);
    await mergeContext(text, user());
    await mergeContext(text.replace('6443', '7443'), user());
    const merged = readFileSync(config, 'utf8');
    expect(merged).toContain('https://127.0.0.1:7443');
    expect(merged).not.toContain('6443');
    await removeContext(user());
    expect(parse(readFileSync(config, 'utf8'))).toEqual(parse(THEIRS));
  });

  it('leaves a context alone that the user chose meanwhile', async () => {
    given(THEIRS.replace('current-context: work', 'current-context: ""'));
    await mergeContext(text, user());
    writeFileSync(config, readFileSync(config, 'utf8').replace(/current-context: .*/, 'current-context: work'));
    await removeContext(user());
    expect((parse(readFileSync(config, 'utf8')) as Record<string, unknown>)['current-context']).toBe('work');
  });

  it.each([
    ['broken YAML', 'a: [', 'it is not valid YAML'],
    ['a list', '- a\n', 'it is not a kubeconfig'],
    ['contexts that are no list', 'contexts: {a: b}\n', 'its contexts are not a list'],
  ])('leaves %s as it is', async (_, content, reason) => {
    given(content);
    expect(await mergeContext(text, user())).toEqual({ changed: false, reason });
    expect(readFileSync(config, 'utf8')).toBe(content);
    expect(readdirSync(join(home, '.kube'))).toEqual(['config']);
  });

  it("writes through the user's own link", async () => {
    given('');
    rmSync(config);
    writeFileSync(join(home, 'dotfile'), THEIRS);
    symlinkSync(join(home, 'dotfile'), config);
    expect(await mergeContext(text, user())).toEqual({ changed: true });
    expect(readFileSync(join(home, 'dotfile'), 'utf8')).toContain('nocher');
  });

  it('does not wait forever for a lock', async () => {
    given(THEIRS);
    writeFileSync(`${config}.lock`, '');
    expect(await mergeContext(text, user())).toEqual({ changed: false, reason: 'it is locked (config.lock exists)' });
  });

  it('removeContext() makes no folder', async () => {
    expect(await removeContext(user())).toEqual({ changed: false, reason: 'there is none' });
    expect(existsSync(join(home, '.kube'))).toBe(false);
  });
});

const asRoot = process.getuid?.() === 0 ? describe : describe.skip;

asRoot('mergeContext() under sudo', () => {
  const owner = { uid: 12345, gid: 12345 };
  const sudoUser = (): { home: string; owner: typeof owner } => ({ home, owner });

  it('gives folder and file to the user who called', async () => {
    expect(await mergeContext(text, sudoUser())).toEqual({ changed: true });
    expect(statSync(config).uid).toBe(12345);
    expect(statSync(join(home, '.kube')).uid).toBe(12345);
  });

  it('follows no link out of the home folder', async () => {
    const target = join(home, 'elsewhere');
    mkdirSync(target);
    symlinkSync(target, join(home, '.kube'));
    expect(await mergeContext(text, sudoUser())).toMatchObject({ changed: false });
    expect(readdirSync(target)).toEqual([]);
  });

  it('neither reads through a link nor over a file of somebody else', async () => {
    given('');
    rmSync(config);
    chownSync(join(home, '.kube'), owner.uid, owner.gid);
    writeFileSync(join(home, 'secret'), THEIRS);
    symlinkSync(join(home, 'secret'), config);
    expect(await mergeContext(text, sudoUser())).toEqual({ changed: false, reason: 'it is a link' });
    rmSync(config);
    writeFileSync(config, THEIRS);
    expect(await mergeContext(text, sudoUser())).toEqual({ changed: false, reason: 'it belongs to somebody else' });
  });
});
