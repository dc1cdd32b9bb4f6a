import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import * as tar from 'tar-stream';
import { sha256, type Sha256Digest } from './digest.ts';
import { unpackLayer, type LayerLimits, type LayerSource, type UnpackedLayer } from './layer.ts';

const { gzipSync } = zlib;
const { zstdCompressSync } = zlib as { zstdCompressSync?: (plain: Buffer) => Buffer };
const isRoot = process.geteuid?.() === 0;
const asRoot = isRoot ? it : it.skip;

type Member = Partial<tar.Header> & { name: string; content?: string | Buffer; pax?: Record<string, string> };

async function tarOf(members: Member[]): Promise<Buffer> {
  const pack = tar.pack();
  for (const { content = '', ...header } of members) pack.entry(header, content);
  pack.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of pack) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function* slices(bytes: Buffer, size = 1000): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size);
}

let base = '';
let target = '';
let outside = '';

beforeEach(() => {
  base = fs.mkdtempSync(join(tmpdir(), 'nocher-layer-'));
  target = join(base, 'layer');
  outside = join(base, 'outside');
  fs.mkdirSync(target);
  fs.mkdirSync(outside);
});

afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

interface Overrides extends Partial<LayerSource> {
  limits?: LayerLimits;
  signal?: AbortSignal;
}

function unpack(plain: Buffer, overrides: Overrides = {}): Promise<UnpackedLayer> {
  const { limits, signal = new AbortController().signal, ...source } = overrides;
  return unpackLayer({ content: slices(plain), diffId: sha256(plain), ...source }, target, {
    signal,
    ...(limits === undefined ? {} : { limits }),
  });
}

async function unpackMembers(members: Member[]): Promise<UnpackedLayer> {
  return unpack(await tarOf(members));
}

function read(name: string): string {
  return fs.readFileSync(join(target, name), 'utf8');
}

function xattr(path: string, name: string): string {
  const script = 'import os,sys; print(os.getxattr(sys.argv[1], sys.argv[2]).hex())';
  const result = spawnSync('python3', ['-c', script, path, name], { encoding: 'utf8' });
  return Buffer.from(result.stdout.trim(), 'hex').toString('latin1');
}

const hasPython = spawnSync('python3', ['--version']).status === 0;

describe('unpackLayer()', () => {
  it('writes files, folders, links, modes and times', async () => {
    const mtime = new Date(1_234_567_000);
    const unpacked = await unpackMembers([
      { name: './', type: 'directory', mode: 0o711, mtime },
      { name: 'usr/', type: 'directory', mode: 0o555, mtime },
      { name: 'usr/bin/su', mode: 0o4755, mtime, content: 'program' },
      { name: 'bin', type: 'symlink', linkname: 'usr/bin' },
      { name: 'usr/bin/hard', type: 'link', linkname: 'usr/bin/su' },
      { name: '/etc/hosts', content: 'x'.repeat(200_000), mtime },
      { name: 'tmp/', type: 'directory', mode: 0o1777, mtime },
      { name: `${'long/'.repeat(60)}файл`, content: 'long' },
    ]);
    expect(unpacked).toEqual({ entries: 8, sizeBytes: 200_011 });
    expect(fs.statSync(join(target, 'usr/bin/su')).mode & 0o7777).toBe(0o4755);
    expect(fs.statSync(join(target, 'usr')).mode & 0o7777).toBe(0o555);
    expect(fs.statSync(join(target, 'usr')).mtimeMs).toBe(1_234_567_000);
    expect(fs.statSync(join(target, 'tmp')).mode & 0o7777).toBe(0o1777);
    expect(fs.statSync(target).mode & 0o7777).toBe(0o711);
    expect(fs.readlinkSync(join(target, 'bin'))).toBe('usr/bin');
    expect(fs.statSync(join(target, 'usr/bin/hard')).ino).toBe(fs.statSync(join(target, 'usr/bin/su')).ino);
    expect(read('etc/hosts')).toHaveLength(200_000);
    expect(read(`${'long/'.repeat(60)}файл`)).toBe('long');
  });

  asRoot('keeps owners, also large ones, and setuid with them', async () => {
    await unpackMembers([
      { name: 'a', uid: 12, gid: 34, mode: 0o6755, content: 'a' },
      { name: 'b', type: 'symlink', linkname: 'a', uid: 5, gid: 6 },
      { name: 'c', content: 'c', pax: { uid: '3000000000', gid: '7', mtime: '1.5' } },
    ]);
    const { uid, gid, mode } = fs.statSync(join(target, 'a'));
    expect([uid, gid, mode & 0o7777]).toEqual([12, 34, 0o6755]);
    expect(fs.lstatSync(join(target, 'b')).uid).toBe(5);
    expect(fs.statSync(join(target, 'c')).uid).toBe(3_000_000_000);
    expect(fs.statSync(join(target, 'c')).mtimeMs).toBe(1500);
  });

  it('reads gzip, also of several members, and verifies both digests', async () => {
    const plain = await tarOf([{ name: 'a', content: 'hello' }]);
    const blob = Buffer.concat([gzipSync(plain.subarray(0, 700)), gzipSync(plain.subarray(700))]);
    await unpack(plain, { content: slices(blob, 3), blobDigest: sha256(blob), blobSizeBytes: blob.length });
    expect(read('a')).toBe('hello');
  });

  it('reads zstd where Node can, and says what is missing where it cannot', async () => {
    const plain = await tarOf([{ name: 'a', content: 'hello' }]);
    const blob = zstdCompressSync?.(plain) ?? Buffer.from('28b52ffd00000000', 'hex');
    const unpacking = unpack(plain, { content: slices(blob) });
    if (zstdCompressSync !== undefined) await unpacking;
    else await expect(unpacking).rejects.toThrow('compressed with zstd, which needs Node 22.15 or newer');
  });

  it('takes an empty layer', async () => {
    expect(await unpackMembers([])).toEqual({ entries: 0, sizeBytes: 0 });
  });

  it('lets a later entry replace an earlier one', async () => {
    await unpackMembers([
      { name: 'a', content: 'first' },
      { name: 'a', content: 'second' },
      { name: 'd/x', content: 'x' },
      { name: 'd', content: 'file now' },
      { name: 'e', type: 'symlink', linkname: 'a' },
      { name: 'e', type: 'directory', mode: 0o700 },
      { name: 'e/in', content: 'in' },
    ]);
    expect([read('a'), read('d'), read('e/in')]).toEqual(['second', 'file now', 'in']);
  });
});

