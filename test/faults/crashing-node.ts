/**
 * A kubelet on the native runtime as a process of its own, which its parent can have killed at any effect. It reaches
 * the API server, which is the parent's, over the channel to it. Bundled by `node-process.ts`.
 */
import { join } from 'node:path';
import type { WatchEvent } from '../../api/machinery/handler.ts';
import { realClock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import { clientOver, errorFromStatus } from '../../client/verbs.ts';
import type { Transport, TransportRequest } from '../../client/verbs.ts';
import { createImageStore } from '../../kubelet/images/store.ts';
import { startKubelet } from '../../kubelet/kubelet.ts';
import { NativeRuntime } from '../../kubelet/native/native-runtime.ts';
import type { ImageService } from '../../kubelet/runtime.ts';
import { arm, effect, effectsSeen } from './effects/crash-point.ts';
import type { FromNode, NodeConfig, ToNode } from './node-messages.ts';

const config = JSON.parse(process.argv[2]!) as NodeConfig;
const tell = (message: FromNode): void => void process.send!(message);

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  onEvents?(events: WatchEvent[]): void;
}
const waiting = new Map<number, Waiting>();
let lastId = 0;

function ask(request: TransportRequest, further: Omit<Waiting, 'resolve' | 'reject'> & { isWatch: boolean }) {
  const id = ++lastId;
  const { method, path, query, contentType, body, signal } = request;
  const answer = new Promise<unknown>((resolve, reject) => waiting.set(id, { resolve, reject, ...further }));
  tell({
    type: 'request',
    id,
    isWatch: further.isWatch,
    method,
    url: `${path}?${query.toString()}`,
    contentType: contentType ?? 'application/json',
    body,
  });
  signal?.addEventListener('abort', () => tell({ type: 'cancel', id }), { once: true });
  return answer;
}

/** What the node tells of itself, and events, have their own pace, and nothing waits for them. */
const isBeside = (path: string): boolean => /\/(nodes|leases|events)(\/|$)/.test(path);

const transport: Transport = {
  call: (request) => {
    const act = (): Promise<unknown> => ask(request, { isWatch: false });
    if (request.method === 'GET' || isBeside(request.path)) return act();
    return effect(`${request.method} ${request.path.split('/').slice(5).join('/')}`, act);
  },
  async *stream(request) {
    const queue: (readonly WatchEvent[])[] = [];
    let wake: () => void = () => undefined;
    const end = ask(request, {
      isWatch: true,
      onEvents(events) {
        queue.push(events);
        wake();
      },
    }).then(
      () => ({ error: undefined }),
      (error: unknown) => ({ error }),
    );
    for (;;) {
      yield* queue.splice(0);
      const outcome = await Promise.race([end, new Promise<undefined>((resolve) => (wake = () => resolve(undefined)))]);
      if (outcome === undefined || queue.length > 0) continue;
      if (outcome.error !== undefined && !request.signal.aborted) throw outcome.error;
      return;
    }
  },
};

process.on('message', (message: ToNode) => {
  switch (message.type) {
    case 'arm':
      arm(message.plan);
      tell({ type: 'armed' });
      return;
    case 'effects':
      tell({ type: 'effects', labels: effectsSeen() });
      return;
    case 'heap':
      globalThis.gc!();
      tell({ type: 'heap', usedBytes: process.memoryUsage().heapUsed });
      return;
    case 'events':
      waiting.get(message.id)?.onEvents?.(message.events);
      return;
    case 'response': {
      const { resolve, reject } = waiting.get(message.id)!;
      waiting.delete(message.id);
      if (message.status >= 400) reject(errorFromStatus((message.body ?? {}) as object, message.status));
      else resolve(message.body);
    }
  }
});

const print = (message: string, fields?: Record<string, unknown>): void =>
  console.error(message, JSON.stringify(fields ?? {}));
const log: Logger = { debug: () => undefined, info: print, warn: print, error: print, child: () => log };

const store = createImageStore({ folder: join(config.folder, 'images'), clock: realClock, log });
/** What would be pulled is there. */
const images: ImageService = {
  listImages: () => store.list(),
  imageStatus: (image) => store.status(image),
  removeImage: (image) => store.remove(image),
  pullImage: (image) => effect('pull', async () => (await store.status(image))!.id),
};
const runtime = await NativeRuntime.open({
  program: config.program,
  folder: join(config.folder, 'sandboxes'),
  clusterId: config.clusterId,
  podCidr: config.podCidr,
  images: store,
  clock: realClock,
  random: realRandom,
  log,
  version: 'test',
  seccompFolder: join(config.folder, 'seccomp'),
});
await startKubelet({
  nodeName: config.nodeName,
  client: clientOver(transport),
  clock: realClock,
  random: realRandom,
  log,
  runtime,
  images,
  folder: join(config.folder, 'pods'),
  nodeIp: '192.0.2.10',
  podCidr: config.podCidr,
  kubeletPort: 10250,
  dns: { servers: ['10.96.0.10'], domain: 'cluster.local' },
  ...(config.crashBackoff === undefined ? {} : { crashBackoff: config.crashBackoff }),
  signal: new AbortController().signal,
});
tell({ type: 'ready' });
