/** Encodings on the wire: what is negotiated, what is answered, and what is refused. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { ClientHttp2Stream } from 'node:http2';
import { gunzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { decodeProtobuf } from '../api/protobuf/decode.ts';
import { encodeProtobuf } from '../api/protobuf/encode.ts';
import { negotiate } from './render/negotiate.ts';
import type { MediaType } from './render/negotiate.ts';
import { startTestServer, testAdmin } from './testing.ts';
import type { ListeningServer } from './http/testing.ts';
import { startListeningServer } from './http/testing.ts';

const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const TYPES = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';

type Json = Record<string, unknown>;

let server: ListeningServer;
beforeAll(async () => {
  server = await startListeningServer();
  await server.call('POST', CONFIG_MAPS, { metadata: { name: 'a', labels: { app: 'a' } }, data: { key: 'väl' } });
});
afterAll(() => server.close());

describe('negotiate()', () => {
  const all = { protobuf: true, tables: true, metadata: true };
  const name = (media: MediaType | undefined): string =>
    media === undefined ? '406' : `${media.format} ${media.as}${media.pretty ? ' pretty' : ''}`;

  it.each([
    ['', 'json object'],
    ['*/*', 'json object'],
    ['*', 'json object'],
    ['application/*', 'json object'],
    ['application/yaml', 'yaml object'],
    [PROTOBUF, 'protobuf object'],
    [`${PROTOBUF},application/json`, 'protobuf object'],
    [`application/json;q=0.5, ${PROTOBUF}`, 'protobuf object'],
    // Named types go before wildcards, whatever their quality.
    ['*/*, application/yaml;q=0.1', 'yaml object'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'json object'],
    // A quality of 0 is the last choice.
    ['application/json;q=0', 'json object'],
    ['application/json;q=0, application/yaml', 'yaml object'],
    ['text/plain', '406'],
    ['Application/JSON', '406'],
    ['application/json/x, garbage, ;;, =', '406'],
    ['application/json;charset=utf-8', 'json object'],
    ['application/json;pretty=1', 'json object pretty'],
    ['application/json;stream=watch', 'json object'],
    ['application/json;stream=other', '406'],
    ['application/yaml;stream=watch', '406'],
    ['application/json;sv=v2', '406'],
    ['application/json;as=Table;v=v1;g=meta.k8s.io', 'json table'],
    ['application/json;as=Table;v=v1beta1;g=meta.k8s.io', 'json table'],
    ['application/yaml;as=Table;v=v1;g=meta.k8s.io', 'yaml table'],
    ['application/json;as=Table;v=v2;g=meta.k8s.io,application/json', 'json object'],
    ['application/json;as=Chair;v=v1;g=meta.k8s.io', '406'],
    ['application/json;g=meta.k8s.io', '406'],
    [`${PROTOBUF};as=Table;v=v1;g=meta.k8s.io`, '406'],
    [`${PROTOBUF};as=PartialObjectMetadata;v=v1;g=meta.k8s.io`, 'protobuf metadata'],
    [`${PROTOBUF};as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json`, 'protobuf metadata-list'],
  ])('takes %j for %s', (accept, expected) => {
    expect(name(negotiate(accept, all))).toBe(expected);
  });

  it('looks at no more of a header than clients send', () => {
    expect(name(negotiate(`${'a/b,'.repeat(99)}application/json`, all))).toBe('json object');
    expect(name(negotiate(`${'a/b,'.repeat(100)}application/json`, all))).toBe('406');
  });

  it('goes on to what a custom resource or a review has', () => {
    const few = { protobuf: false, tables: false, metadata: true };
    expect(name(negotiate(`${PROTOBUF},application/json`, few))).toBe('json object');
    expect(name(negotiate(PROTOBUF, few))).toBe('406');
    expect(name(negotiate('application/json;as=Table;v=v1;g=meta.k8s.io,application/yaml', few))).toBe('yaml object');
  });
});

