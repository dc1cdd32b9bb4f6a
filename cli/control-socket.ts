/**
 * How `nocher image` speaks to a running cluster: HTTP on a Unix socket in the data folder, which only its owner may
 * enter. The store has one writer: the process that runs the cluster.
 */
import { createServer, request as httpRequest } from 'node:http';
import { rmSync } from 'node:fs';
import type { ImageStore } from '../kubelet/images/store.ts';
import { loadArchive } from '../kubelet/images/archive.ts';
import type { DataFolder } from './data-folder.ts';

export interface ImageRow {
  tags: string[];
  id: string;
  sizeBytes: number;
}

export async function imageRows(store: ImageStore): Promise<ImageRow[]> {
  const images = await store.list();
  return images.map(({ repoTags, id, sizeBytes }) => ({ tags: repoTags, id, sizeBytes }));
}

export async function loadInto(store: ImageStore, path: string): Promise<string[]> {
  const loaded = await loadArchive({ store, source: path, signal: new AbortController().signal });
  return loaded.map(({ id, tags }) => tags[0] ?? id);
}

type Action = (store: ImageStore, argument: string) => Promise<unknown>;

const ACTIONS: Readonly<Record<string, Action>> = {
  list: (store) => imageRows(store),
  load: (store, path) => loadInto(store, path),
  remove: (store, image) => store.remove(image),
};

/** Serves until the function given back is called. */
export function serveControlSocket(folder: DataFolder, store: ImageStore): () => void {
  const path = folder.file('run', 'control.sock');
  rmSync(path, { force: true });
  const server = createServer((incoming, outgoing) => {
    const url = new URL(incoming.url ?? '/', 'http://localhost');
    const action = ACTIONS[url.pathname.slice(1)];
    const answer = (status: number, body: unknown): void => {
      outgoing.writeHead(status, { 'content-type': 'application/json' });
      outgoing.end(JSON.stringify(body ?? null));
    };
    if (action === undefined) return answer(404, { error: 'no such action' });
    action(store, url.searchParams.get('argument') ?? '').then(
      (result) => answer(200, result),
      (error: unknown) => answer(400, { error: (error as Error).message }),
    );
  });
  server.listen(path);
  server.unref();
  return () => {
    server.close();
    rmSync(path, { force: true });
  };
}

/** Throws an Error with the running cluster's words. */
export function askRunning(folder: DataFolder, action: 'list' | 'load' | 'remove', argument = ''): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ socketPath: folder.file('run', 'control.sock'), path: `/${action}?argument=${encodeURIComponent(argument)}` }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        const body = JSON.parse(text) as { error?: string };
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(body.error));
      });
    });
    request.on('error', reject);
    request.end();
  });
}
