import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { ImageError } from '../runtime.ts';
import { IndexFile } from './index-file.ts';
import { sampleImage, type SampleImage } from './sample-image.ts';
import { createImageStore, type ImageStore, type ImageStoreOptions } from './store.ts';

let folder = '';
const opened: ImageStore[] = [];
const signal = new AbortController().signal;

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'nocher-store-'));
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
  fs.rmSync(folder, { recursive: true, force: true });
});

function open(options: Partial<ImageStoreOptions> = {}): ImageStore {
  const store = createImageStore({ folder, clock: realClock, log: silentLogger, ...options });
  opened.push(store);
  return store;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function add(store: ImageStore, image: SampleImage, ...tags: string[]): Promise<string> {
  return store.withLayers(image.diffIds, async () => {
    for (const [i, diffId] of image.diffIds.entries()) {
      await store.addLayer(diffId, () => ({ content: once(image.layers[i] ?? Buffer.alloc(0)) }), signal);
    }
    const { config, manifest } = image;
    const repoDigests = tags.map((tag) => `${tag.replace(/:[^:/]*$/, '')}@${image.digest}`);
    return store.addImage({ config, manifests: [manifest], tags, repoDigests });
  });
}

const base = [{ name: 'base', content: 'base' }];
const top = [{ name: 'top', content: 'on top' }];
const user = { User: '1000:10', Env: ['A=b'], Entrypoint: ['/x'], WorkingDir: '/w', ExposedPorts: { '80/tcp': {} } };

function layerFolders(): string[] {
  return fs.readdirSync(join(folder, 'layers'));
}

describe('ImageStore', () => {
  it('finds an image by every form of its name', async () => {
    const store = open();
    const image = await sampleImage([base, top], user);
    const id = await add(store, image, 'docker.io/library/web:latest');
    expect(id).toBe(image.id);
    const forms = ['web', 'web:latest', 'docker.io/library/web', `web@${image.digest}`, `web:old@${image.digest}`, id];
    for (const form of [...forms, id.slice(7), id.slice(7, 19)]) expect((await store.status(form))?.id).toBe(id);
    expect(await store.status('web:2')).toBeUndefined();
    expect(await store.status(`web@sha256:${'0'.repeat(64)}`)).toBeUndefined();
    await expect(store.status('Web')).rejects.toBeInstanceOf(ImageError);
    expect(await store.list()).toEqual([
      {
        id,
        repoTags: ['docker.io/library/web:latest'],
        repoDigests: [`docker.io/library/web@${image.digest}`],
        sizeBytes: 10,
        uid: 1000,
        username: '',
      },
    ]);
  });

  it('gives the root file system topmost first, without doubles, and the config', async () => {
    const store = open();
    const image = await sampleImage([base, top, base], user);
    await add(store, image, 'a.io/x:1');
    const rootfs = await store.resolveRootfs(image.id);
    expect(rootfs.lowerDirs).toEqual(
      [image.diffIds[2], image.diffIds[1]].map((d) => join(folder, 'layers', d?.slice(7) ?? '')),
    );
    expect(rootfs.config).toMatchObject({
      User: '1000:10',
      Env: ['A=b'],
      Entrypoint: ['/x'],
      Cmd: [],
      ExposedPorts: ['80/tcp'],
    });
    const empty = await sampleImage([]);
    await add(store, empty, 'a.io/empty:1');
    const [lower = ''] = (await store.resolveRootfs(empty.id)).lowerDirs;
    expect(fs.readdirSync(lower)).toEqual([]);
    await expect(store.resolveRootfs(`sha256:${'0'.repeat(64)}`)).rejects.toMatchObject({ code: 'image-missing' });
  });

  it('moves a tag to the newer image and keeps the older one under its id', async () => {
    const store = open();
    const first = await sampleImage([base]);
    const second = await sampleImage([base, top]);
    await add(store, first, 'a.io/x:1');
    await add(store, second, 'a.io/x:1');
    expect((await store.status('a.io/x:1'))?.id).toBe(second.id);
    expect((await store.status(first.id))?.repoTags).toEqual([]);
  });

  it('removes an image with the layers that nobody else has', async () => {
    const store = open();
    const first = await sampleImage([base]);
    const second = await sampleImage([base, top]);
    await add(store, first, 'a.io/x:1');
    await add(store, second, 'a.io/x:2');
    await store.remove('a.io/x:2');
    await store.remove('a.io/x:2');
    expect(layerFolders()).toEqual([first.diffIds[0]?.slice(7)]);
    expect(await store.status(second.id)).toBeUndefined();
    await store.remove(first.id);
    await store.close();
    expect(layerFolders()).toEqual([]);
    expect(fs.readdirSync(join(folder, 'blobs/sha256'))).toEqual([]);
    expect(fs.readdirSync(join(folder, 'tmp'))).toEqual([]);
  });

  it('keeps the layers of a removed image while a container stands on them', async () => {
    const used = new Set<string>();
    const store = open({ imagesInUse: () => Promise.resolve(used) });
    const image = await sampleImage([base]);
    const other = await sampleImage([top]);
    await add(store, image, 'a.io/x:1');
    await add(store, other, 'a.io/y:1');
    used.add(image.id);
    await store.remove('a.io/x:1');
    expect(await store.list()).toHaveLength(1);
    const [lower = ''] = (await store.resolveRootfs(image.id)).lowerDirs;
    expect(fs.readFileSync(join(lower, 'base'), 'utf8')).toBe('base');
    used.clear();
    await store.remove('a.io/y:1');
    expect(layerFolders()).toEqual([]);
  });

  it('is there again after a restart, and another process sees changes at once', async () => {
    const store = open();
    const other = open();
    expect(await other.list()).toEqual([]);
    const image = await sampleImage([base]);
    await add(store, image, 'a.io/x:1');
    expect(await other.list()).toHaveLength(1);
    await other.remove('a.io/x:1');
    expect(await store.list()).toEqual([]);
    await add(store, image, 'a.io/x:1');
    await store.close();
    expect((await open().status('a.io/x:1'))?.id).toBe(image.id);
    expect(fs.statSync(join(folder, 'index')).mode & 0o777).toBe(0o700);
    for (const name of fs.readdirSync(join(folder, 'index'))) {
      expect(fs.statSync(join(folder, 'index', name)).mode & 0o777).toBe(0o600);
    }
  });

  it('loses no change when many write at once', async () => {
    const images = await Promise.all(
      Array.from({ length: 12 }, (_, i) => sampleImage([[{ name: `f${i}`, content: '' }]])),
    );
    await Promise.all(images.map((image, i) => add(open(), image, `a.io/x:${i}`)));
    const found = await open().list();
    expect(found.map(({ repoTags }) => repoTags[0]).sort()).toEqual(images.map((_, i) => `a.io/x:${i}`).sort());
  });

  it('unpacks a layer once for several callers, and again for the second when the first gives up', async () => {
    const store = open();
    const image = await sampleImage([base]);
    const [diffId] = image.diffIds;
    const [layer] = image.layers;
    if (diffId === undefined || layer === undefined) throw new Error('no layer');
    let opens = 0;
    const source = (): { content: AsyncIterable<Uint8Array> } => {
      opens += 1;
      return { content: once(layer) };
    };
    await Promise.all([1, 2, 3].map(() => store.addLayer(diffId, source, signal)));
    expect(opens).toBe(1);
    const second = await sampleImage([top]);
    const [otherId] = second.diffIds;
    if (otherId === undefined) throw new Error('no layer');
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(0);
      throw new Error('gone');
    }
    const failing = store.addLayer(otherId, () => ({ content: broken() }), signal);
    const following = store.addLayer(otherId, () => ({ content: once(second.layers[0] ?? Buffer.alloc(0)) }), signal);
    await expect(failing).rejects.toThrow('gone');
    await following;
    expect(fs.readdirSync(join(folder, 'tmp'))).toEqual([]);
  });

  it('does not trust what a crash left: half layers, unnamed layers, layers from before a power loss', async () => {
    const image = await sampleImage([base]);
    const hex = image.diffIds[0]?.slice(7) ?? '';
    fs.mkdirSync(join(folder, 'layers', hex), { recursive: true });
    fs.writeFileSync(join(folder, 'layers', hex, 'base'), 'garbage');
    fs.mkdirSync(join(folder, 'tmp', '999999999-1-0', 'half'), { recursive: true });
    const store = open();
    await add(store, image, 'a.io/x:1');
    const [lower = ''] = (await store.resolveRootfs(image.id)).lowerDirs;
    expect(fs.readFileSync(join(lower, 'base'), 'utf8')).toBe('base');
    await store.close();
    expect(fs.readdirSync(join(folder, 'tmp'))).toEqual([]);
    await new IndexFile(join(folder, 'index')).update((document) => {
      document.unflushed = { bootId: 'an earlier boot', layers: image.diffIds };
      return true;
    });
    const afterPowerLoss = open();
    expect(await afterPowerLoss.list()).toEqual([]);
    await add(afterPowerLoss, image, 'a.io/x:1');
    expect(await afterPowerLoss.list()).toHaveLength(1);
  });

  it('sweeps what killed writers of the index left, once it is old', async () => {
    const names = (): string[] => fs.readdirSync(join(folder, 'index')).sort();
    await add(open(), await sampleImage([base]), 'a.io/x:1');
    const before = names().filter((name) => name.endsWith('.json'));
    const old = join(folder, 'index', 'new-1-0');
    for (const path of [old, join(folder, 'index', 'new-1-1')]) fs.writeFileSync(path, '{');
    fs.utimesSync(old, 0, 0);
    await open().list();
    while (fs.existsSync(old)) await new Promise(setImmediate);
    // The store may be writing a file of its own.
    expect(names()).toEqual(expect.arrayContaining([...before, 'new-1-1']));
  });

  it('marks layers as flushed once they are on the disk', async () => {
    const store = open();
    await add(store, await sampleImage([base]), 'a.io/x:1');
    await store.close();
    expect(new IndexFile(join(folder, 'index')).read().unflushed).toBeUndefined();
  });

  it('refuses an image whose layers are not there, and one for another system', async () => {
    const store = open();
    const image = await sampleImage([base]);
    const { config, manifest } = image;
    const adding = store.addImage({ config, manifests: [manifest], tags: [], repoDigests: [] });
    await expect(adding).rejects.toThrow('was removed meanwhile');
    const windows = Buffer.from(JSON.stringify({ os: 'windows', rootfs: { diff_ids: [] } }));
    const other = store.addImage({ config: windows, manifests: [], tags: [], repoDigests: [] });
    await expect(other).rejects.toThrow('for windows, not for linux');
  });
});