describe('unpackLayer() with whiteouts', () => {
  function isWhiteout(name: string): boolean {
    const found = fs.lstatSync(join(target, name));
    return found.isCharacterDevice() && found.rdev === 0;
  }

  it('makes them character devices 0/0, and none over what the layer itself has', async () => {
    await unpackMembers([
      { name: 'etc/.wh.gone', content: '' },
      { name: 'etc/.wh.kept' },
      { name: 'etc/kept', content: 'kept' },
      { name: '.wh..wh.plnk', type: 'directory' },
      { name: '.wh.-C', content: '' },
      { name: 'replaced/.wh.x' },
      { name: 'replaced', type: 'symlink', linkname: outside },
      { name: 'run/pipe', type: 'fifo', mode: 0o600 },
    ]);
    expect(isWhiteout('etc/gone')).toBe(true);
    expect(isWhiteout('-C')).toBe(true);
    expect(read('etc/kept')).toBe('kept');
    expect(fs.lstatSync(join(target, 'run/pipe')).isFIFO()).toBe(true);
    expect(fs.readdirSync(target).sort()).toEqual(['-C', 'etc', 'replaced', 'run']);
    expect(fs.readdirSync(outside)).toEqual([]);
  });

  (isRoot && hasPython ? it : it.skip)(
    'marks opaque directories, keeps their attributes and file capabilities',
    async () => {
      const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex').toString('latin1');
      await unpackMembers([
        { name: 'd/', type: 'directory', mode: 0o750, uid: 7, gid: 8, mtime: new Date(5000) },
        { name: 'd/.wh..wh..opq' },
        { name: 'd/new', content: 'new' },
        { name: '.wh.e' },
        { name: 'e/', type: 'directory', mode: 0o755 },
        {
          name: 'ping',
          mode: 0o755,
          uid: 3,
          content: 'ping',
          mtime: new Date(9000),
          pax: { 'SCHILY.xattr.security.capability': capability },
        },
        { name: 'evil', content: '', pax: { 'SCHILY.xattr.trusted.overlay.redirect': '/x' } },
      ]);
      expect(xattr(join(target, 'd'), 'trusted.overlay.opaque')).toBe('y');
      expect(xattr(join(target, 'e'), 'trusted.overlay.opaque')).toBe('y');
      expect(xattr(join(target, 'evil'), 'trusted.overlay.redirect')).toBe('');
      const found = fs.statSync(join(target, 'd'));
      expect([found.mode & 0o7777, found.uid, found.gid, found.mtimeMs]).toEqual([0o750, 7, 8, 5000]);
      expect(xattr(join(target, 'ping'), 'security.capability')).toBe(capability);
      expect(read('ping')).toBe('ping');
      expect(fs.statSync(join(target, 'ping')).uid).toBe(3);
    },
  );

  asRoot('hides the lower layer when overlayfs mounts it', async () => {
    const lower = join(base, 'lower');
    fs.mkdirSync(join(lower, 'd'), { recursive: true });
    for (const name of ['d/old', 'gone', 'stays']) fs.writeFileSync(join(lower, name), name);
    await unpackMembers([{ name: 'd/.wh..wh..opq' }, { name: 'd/new', content: 'new' }, { name: '.wh.gone' }]);
    const merged = join(base, 'merged');
    fs.mkdirSync(merged);
    const script = 'mount -t overlay overlay -o "lowerdir=$1:$2" "$3" && find "$3" -mindepth 1 -printf "%P\\n" | sort';
    const result = spawnSync('unshare', ['-m', 'sh', '-c', script, 'sh', target, lower, merged], { encoding: 'utf8' });
    expect(result.stdout.trim().split('\n')).toEqual(['d', 'd/new', 'stays']);
  });
});