describe('answers [A5]', () => {
  const asJson = async (path: string): Promise<Json> =>
    JSON.parse((await server.fetch(path, { accept: 'application/json' })).text) as Json;

  it('come in protobuf: objects, lists, discovery, errors', async () => {
    for (const path of [`${CONFIG_MAPS}/a`, '/api/v1/namespaces/default', '/api/v1/namespaces/default/nothing/x']) {
      const { headers, bytes } = await server.fetch(path, { accept: PROTOBUF });
      expect(headers['content-type']).toBe(PROTOBUF);
      const { metadata: _metadata, ...expected } = await asJson(path);
      expect(decodeProtobuf(bytes)).toMatchObject(expected);
    }
    for (const path of ['/api', '/apis', '/apis/apps', '/apis/apps/v1', '/api/v1']) {
      const { headers, bytes } = await server.fetch(path, { accept: PROTOBUF });
      expect([path, headers['content-type']]).toEqual([path, PROTOBUF]);
      const { apiVersion: _apiVersion, ...read } = decodeProtobuf(bytes);
      const { apiVersion: _other, ...expected } = await asJson(path);
      expect(JSON.stringify(read).length).toBeGreaterThan(60);
      expect(Object.keys(read).sort()).toEqual(Object.keys(expected).sort());
    }
    const list = decodeProtobuf((await server.fetch(CONFIG_MAPS, { accept: PROTOBUF })).bytes) as { items: Json[] };
    const expected = (await asJson(CONFIG_MAPS)) as { items: Json[] };
    expect(list).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1', metadata: expected['metadata' as never] });
    expect(list.items).toEqual(expected.items.map(({ kind: _kind, apiVersion: _apiVersion, ...item }) => item));
  });

  it('come in protobuf to writes, and writes may', async () => {
    const headers = { accept: `${PROTOBUF},application/json`, 'content-type': PROTOBUF };
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'written' }, data: { a: '1' } };
    const made = await server.fetch(CONFIG_MAPS, headers, { method: 'POST', body: encodeProtobuf(object) });
    expect([made.status, made.headers['content-type']]).toEqual([201, PROTOBUF]);
    const stored = decodeProtobuf(made.bytes) as Json & { metadata: Json; data: Json };
    stored.data = { a: '2' };
    const path = `${CONFIG_MAPS}/written`;
    const put = await server.fetch(path, headers, { method: 'PUT', body: encodeProtobuf(stored as never) });
    expect(decodeProtobuf(put.bytes)).toMatchObject({ data: { a: '2' }, metadata: { uid: stored.metadata['uid'] } });
    const patched = await server.fetch(
      path,
      { ...headers, 'content-type': 'application/merge-patch+json' },
      { method: 'PATCH', body: '{"data":{"a":"3"}}' },
    );
    expect(decodeProtobuf(patched.bytes)).toMatchObject({ data: { a: '3' } });
    const options = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'other' } };
    const refused = await server.fetch(path, headers, { method: 'DELETE', body: encodeProtobuf(options) });
    expect([refused.status, decodeProtobuf(refused.bytes)['reason']]).toEqual([409, 'Conflict']);
    const deleted = await server.fetch(path, headers, { method: 'DELETE' });
    expect(decodeProtobuf(deleted.bytes)).toMatchObject({ kind: 'Status', status: 'Success' });
    const broken = await server.fetch(CONFIG_MAPS, headers, { method: 'POST', body: 'k8s\0\xff' });
    expect([broken.status, decodeProtobuf(broken.bytes)['reason']]).toEqual([400, 'BadRequest']);
  });

  it('come as metadata in protobuf, as client-go asks for it [A12]', async () => {
    const accept = (as: string): Json => ({ accept: `${PROTOBUF};as=${as};g=meta.k8s.io;v=v1,application/json` });
    const one = await server.fetch(`${CONFIG_MAPS}/a`, accept('PartialObjectMetadata') as never);
    expect(one.headers['content-type']).toBe(PROTOBUF);
    const object = decodeProtobuf(one.bytes);
    expect(object).toMatchObject({ kind: 'PartialObjectMetadata', metadata: { name: 'a', labels: { app: 'a' } } });
    const list = await server.fetch(CONFIG_MAPS, accept('PartialObjectMetadataList') as never);
    expect(decodeProtobuf(list.bytes)).toMatchObject({
      kind: 'PartialObjectMetadataList',
      items: [{ metadata: { name: 'a' } }],
    });
    const wrong = await server.fetch(CONFIG_MAPS, {
      accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json',
    });
    expect([wrong.status, (JSON.parse(wrong.text) as Json)['message']]).toEqual([
      406,
      'you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)',
    ]);
  });

  it('come in YAML, which is JSON in its order', async () => {
    const { headers, text } = await server.fetch(`${CONFIG_MAPS}/a`, { accept: 'application/yaml' });
    expect(headers['content-type']).toBe('application/yaml');
    expect(parse(text)).toEqual(await asJson(`${CONFIG_MAPS}/a`));
    expect(text).toMatch(/^apiVersion: v1\ndata:\n {2}key: väl\nkind: ConfigMap\nmetadata:\n {2}creationTimestamp: /);
    const list = await server.fetch(CONFIG_MAPS, { accept: 'application/yaml' });
    expect(parse(list.text)).toEqual(await asJson(CONFIG_MAPS));
    expect(list.text).toMatch(/^apiVersion: v1\nitems:\n- apiVersion: v1\n {2}data:\n/);
    expect(parse((await server.fetch('/api/v1/nodes', { accept: 'application/yaml' })).text)).toMatchObject({
      items: [],
    });
  });

  it('come as tables of either version, to writes as well [A12]', async () => {
    for (const version of ['v1', 'v1beta1']) {
      const accept = `application/json;as=Table;v=${version};g=meta.k8s.io,application/json`;
      const table = { kind: 'Table', apiVersion: `meta.k8s.io/${version}` };
      const { text } = await server.fetch(CONFIG_MAPS, { accept });
      expect(JSON.parse(text)).toMatchObject({
        ...table,
        rows: [{ object: { apiVersion: `meta.k8s.io/${version}` } }],
      });
      const body = JSON.stringify({ metadata: { name: `table-${version}` } });
      const made = await server.fetch(
        CONFIG_MAPS,
        { accept, 'content-type': 'application/json' },
        { method: 'POST', body },
      );
      expect(made.status).toBe(201);
      expect(JSON.parse(made.text)).toMatchObject({
        ...table,
        rows: [{ cells: [`table-${version}`, 0, expect.anything()] }],
      });
      await server.call('DELETE', `${CONFIG_MAPS}/table-${version}`);
    }
  });

  it('are indented for people alone, and end in a line break for programs', async () => {
    const path = `${CONFIG_MAPS}/a`;
    const compact = `${JSON.stringify(await asJson(path))}\n`;
    const isIndented = (text: string): boolean => text === JSON.stringify(JSON.parse(text), null, 2);
    const get = async (url: string, agent: string): Promise<string> =>
      (await server.fetch(url, { 'user-agent': agent })).text;
    expect(await get(path, 'kubectl/v1.35.0')).toBe(compact);
    expect(await get(`${path}?pretty=false`, 'curl/8.0')).toBe(compact);
    for (const agent of ['curl/8.0', 'Wget/1.2', 'Mozilla/5.0 (X11)'])
      expect(isIndented(await get(path, agent))).toBe(true);
    expect(isIndented(await get(`${path}?pretty=true`, 'kubectl/v1.35.0'))).toBe(true);
    expect(await get(`${path}?pretty=nonsense`, 'curl/8.0')).toBe(compact);
    const list = await get(CONFIG_MAPS, 'kubectl/v1.35.0');
    expect(list.endsWith('\n')).toBe(true);
    const listed = await get(CONFIG_MAPS, 'curl/8.0');
    expect(isIndented(listed)).toBe(true);
    expect(JSON.parse(listed)).toEqual(JSON.parse(list));
    expect(isIndented(await get('/api/v1/nodes', 'curl/8.0'))).toBe(true);
    expect(await get('/version', 'kubectl/v1.35.0')).toMatch(/^\{\n {2}"major": "1",\n/);
  });

  it('are refused when nothing fits, before anything is done', async () => {
    const refusal = {
      code: 406,
      reason: 'NotAcceptable',
      message: `only the following media types are accepted: ${TYPES}`,
    };
    const body = JSON.stringify({ metadata: { name: 'never' } });
    const type = { accept: 'text/plain', 'content-type': 'application/json' };
    const asked = [
      await server.fetch(`${CONFIG_MAPS}/a`, { accept: 'text/plain' }),
      await server.fetch(`${CONFIG_MAPS}?watch=1`, { accept: 'text/plain' }),
      await server.fetch('/apis', { accept: 'text/plain' }),
      await server.fetch('/nowhere', { accept: 'text/plain' }),
      await server.fetch(CONFIG_MAPS, type, { method: 'POST', body }),
    ];
    for (const { status, headers, text } of asked) {
      expect([status, headers['content-type']]).toEqual([406, 'application/json']);
      expect(JSON.parse(text)).toMatchObject(refusal);
    }
    expect((await server.fetch(`${CONFIG_MAPS}/never`)).status).toBe(404);
    const stream = await server.fetch(`${CONFIG_MAPS}?watch=1`, { accept: 'application/yaml' });
    expect(parse(stream.text)).toMatchObject({
      code: 406,
      message: `only the following media types are accepted: application/json;stream=watch, ${PROTOBUF};stream=watch`,
    });
  });

  it('name the types of bodies that can be read', async () => {
    for (const contentType of ['text/plain', 'application/xml', 'application/json-patch+json']) {
      const { text } = await server.fetch(CONFIG_MAPS, { 'content-type': contentType }, { method: 'POST', body: '{}' });
      expect(JSON.parse(text)).toMatchObject({
        code: 415,
        reason: 'UnsupportedMediaType',
        message: `the body of the request was in an unknown format - accepted media types include: ${TYPES}`,
      });
    }
    const gzip = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    expect(
      (await server.fetch(CONFIG_MAPS, gzip, { method: 'POST', body: Buffer.from([0x1f, 0x8b, 8, 0]) })).status,
    ).toBe(400);
  });
});

