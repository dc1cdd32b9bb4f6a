/** Watches over WebSockets, through the real listener. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { decodeProtobuf } from '../api/protobuf/decode.ts';
import type { ListeningServer } from './http/testing.ts';
import { startListeningServer } from './http/testing.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

let server: ListeningServer;
beforeAll(async () => {
  server = await startListeningServer();
  await server.call('POST', CONFIG_MAPS, { metadata: { name: 'before' } });
});
afterAll(() => server.close());

interface Watching {
  socket: WebSocket;
  /** The next message. */
  next(): Promise<{ data: Buffer; isBinary: boolean }>;
  closed: Promise<number>;
}

async function open(query: string, { protocols = [] as string[], headers = {} } = {}): Promise<Watching> {
  const url = `wss://127.0.0.1:${server.port}${CONFIG_MAPS}?watch=1&${query}`;
  const socket = new WebSocket(url, protocols, { ca: server.ca, headers });
  const messages: { data: Buffer; isBinary: boolean }[] = [];
  let wake = (): void => undefined;
  socket.on('message', (data: Buffer, isBinary) => {
    messages.push({ data, isBinary });
    wake();
  });
  const closed = once(socket, 'close').then(([code]) => code as number);
  await once(socket, 'open');
  return {
    socket,
    closed,
    async next() {
      while (messages.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return messages.shift()!;
    },
  };
}

const watchers = (): number =>
  (server.api.listers({ group: '', plural: 'configmaps' }) as unknown as { watcherCount: number }).watcherCount;

describe('a watch over a WebSocket', () => {
  it('sends each event as one message of text', async () => {
    const { socket, next, closed } = await open('');
    const first = await next();
    expect(first.isBinary).toBe(false);
    expect(JSON.parse(first.data.toString())).toMatchObject({
      type: 'ADDED',
      object: { metadata: { name: 'before' } },
    });
    for (const name of ['one', 'two']) await server.call('POST', CONFIG_MAPS, { metadata: { name } });
    for (const name of ['one', 'two'])
      expect(JSON.parse((await next()).data.toString())).toMatchObject({
        type: 'ADDED',
        object: { metadata: { name } },
      });
    socket.close();
    expect(await closed).toBe(1005);
  });

  it('sends protobuf as binary messages without a length before them', async () => {
    const { socket, next } = await open('', { headers: { accept: 'application/vnd.kubernetes.protobuf' } });
    const { data, isBinary } = await next();
    expect([isBinary, data.subarray(0, 7).toString()]).toEqual([true, '\n\x05ADDED']);
    expect(decodeProtobuf(data.subarray(data.indexOf('k8s\0')))).toMatchObject({ kind: 'ConfigMap' });
    socket.close();
  });

  it('speaks the protocol that stands beside the token', async () => {
    const token = `base64url.bearer.authorization.k8s.io.${Buffer.from('t').toString('base64url')}`;
    const named = await open('', { protocols: [token, 'binary.k8s.io'] });
    expect(named.socket.protocol).toBe('binary.k8s.io');
    named.socket.close();
    const refused = new WebSocket(`wss://127.0.0.1:${server.port}${CONFIG_MAPS}?watch=1`, ['a', 'b'], {
      ca: server.ca,
    });
    const [, { statusCode }] = (await once(refused, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(statusCode).toBe(400);
    refused.on('error', () => undefined).terminate();
  });

  it('closes when its time is over', async () => {
    const { next, closed } = await open('timeoutSeconds=1');
    await next();
    expect(await closed).toBe(1000);
  });

  it('ends when its client goes, with or without a word', async () => {
    const before = watchers();
    const polite = await open('');
    const gone = await open('');
    expect(watchers()).toBe(before + 2);
    polite.socket.close();
    gone.socket.terminate();
    while (watchers() > before) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it('is refused like any other when it may not be', async () => {
    const url = `wss://127.0.0.1:${server.port}${CONFIG_MAPS}?watch=1&resourceVersion=x`;
    const refused = new WebSocket(url, { ca: server.ca });
    const [, { statusCode }] = (await once(refused, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(statusCode).toBe(400);
    refused.on('error', () => undefined).terminate();
  });
});
