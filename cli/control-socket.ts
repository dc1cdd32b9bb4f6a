/**
 * How `nocher status` and `nocher image` speak to a running cluster: HTTP on a Unix socket in the data folder, which
 * only its owner may enter. The image store has one writer: the process that runs the cluster.
 */
import { createServer, request as httpRequest } from 'node:http';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import type { ImageStore } from '../kubelet/images/store.ts';
import { loadArchive } from '../kubelet/images/archive.ts';
import type { ClusterStatus } from './cluster-health.ts';
import type { DataFolder } from './data-folder.ts';

export interface ImageRow {
  tags: string[];
  id: string;
  sizeBytes: number;
}

/** The images of a node, whoever keeps them. */
export interface NodeImages {
  list(): Promise<ImageRow[]>;
  /** Of an archive; resolves with the names of what was in it. */
  load(path: string): Promise<string[]>;
  remove(image: string): Promise<void>;
}

/** Those in our own store. */
export function storedImages(store: ImageStore): NodeImages {
  return {
    async list() {
      const images = await store.list();
      return images.map(({ repoTags, id, sizeBytes }) => ({ tags: repoTags, id, sizeBytes }));
    },
    async load(path) {
      const loaded = await loadArchive({ store, source: path, signal: new AbortController().signal });
      return loaded.map(({ id, tags }) => tags[0] ?? id);
    },
    remove: (image) => store.remove(image),
  };
}

export interface ControlledCluster {
  status(): Promise<ClusterStatus>;
  /** Undefined where pods only pretend to run. */
  images: NodeImages | undefined;
}

type ActionName = 'status' | 'list' | 'load' | 'remove';

const imagesOf = ({ images }: ControlledCluster): NodeImages => {
  if (images === undefined) throw new Error('this cluster keeps no images: its pods only pretend to run');
  return images;
};

const ACTIONS: Readonly<Record<ActionName, (cluster: ControlledCluster, argument: string) => Promise<unknown>>> = {
  status: (cluster) => cluster.status(),
  list: async (cluster) => imagesOf(cluster).list(),
  load: async (cluster, path) => imagesOf(cluster).load(path),
  remove: async (cluster, image) => imagesOf(cluster).remove(image),
};

/** A socket's path may have 107 bytes: the folder is opened, and the socket named through it. */
function withShortPath<T>(folder: DataFolder, use: (path: string, done: () => void) => T): T {
  const descriptor = openSync(folder.file('run'), constants.O_RDONLY | constants.O_DIRECTORY);
  return use(`/proc/self/fd/${descriptor}/control.sock`, () => closeSync(descriptor));
}

/** Serves until the function given back is called. */
export function serveControlSocket(folder: DataFolder, cluster: ControlledCluster): () => void {
  const path = folder.file('run', 'control.sock');
  rmSync(path, { force: true });
  const server = createServer((incoming, outgoing) => {
    const url = new URL(incoming.url ?? '/', 'http://localhost');
    const name = url.pathname.slice(1);
    const answer = (status: number, body: unknown): void => {
      outgoing.writeHead(status, { 'content-type': 'application/json' });
      outgoing.end(JSON.stringify(body ?? null));
    };
    if (!Object.hasOwn(ACTIONS, name)) return answer(404, { error: 'no such action' });
    ACTIONS[name as ActionName](cluster, url.searchParams.get('argument') ?? '').then(
      (result) => answer(200, result),
      (error: unknown) => answer(400, { error: (error as Error).message }),
    );
  });
  withShortPath(folder, (short, done) => server.listen(short, done));
  server.unref();
  return () => {
    server.close();
    rmSync(path, { force: true });
  };
}

/** Throws an Error with the running cluster's words. */
export function askRunning(folder: DataFolder, action: ActionName, argument = ''): Promise<unknown> {
  return new Promise((resolve, reject) => {
    withShortPath(folder, (socketPath, done) => {
      const request = httpRequest(
        { socketPath, path: `/${action}?argument=${encodeURIComponent(argument)}` },
        (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => (text += chunk.toString()));
          response.on('end', () => {
            const body = JSON.parse(text) as { error?: string };
            if (response.statusCode === 200) resolve(body);
            else reject(new Error(body.error));
          });
        },
      );
      request.on('socket', (socket) => socket.once('connect', done));
      request.on('error', reject);
      request.end();
    });
  });
}