describe('compression', () => {
  const text = 'x'.repeat(90_000);
  const accept = { 'accept-encoding': 'gzip, br' };
  beforeAll(async () => {
    for (const name of ['big-1', 'big-2', 'big-3'])
      await server.call('POST', '/api/v1/namespaces/kube-system/configmaps', { metadata: { name }, data: { text } });
    const data = Object.fromEntries(['a', 'b'].map((key) => [key, text]));
    await server.call('POST', '/api/v1/namespaces/kube-public/configmaps', { metadata: { name: 'large' }, data });
  });

  it('is for what is larger than 128 KiB, by those who ask for it', async () => {
    for (const path of [
      '/api/v1/namespaces/kube-system/configmaps',
      '/api/v1/namespaces/kube-public/configmaps/large',
    ]) {
      for (const type of ['application/json', 'application/yaml', PROTOBUF]) {
        const plain = await server.fetch(path, { accept: type });
        expect([plain.headers['content-encoding'], plain.bytes.length > 128 << 10]).toEqual([undefined, true]);
        const small = await server.fetch(path, { accept: type, ...accept });
        expect([small.headers['content-encoding'], small.headers['vary']]).toEqual(['gzip', 'Accept-Encoding']);
        expect(small.bytes.length).toBeLessThan(plain.bytes.length / 10);
        expect(gunzipSync(small.bytes).equals(plain.bytes)).toBe(true);
      }
      expect((await server.fetch(path, { 'accept-encoding': 'gzip;q=1' })).headers['content-encoding']).toBeUndefined();
    }
  });

  it('is for OpenAPI too, whose answer varies by both', async () => {
    const plain = await server.fetch('/openapi/v2');
    const { headers, bytes } = await server.fetch('/openapi/v2', accept);
    expect([headers['content-encoding'], headers['vary']]).toEqual(['gzip', 'Accept, Accept-Encoding']);
    expect(gunzipSync(bytes).equals(plain.bytes)).toBe(true);
  });

  it('is not for what is small, and not for watches', async () => {
    const { headers, text: list } = await server.fetch(CONFIG_MAPS, accept);
    expect([headers['content-encoding'], (JSON.parse(list) as Json)['kind']]).toEqual([undefined, 'ConfigMapList']);
    const watch = await server.fetch('/api/v1/configmaps?watch=1&timeoutSeconds=1', accept);
    expect([watch.status, watch.headers['content-encoding']]).toEqual([200, undefined]);
  });
});