describe('unpackLayer() on hostile layers', () => {
  function everythingOutside(): string[] {
    return [...fs.readdirSync(base).sort(), ...fs.readdirSync(outside)];
  }

  it.each<[string, Member[], string]>([
    ['a name that climbs', [{ name: '../evil', content: 'x' }], 'points outside the layer'],
    ['a name that climbs later', [{ name: 'a/b/../../../evil', content: 'x' }], 'points outside the layer'],
    ['a whiteout that climbs', [{ name: '../.wh.outside' }], 'points outside the layer'],
    ['a whiteout of ..', [{ name: 'a/.wh...' }], 'points outside the layer'],
    ['a whiteout without a name', [{ name: 'a/.wh.' }], 'points outside the layer'],
    ['a device', [{ name: 'a/sda', type: 'block-device', devmajor: 8, devminor: 0 }], 'is a device'],
    ['a whiteout in disguise', [{ name: 'x', type: 'character-device', devmajor: 0, devminor: 0 }], 'is a device'],
    ['a hard link out', [{ name: 'x', type: 'link', linkname: '../outside/secret' }], 'points outside the layer'],
    ['a hard link to the host', [{ name: 'x', type: 'link', linkname: '/etc/passwd' }], 'is not in the layer'],
    [
      'a hard link to a folder',
      [
        { name: 'd/', type: 'directory' },
        { name: 'x', type: 'link', linkname: 'd' },
      ],
      'not a file',
    ],
    [
      'a file as parent',
      [
        { name: 'a', content: 'x' },
        { name: 'a/b', content: 'y' },
      ],
      'is not a directory',
    ],
    ['the root as a file', [{ name: './', type: 'symlink', linkname: '/' }], 'root of a layer must be a directory'],
    [
      'a loop of links',
      [{ name: 'a', type: 'symlink', linkname: 'b' }, { name: 'b', type: 'symlink', linkname: 'a' }, { name: 'a/x' }],
      'too many symbolic links',
    ],
    ['a very deep name', [{ name: 'd/'.repeat(300), type: 'directory' }], 'is too deep'],
    ['a negative owner', [{ name: 'a', pax: { uid: '-1' } }], 'invalid owner'],
    ['a sparse file', [{ name: 'a', pax: { 'GNU.sparse.major': '1' } }], 'of a type that layers do not have'],
    ['a NUL in a name', [{ name: 'a', pax: { path: 'a\0b' } }], 'NUL byte'],
  ])('refuses %s', async (_title, members, text) => {
    fs.writeFileSync(join(outside, 'secret'), 'secret');
    const before = everythingOutside();
    await expect(unpackMembers(members)).rejects.toThrow(text);
    expect(everythingOutside()).toEqual(before);
  });

  it('leaves out devices below /dev', async () => {
    await unpackMembers([{ name: 'dev/null', type: 'character-device', devmajor: 1, devminor: 3 }]);
    expect(fs.readdirSync(target)).toEqual([]);
  });

  it('resolves linked parents inside the layer, as a container would', async () => {
    await unpackMembers([
      { name: 'abs', type: 'symlink', linkname: outside },
      { name: 'abs/one', content: '1' },
      { name: 'up', type: 'symlink', linkname: '../../../../outside' },
      { name: 'up/two', content: '2' },
      { name: 'dir/rel', type: 'symlink', linkname: '../other' },
      { name: 'dir/rel/three', content: '3' },
      { name: 'link', type: 'symlink', linkname: join(outside, 'four') },
      { name: 'link', content: '4' },
      { name: 'up/.wh.gone' },
      { name: 'up/.wh..wh..opq' },
      { name: 'hard', type: 'link', linkname: 'up/two' },
    ]);
    expect(fs.readdirSync(outside)).toEqual([]);
    expect(read(join(outside, 'one').slice(1))).toBe('1');
    expect([read('outside/two'), read('other/three'), read('link'), read('hard')]).toEqual(['2', '3', '4', '2']);
  });

  it('does not follow a folder that becomes a link after it was used', async () => {
    fs.chmodSync(outside, 0o755);
    await unpackMembers([
      { name: 'd/', type: 'directory', mode: 0o777, uid: 0 },
      { name: 'd/sub/', type: 'directory', mode: 0o777 },
      { name: 'd/.wh.a' },
      { name: 'd/sub/.wh..wh..opq' },
      { name: 'd/pipe', type: 'fifo' },
      { name: 'd', type: 'symlink', linkname: outside },
    ]);
    expect(fs.readdirSync(outside)).toEqual([]);
    expect(fs.statSync(outside).mode & 0o777).toBe(0o755);
    expect(fs.lstatSync(join(target, 'd')).isSymbolicLink()).toBe(true);
  });

  it('refuses wrong digests, sizes and broken archives', async () => {
    const plain = await tarOf([{ name: 'a', content: 'x'.repeat(5000) }]);
    const blob = gzipSync(plain);
    const wrong: Sha256Digest = `sha256:${'0'.repeat(64)}`;
    const cases: [Overrides, RegExp][] = [
      [{ diffId: wrong }, /unexpected commit digest/],
      [{ content: slices(blob), blobDigest: wrong }, /unexpected commit digest/],
      [{ content: slices(blob), blobSizeBytes: blob.length - 1 }, /more than the promised/],
      [{ content: slices(blob), blobSizeBytes: blob.length + 1 }, /unexpected commit size/],
      [{ content: slices(blob.subarray(0, -20)) }, /unexpected end of file/],
      [{ content: slices(Buffer.concat([blob.subarray(0, 12), blob.subarray(5)])) }, /./],
      [{ content: slices(plain.subarray(0, 2000)), diffId: sha256(plain.subarray(0, 2000)) }, /Unexpected end of data/],
      [{ content: slices(Buffer.alloc(2000, 65)) }, /Invalid tar header/],
    ];
    for (const [overrides, text] of cases) {
      fs.rmSync(target, { recursive: true });
      fs.mkdirSync(target);
      await expect(unpack(plain, overrides)).rejects.toThrow(text);
    }
  });

  it('stops at the limits', async () => {
    const zeros = gzipSync(await tarOf([{ name: 'bomb', content: Buffer.alloc(3_000_000) }]));
    const limits = { maxBytes: 1_000_000, maxEntries: 3 };
    await expect(unpack(zeros, { content: slices(zeros), limits })).rejects.toThrow(
      'larger than the limit of 1000000 bytes',
    );
    const many = await tarOf(['a', 'b', 'c', 'd'].map((name) => ({ name })));
    await expect(unpack(many, { limits })).rejects.toThrow('more than 3 entries');
  });

  it('ends when its source fails or the signal aborts', async () => {
    const plain = await tarOf([{ name: 'a', content: 'x'.repeat(50_000) }]);
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield plain.subarray(0, 1000);
      throw new Error('connection reset');
    }
    await expect(unpack(plain, { content: broken() })).rejects.toThrow('connection reset');
    const controller = new AbortController();
    async function* stuck(): AsyncGenerator<Uint8Array> {
      yield plain.subarray(0, 1000);
      controller.abort();
      await new Promise((resolve) => setTimeout(resolve, 20));
      yield plain.subarray(1000);
    }
    await expect(unpack(plain, { content: stuck(), signal: controller.signal })).rejects.toThrow(/abort/i);
  });
});
