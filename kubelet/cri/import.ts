/**
 * Images into containerd without a registry. CRI has no call for it; `ctr`, which comes with containerd, has. Other
 * runtimes have their own tools.
 */
import { execFile } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import * as tar from 'tar-stream';
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { sha256 } from '../images/digest.ts';
import type { Sha256Digest } from '../images/digest.ts';
import type { HelloTarget } from '../images/hello-image.ts';
import type { NewImage } from '../images/store.ts';
import { RuntimeError } from '../runtime.ts';
import type { CriClient } from './client.ts';
import { imageOf } from './convert.ts';

const run = promisify(execFile);

/** The namespace of containerd where CRI keeps its own. */
const NAMESPACE = 'k8s.io';

export interface ImportOptions {
  client: CriClient;
  /** Path of containerd's socket. */
  socket: string;
  clock: Clock;
}

/** Takes an OCI or Docker archive; gives the names of its images. Throws an Error that says what is missing. */
export async function importArchive(path: string, { socket }: Pick<ImportOptions, 'socket'>): Promise<string[]> {
  const args = ['--address', socket, '--namespace', NAMESPACE, 'images', 'import', path];
  const { stdout } = await run('ctr', args, { maxBuffer: 1 << 20 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw new Error(`ctr could not import ${path}: ${wordsOf(error)}`);
    throw new Error(
      'only containerd’s own tool "ctr" puts images into containerd without a registry, and it is missing',
    );
  });
  return [...stdout.matchAll(/^unpacking (\S+)/gm)].map(([, name]) => name!);
}

function wordsOf(error: Error & { stderr?: string }): string {
  return (error.stderr ?? '').trim() || error.message;
}

const IMPORT_WAIT_MS = 10_000;
const IMPORT_POLL_MS = 20;

/** Resolves when CRI knows the image, which it learns a little after containerd. */
export async function waitForImage(name: string, { client, clock }: ImportOptions): Promise<void> {
  const endMs = clock.monotonicMs() + IMPORT_WAIT_MS;
  while (clock.monotonicMs() < endMs) {
    const { image } = await client.call('ImageStatus', { image: { image: name } });
    if (image !== null) return;
    await sleep(clock, IMPORT_POLL_MS);
  }
  throw new RuntimeError('unavailable', `the runtime does not know ${name}, which was imported`);
}

/** Takes images that are made here, one layer each, and hands them over as archives. */
export function createImportTarget(options: ImportOptions & { folder: string; random: Random }): HelloTarget {
  const { client, folder, random } = options;
  const layers = new Map<Sha256Digest, string>();
  const temporaryPath = async (): Promise<string> => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return join(folder, Buffer.from(random.bytes(8)).toString('hex'));
  };
  return {
    temporaryPath,
    async status(name) {
      const { image } = await client.call('ImageStatus', { image: { image: name } });
      return image === null ? undefined : imageOf(image);
    },
    async resolveRootfs(id) {
      const { info } = await client.call('ImageStatus', { image: { image: id }, verbose: true });
      return { config: { Labels: labelsOf(info['info']) } };
    },
    async withLayers(_diffIds, use) {
      try {
        return await use();
      } finally {
        for (const path of layers.values()) await rm(path, { force: true });
        layers.clear();
      }
    },
    async addLayer(diffId, open) {
      const path = await temporaryPath();
      layers.set(diffId, path);
      await pipeline(open().content, createWriteStream(path));
    },
    async addImage(image) {
      const archive = await temporaryPath();
      try {
        await writeArchive(archive, image, [...layers.values()]);
        await importArchive(archive, options);
        for (const name of image.tags) await waitForImage(name, options);
      } finally {
        await rm(archive, { force: true });
      }
      return sha256(image.config);
    },
  };
}

/** What containerd tells of an image beyond CRI. */
function labelsOf(info: string | undefined): Record<string, string> {
  if (info === undefined) return {};
  const { imageSpec } = JSON.parse(info) as { imageSpec?: { config?: { Labels?: Record<string, string> } } };
  return imageSpec?.config?.Labels ?? {};
}

/** In the form of `docker save`. */
async function writeArchive(path: string, { config, tags }: NewImage, layers: readonly string[]): Promise<void> {
  const pack = tar.pack();
  const writing = pipeline(pack as AsyncIterable<Buffer>, createWriteStream(path));
  const configName = `${sha256(config).slice('sha256:'.length)}.json`;
  const names = layers.map((_, index) => `${index}.tar`);
  pack.entry({ name: configName }, Buffer.from(config));
  for (const [index, layer] of layers.entries()) {
    const { size } = await stat(layer);
    const entry = pack.entry({ name: names[index]!, size });
    await pipeline(createReadStream(layer), entry);
  }
  pack.entry({ name: 'manifest.json' }, JSON.stringify([{ Config: configName, RepoTags: tags, Layers: names }]));
  pack.finalize();
  await writing;
}