/** The frames that have come, of which the last may be cut short. */
function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  let at = 0;
  while (at + 4 <= bytes.length && at + 4 + bytes.readUInt32BE(at) <= bytes.length) {
    const end = at + 4 + bytes.readUInt32BE(at);
    frames.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return frames;
}

/** A `WatchEvent`: its type, and its object out of the envelope. */
function readEvent(event: Buffer): [string, Json] {
  const length = event[1]!;
  return [event.subarray(2, 2 + length).toString(), decodeProtobuf(event.subarray(event.indexOf('k8s\0')))];
}

describe('a watch in protobuf', () => {
  async function watchUntil(query: string, accept: string, isEnough: (frames: Buffer[]) => boolean): Promise<Buffer[]> {
    const session = server.connect();
    const stream: ClientHttp2Stream = session.request({ ':path': `/api/v1/secrets?watch=1&${query}`, accept });
    try {
      const [head] = (await once(stream, 'response')) as [Record<string, string>];
      expect(head['content-type']).toBe(`${PROTOBUF};stream=watch`);
      let bytes = Buffer.alloc(0);
      for await (const chunk of stream) {
        bytes = Buffer.concat([bytes, chunk as Buffer]);
        if (isEnough(framesOf(bytes))) break;
      }
      return framesOf(bytes);
    } finally {
      session.destroy();
    }
  }

  it('tells of what changes, and bookmarks the end of what there was', async () => {
    const secret = { metadata: { name: 's', namespace: 'default' }, data: { key: 'AAEC' } };
    await server.call('POST', '/api/v1/namespaces/default/secrets', secret);
    const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const frames = await watchUntil(query, `${PROTOBUF},application/json`, ({ length }) => length >= 2);
    const [[added, object], [mark, bookmark]] = frames.map(readEvent) as [[string, Json], [string, Json]];
    expect([added, mark]).toEqual(['ADDED', 'BOOKMARK']);
    expect(object).toMatchObject({ kind: 'Secret', data: { key: 'AAEC' } });
    expect(bookmark).toMatchObject({ metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } });
  });

  it('tells metadata alone', async () => {
    const metadata = `${PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`;
    const frames = await watchUntil('', metadata, ({ length }) => length >= 1);
    expect(readEvent(frames[0]!)).toMatchObject(['ADDED', { kind: 'PartialObjectMetadata', metadata: { name: 's' } }]);
  });

  it('says why it ends', async () => {
    // This server's window does not reach back to the first revision.
    const { api } = await startTestServer({ storage: server.storage });
    try {
      const { body } = await api.handler({
        method: 'GET',
        path: '/api/v1/secrets',
        query: new URLSearchParams('watch=1&resourceVersion=1'),
        headers: { accept: PROTOBUF },
        user: testAdmin,
        signal: new AbortController().signal,
      });
      const frames: Buffer[] = [];
      if (body.type === 'watch') for await (const bytes of body.frames) frames.push(...framesOf(Buffer.from(bytes)));
      expect(frames.map(readEvent)).toMatchObject([['ERROR', { kind: 'Status', code: 410, reason: 'Expired' }]]);
    } finally {
      await api.close();
    }
  });
});
