/**
 * What the conformance tests share: a real cluster, and a client of another project (`@kubernetes/client-node`) that
 * talks HTTPS to it. The cluster lives in a network namespace; bytes are carried there unread, TLS is end to end.
 */
import { createConnection, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { RequestOptions } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { KubeConfig, Watch } from '@kubernetes/client-node';
import type { Cluster, Json } from '../e2e/harness.ts';
import { eventually, isRoot, startCluster } from '../e2e/harness.ts';

export { eventually, isRoot };
export type { Cluster, Json };

export const IMAGE = 'nocher.local/hello:1';

export interface Reply {
  status: number;
  contentType: string;
  body: Json;
}

export interface WatchEvent {
  type: string;
  object: Json;
}

export interface RunningWatch {
  events: WatchEvent[];
  stop(): void;
}

export interface Conformance extends Cluster {
  /** Who the client is: the admin, or a copy of it that a test changes. */
  config: KubeConfig;
  /** Any request, any outcome. A string is sent as it is. */
  send(
    method: string,
    path: string,
    options?: { body?: unknown; type?: string; headers?: Record<string, string> },
  ): Promise<Reply>;
  /** These give the object and throw what the server said against the request. */
  get(path: string): Promise<Json>;
  post(path: string, body: unknown): Promise<Json>;
  put(path: string, body: unknown): Promise<Json>;
  remove(path: string, body?: unknown): Promise<Json>;
  /** A merge patch, unless `kind` says otherwise. */
  patch(path: string, body: unknown, kind?: 'merge' | 'strategic-merge' | 'json'): Promise<Json>;
  /** Reads, changes and replaces, again after a conflict. */
  update(path: string, change: (object: Json) => void): Promise<Json>;
  watch(path: string, query?: Record<string, string>): Promise<RunningWatch>;
  /** Makes a namespace in which pods can be made; gives its name. */
  namespace(prefix: string): Promise<string>;
}

/** Inside the cluster's network namespace: from a socket in the data folder to the API server's port. */
const CARRIER = `const net = require('node:net'); const [path, port] = process.argv.slice(1);
net.createServer((from) => { const to = net.connect(Number(port), '127.0.0.1'); from.pipe(to).pipe(from);
from.on('error', () => to.destroy()); to.on('error', () => from.destroy()); }).listen(path);`;

interface Carrier {
  port: number;
  close(): void;
}

async function carry(cluster: Cluster, apiPort: string): Promise<Carrier> {
  const path = join(cluster.dataDir, 'carrier.sock');
  const child: ChildProcess = cluster.spawn(process.execPath, ['-e', CARRIER, path, apiPort]);
  const sockets = new Set<Socket>();
  const server = createServer((from) => {
    const to = createConnection(path);
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy()).on('close', () => (sockets.delete(one), other.destroy()));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
    child.kill();
  };
  try {
    await eventually('the carrier’s socket', () => existsSync(path));
  } catch (error) {
    close();
    throw error;
  }
  return { port: (server.address() as AddressInfo).port, close };
}

export async function startConformance(flags: readonly string[] = ['--runtime', 'simulated']): Promise<Conformance> {
  const cluster = await startCluster(['--storage', 'memory', ...flags]);
  let carrier: Carrier | undefined;
  try {
    const config = new KubeConfig();
    config.loadFromFile(join(cluster.dataDir, 'admin.kubeconfig'));
    const server = new URL(config.getCurrentCluster()!.server);
    carrier = await carry(cluster, server.port);
    config.clusters = config.clusters.map((one) => ({ ...one, server: `https://127.0.0.1:${carrier!.port}` }));
    const stop = async (): Promise<void> => {
      carrier!.close();
      await cluster.stop();
    };
    return { ...cluster, ...clientOf(config), stop };
  } catch (error) {
    carrier?.close();
    await cluster.stop();
    throw error;
  }
}

const PATCH = 'application/merge-patch+json';

/** The requests of whoever `config` names. */
export function clientOf(config: KubeConfig): Omit<Conformance, keyof Cluster> {
  const send: Conformance['send'] = async (method, path, { body, type = 'application/json', headers = {} } = {}) => {
    const sent = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
    const bodyHeaders = sent === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(sent) };
    const options: RequestOptions = { method, headers: { accept: 'application/json', ...bodyHeaders, ...headers } };
    await config.applyToHTTPSOptions(options);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = httpsRequest(config.getCurrentCluster()!.server + path, options, resolve);
      request.on('error', reject);
      request.end(sent);
    });
    const content = await text(response);
    const contentType = response.headers['content-type'] ?? '';
    return {
      status: response.statusCode!,
      contentType,
      body: content !== '' && /^application\/(.*\+)?json/.test(contentType) ? JSON.parse(content) : content,
    };
  };
  const must = async (...request: Parameters<typeof send>): Promise<Json> => {
    const { status, body } = await send(...request);
    if (status >= 300) throw new Error(`${request[0]} ${request[1]}: ${status} ${body.message ?? body}`);
    return body;
  };
  const client: Omit<Conformance, keyof Cluster> = {
    config,
    send,
    get: (path) => must('GET', path),
    post: (path, body) => must('POST', path, { body }),
    put: (path, body) => must('PUT', path, { body }),
    remove: (path, body) => must('DELETE', path, { body }),
    patch: (path, body, kind) =>
      must('PATCH', path, { body, type: kind === undefined ? PATCH : `application/${kind}-patch+json` }),
    async update(path, change) {
      for (;;) {
        const object = await client.get(path);
        change(object);
        const { status, body } = await send('PUT', path, { body: object });
        if (status < 300) return body;
        if (status !== 409) throw new Error(`PUT ${path}: ${status} ${body.message}`);
      }
    },
    async watch(path, query = {}) {
      const events: WatchEvent[] = [];
      let failure: unknown;
      const note = (type: string, object: Json): void => void events.push({ type, object });
      const controller = await new Watch(config).watch(path, query, note, (error) => (failure = error));
      if (failure !== undefined && failure !== null) throw failure;
      return { events, stop: () => controller.abort() };
    },
    async namespace(prefix) {
      const { metadata } = await client.post('/api/v1/namespaces', { metadata: { generateName: `${prefix}-` } });
      await eventually(
        'the default service account',
        async () => (await send('GET', `/api/v1/namespaces/${metadata.name}/serviceaccounts/default`)).status === 200,
      );
      return metadata.name;
    },
  };
  return client;
}

/** A pod of one container, `c`; `spec` overrides. */
export function pod(name: string, { labels, ...spec }: Json = {}): Json {
  const containers = [{ name: 'c', image: IMAGE, ...(spec.container ?? {}) }];
  delete spec.container;
  return {
    metadata: { name, ...(labels === undefined ? {} : { labels }) },
    spec: { terminationGracePeriodSeconds: 1, containers, ...spec },
  };
}

export const isReady = ({ status }: Json): boolean =>
  (status?.conditions ?? []).some((condition: Json) => condition.type === 'Ready' && condition.status === 'True');
