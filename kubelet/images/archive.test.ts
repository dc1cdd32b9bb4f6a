import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { loadArchive, type LoadedImage } from './archive.ts';
import { sha256 } from './digest.ts';
import { dockerArchive, ociArchive, sampleImage, tarOf, type SampleImage, type TarMember } from './sample-image.ts';
import { createImageStore, type ImageStore } from './store.ts';

let folder = '';
let store: ImageStore;
let image: SampleImage;
const signal = new AbortController().signal;

beforeEach(async () => {
  folder = fs.mkdtempSync(join(tmpdir(), 'nocher-archive-'));
  store = createImageStore({ folder: join(folder, 'images'), clock: realClock, log: silentLogger });
  image = await sampleImage([[{ name: 'a', content: 'a'.repeat(3000) }], [{ name: 'b', content: 'b' }]], {
    Cmd: ['x'],
  });
});

afterEach(async () => {
  await store.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

function load(bytes: Buffer, name?: string): Promise<LoadedImage[]> {
  return loadArchive({ store, source: Readable.from([bytes]), signal, ...(name === undefined ? {} : { name }) });
}

function write(bytes: Buffer): string {
  const path = join(folder, 'archive.tar');
  fs.writeFileSync(path, bytes);
  return path;
}

async function contentOf(id: string): Promise<string[]> {
  const { lowerDirs } = await store.resolveRootfs(id);
  return lowerDirs.flatMap((dir) => fs.readdirSync(dir));
}

describe('loadArchive()', () => {
  it('loads an OCI layout from a file, a stream, and compressed', async () => {
    const archive = await ociArchive(image, 'web:1');
    const loaded = [{ id: image.id, tags: ['docker.io/library/web:1'] }];
    expect(await loadArchive({ store, source: write(archive), signal })).toEqual(loaded);
    expect(await load(archive)).toEqual(loaded);
    expect(await load(gzipSync(archive))).toEqual(loaded);
    expect(await loadArchive({ store, source: write(gzipSync(archive)), signal })).toEqual(loaded);
    expect(await contentOf(image.id)).toEqual(['b', 'a']);
    expect((await store.status('web:1'))?.repoDigests).toEqual([`docker.io/library/web@${image.digest}`]);
    expect(fs.readdirSync(join(folder, 'images/tmp'))).toEqual([]);
  });

  it('loads a docker-archive with all its names', async () => {
    const archive = await dockerArchive(image, ['web:1', 'host:5000/web:2']);
    expect(await load(archive)).toEqual([{ id: image.id, tags: ['docker.io/library/web:1', 'host:5000/web:2'] }]);
    expect(await contentOf(image.id)).toEqual(['b', 'a']);
  });

  it('gives an archive without names the one that the caller has', async () => {
    expect(await load(await ociArchive(image, 'latest'))).toEqual([{ id: image.id, tags: [] }]);
    expect(await load(await ociArchive(image, 'latest'), 'a.io/x')).toEqual([
      { id: image.id, tags: ['a.io/x:latest'] },
    ]);
  });

  it('follows links between members, and only a few', async () => {
    const [first = '', second = ''] = image.diffIds.map((diffId) => diffId.slice(7));
    const members: TarMember[] = [
      { name: 'config.json', content: image.config },
      { name: `${first}.tar`, content: image.layers[0] ?? '' },
      { name: `${second}.tar`, content: image.layers[1] ?? '' },
      { name: 'one/layer.tar', type: 'symlink', linkname: `../${first}.tar` },
      { name: 'two/layer.tar', type: 'link', linkname: `${second}.tar` },
    ];
    const manifest = (...layers: string[]): TarMember => ({
      name: 'manifest.json',
      content: JSON.stringify([{ Config: 'config.json', RepoTags: null, Layers: layers }]),
    });
    const good = await tarOf([...members, manifest('one/layer.tar', 'two/layer.tar')]);
    expect(await load(good)).toEqual([{ id: image.id, tags: [] }]);
    const loop: TarMember = { name: 'loop', type: 'symlink', linkname: 'loop' };
    const looping = await tarOf([...members, loop, manifest('loop', 'loop')]);
    await store.remove(image.id);
    await expect(load(looping)).rejects.toThrow('the archive has no "loop"');
  });
});

describe('loadArchive() on hostile archives', () => {
  const index = (digest: string, size: number): TarMember => ({
    name: 'index.json',
    content: JSON.stringify({ schemaVersion: 2, manifests: [{ digest, size, mediaType: '' }] }),
  });

  it.each<[string, () => Promise<Buffer> | Buffer, string]>([
    ['something else', () => Buffer.from('hello'.repeat(1000)), 'not an image archive'],
    ['nothing', () => Buffer.alloc(0), 'neither index.json nor manifest.json'],
    ['an empty tar', () => tarOf([]), 'neither index.json nor manifest.json'],
    ['a name that climbs', () => tarOf([{ name: '../x', content: '' }]), 'points outside the archive'],
    [
      'a link that climbs',
      () => tarOf([{ name: 'x', type: 'symlink', linkname: '../../etc/passwd' }]),
      'points outside the archive',
    ],
    [
      'an absolute link',
      () => tarOf([{ name: 'x', type: 'link', linkname: '/etc/passwd' }]),
      'points outside the archive',
    ],
    ['a device', () => tarOf([{ name: 'x', type: 'block-device' }]), 'neither file nor folder'],
    ['a large document', () => tarOf([{ name: 'index.json', content: Buffer.alloc(5_000_000, 32) }]), 'too large'],
    ['an empty index', () => tarOf([{ name: 'index.json', content: '{"manifests":[]}' }]), 'no image for this machine'],
    ['a truncated archive', async () => (await ociArchive(image, 'x:1')).subarray(0, 3000), 'not an image archive'],
    [
      'another manifest under a digest',
      () => tarOf([index(image.digest, 2), { name: `blobs/sha256/${image.digest.slice(7)}`, content: '{}' }]),
      'unexpected commit digest',
    ],
    [
      'missing layers',
      () =>
        tarOf([
          index(image.digest, image.manifest.length),
          { name: `blobs/sha256/${image.digest.slice(7)}`, content: image.manifest },
        ]),
      'the archive has no "blobs/sha256/',
    ],
  ])('refuses %s', async (_title, make, text) => {
    await expect(load(await make())).rejects.toThrow(text);
    expect(await store.list()).toEqual([]);
    expect(fs.readdirSync(join(folder, 'images/tmp'))).toEqual([]);
  });

  it('refuses a layer whose content is not the promised one', async () => {
    const [wrong = Buffer.alloc(0)] = (await sampleImage([[{ name: 'evil', content: 'evil' }]])).layers;
    const swapped = { ...image, layers: [wrong, ...image.layers.slice(1)] };
    await expect(load(await dockerArchive(swapped, ['x:1']))).rejects.toThrow('unexpected commit digest');
    const blobs = new Map(
      [...image.blobs].map(([digest, bytes]) => [digest, digest === image.id ? bytes : gzipSync(wrong)]),
    );
    await expect(load(await ociArchive({ ...image, blobs }, 'x:1'))).rejects.toThrow(/unexpected commit|promised/);
    expect(await store.list()).toEqual([]);
  });
});

const hasSkopeo = spawnSync('skopeo', ['--version']).status === 0;

(hasSkopeo ? describe : describe.skip)('loadArchive() of what skopeo writes', () => {
  it.each(['docker-archive', 'oci-archive'])('loads its %s', async (format) => {
    const source = write(await ociArchive(image, 'web:1'));
    const target = join(folder, `${format}.tar`);
    const args = [
      '--insecure-policy',
      'copy',
      '--quiet',
      `oci-archive:${source}:web:1`,
      `${format}:${target}:a.io/copy:2`,
    ];
    const copied = spawnSync('skopeo', args, {
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin', HOME: folder, TMPDIR: folder },
    });
    expect(copied.stderr).toBe('');
    const [loaded] = await loadArchive({ store, source: target, signal });
    expect(loaded?.tags).toEqual(['a.io/copy:2']);
    expect(await contentOf(loaded?.id ?? '')).toEqual(['b', 'a']);
    const { config } = await store.resolveRootfs(loaded?.id ?? '');
    expect(config.Cmd).toEqual(['x']);
    expect(loaded?.id).toBe(format === 'oci-archive' ? sha256(image.config) : loaded?.id);
  });
});
