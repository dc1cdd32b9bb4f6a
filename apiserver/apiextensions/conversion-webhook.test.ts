import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { WatchEvent } from '../../api/machinery/handler.ts';
import type { Json } from '../admission/webhook/testing.ts';
import { addWebhook, jsonPatch, startWebhook } from '../admission/webhook/testing.ts';
import type { TestServer } from '../testing.ts';
import { startTestServer } from '../testing.ts';
import type { TestConverter } from './testing.ts';
import { addressDefinition, addressVersion, converterOf, startConverter, success } from './testing.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const MERGE = 'application/merge-patch+json';

let server: TestServer;
let converter: TestConverter;
const stop = new AbortController();

beforeAll(async () => {
  [server, converter] = await Promise.all([startTestServer(), startConverter()]);
});
afterEach(() => {
  converter.answer = undefined;
  converter.reviews.length = 0;
});
afterAll(async () => {
  stop.abort();
  await server.close();
  await converter.close();
});

async function define(group: string, versions?: Json[], conversion: Json = converterOf(converter)): Promise<void> {
  await server.call('POST', DEFINITIONS, addressDefinition(group, conversion, versions));
}

/** Changes a definition's spec. */
async function redefine(group: string, spec: unknown): Promise<void> {
  const url = `${DEFINITIONS}/addresses.${group}`;
  const { status, body } = await server.send('PATCH', url, { body: { spec }, contentType: MERGE });
  if (status !== 200) throw new Error(JSON.stringify(body));
}

const urlOf = (group: string, version: string, name = ''): string =>
  `/apis/${group}/${version}/namespaces/default/addresses${name === '' ? '' : `/${name}`}`;

function address(group: string, name: string, metadata: Json = {}): Json {
  return { apiVersion: `${group}/v1`, kind: 'Address', metadata: { name, ...metadata }, hostPort: 'localhost:8080' };
}

function create(group: string, name: string, metadata: Json = {}): Promise<Json> {
  return server.call('POST', urlOf(group, 'v1'), address(group, name, metadata));
}

async function stored(group: string, name: string): Promise<Json> {
  const { entries } = await server.storage.list({ prefix: `/registry/${group}/addresses/default/${name}` });
  return JSON.parse(Buffer.from(entries[0]!.value).toString());
}

async function take(events: AsyncIterator<WatchEvent>, count: number): Promise<Json[]> {
  const taken: Json[] = [];
  while (taken.length < count) taken.push((await events.next()).value);
  return taken;
}

async function eventually(check: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await check();
    } catch (error) {
      if (attempt === 200) throw error;
      await setTimeout(25);
    }
  }
}

describe('[A31] a kind that a webhook converts', () => {
  it('[conformance: Custom Resource Definition Conversion Webhook, conversion custom resource] is read in any version', async () => {
    await define('read.example.com');
    const made = await create('read.example.com', 'a', { labels: { app: 'x' } });
    expect(converter.reviews).toEqual([]);
    const got = await server.call<Json>('GET', urlOf('read.example.com', 'v2', 'a'));
    expect(got).toMatchObject({ apiVersion: 'read.example.com/v2', host: 'localhost', port: '8080', zone: 'here' });
    expect(got).not.toHaveProperty('hostPort');
    const { managedFields: _, ...metadata } = made.metadata;
    expect(got.metadata).toMatchObject(metadata);
    const [review] = converter.reviews;
    expect(review).toMatchObject({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'ConversionReview',
      path: '/convert?timeout=30s',
      request: { desiredAPIVersion: 'read.example.com/v2', objects: [{ hostPort: 'localhost:8080' }] },
    });
    expect(await server.call('GET', urlOf('read.example.com', 'v1', 'a'))).toMatchObject({
      hostPort: 'localhost:8080',
    });
    await server.call('GET', urlOf('read.example.com', 'v2', 'a'));
    // Once per state and version.
    expect(converter.reviews).toHaveLength(1);
  });

  it('[conformance: Custom Resource Definition Conversion Webhook, convert mixed version list] lists objects of mixed versions in one call', async () => {
    const group = 'mixed.example.com';
    await define(group);
    await create(group, 'one');
    await create(group, 'two');
    await redefine(group, {
      versions: [addressVersion('v1', { storage: false }), addressVersion('v2', { storage: true })],
    });
    await create(group, 'three');
    expect([await stored(group, 'one'), await stored(group, 'three')]).toMatchObject([
      { apiVersion: `${group}/v1`, hostPort: 'localhost:8080' },
      { apiVersion: `${group}/v2`, host: 'localhost' },
    ]);
    const { status } = await server.call<Json>('GET', `${DEFINITIONS}/addresses.${group}`);
    expect(status.storedVersions).toEqual(['v1', 'v2']);
    converter.reviews.length = 0;
    const lists = [
      await server.call<Json>('GET', urlOf(group, 'v1')),
      await server.call<Json>('GET', urlOf(group, 'v2')),
    ];
    expect(lists.map(({ items }) => items.map(({ metadata }: Json) => metadata.name))).toEqual([
      ['one', 'three', 'two'],
      ['one', 'three', 'two'],
    ]);
    for (const item of lists[0].items)
      expect(item).toMatchObject({ apiVersion: `${group}/v1`, hostPort: 'localhost:8080' });
    for (const item of lists[1].items)
      expect(item).toMatchObject({ apiVersion: `${group}/v2`, host: 'localhost', port: '8080' });
    expect(converter.reviews.map(({ request }) => request.objects.map(({ metadata }) => metadata.name))).toEqual([
      ['three'],
      ['one', 'two'],
    ]);
    // A write that changes nothing stores the object in the version of today.
    await server.send('PATCH', urlOf(group, 'v1', 'one'), { body: {}, contentType: MERGE });
    expect(await stored(group, 'one')).toMatchObject({ apiVersion: `${group}/v2`, host: 'localhost' });
  });

  it('is written in any version, and stored in one', async () => {
    const group = 'write.example.com';
    await define(group);
    const v2 = urlOf(group, 'v2');
    const body = {
      apiVersion: `${group}/v2`,
      kind: 'Address',
      metadata: { name: 'a' },
      host: 'h',
      port: '1',
      spec: { weight: 1 },
    };
    expect(await server.call('POST', v2, body)).toMatchObject({ apiVersion: `${group}/v2`, host: 'h', port: '1' });
    const inStorage = await stored(group, 'a');
    expect(inStorage).toMatchObject({ apiVersion: `${group}/v1`, hostPort: 'h:1' });
    // The storage version has no such field.
    expect(inStorage).not.toHaveProperty('zone');

    const present = await server.call<Json>('GET', `${v2}/a`);
    expect(await server.call('PUT', `${v2}/a`, { ...present, port: '2' })).toMatchObject({ port: '2' });
    const patched = await server.send('PATCH', `${v2}/a`, { body: { host: 'k' }, contentType: MERGE });
    expect(patched.body).toMatchObject({ host: 'k', port: '2', apiVersion: `${group}/v2` });
    const applied = await server.send('PATCH', `${v2}/a?fieldManager=me&force=true`, {
      body: { ...body, host: 'm', spec: { weight: 2 } },
      contentType: 'application/apply-patch+yaml',
    });
    expect(applied).toMatchObject({ status: 200, body: { host: 'm', port: '1', spec: { weight: 2 } } });
    const status = { ...(applied.body as Json), status: { ready: true } };
    expect(await server.call('PUT', `${v2}/a/status`, status)).toMatchObject({ host: 'm', status: { ready: true } });
    const scaled = await server.send('PATCH', `${v2}/a/scale`, { body: { spec: { replicas: 5 } }, contentType: MERGE });
    expect(scaled).toMatchObject({ status: 200, body: { kind: 'Scale', spec: { replicas: 5 } } });
    expect(await stored(group, 'a')).toMatchObject({ hostPort: 'm:1', spec: { weight: 5 }, status: { ready: true } });
    const { metadata } = await server.call<Json>('GET', urlOf(group, 'v1', 'a'));
    const managers = metadata.managedFields.map(({ manager, apiVersion }: Json) => `${manager} ${apiVersion}`);
    expect(managers).toContain(`me ${group}/v2`);
    expect(await server.call('DELETE', `${v2}/a`)).toMatchObject({ status: 'Success' });
    expect((await server.send('GET', `${v2}/a`)).status).toBe(404);
  });

  it('is selected by the labels and fields of the version that is asked for', async () => {
    const group = 'select.example.com';
    await define(group);
    await create(group, 'a');
    await server.call('POST', urlOf(group, 'v1'), { ...address(group, 'b'), hostPort: 'other:1' });
    const list = await server.call<Json>('GET', `${urlOf(group, 'v2')}?fieldSelector=host=other`);
    expect(list.items.map(({ metadata }: Json) => metadata.name)).toEqual(['b']);
    const events = await server.watch(
      `${urlOf(group, 'v2')}?watch=true&fieldSelector=host=other&resourceVersion=${list.metadata.resourceVersion}`,
      stop.signal,
    );
    const change = (name: string, hostPort: string): Promise<unknown> =>
      server.send('PATCH', urlOf(group, 'v1', name), { body: { hostPort }, contentType: MERGE });
    await change('a', 'other:2');
    await change('a', 'other:3');
    await change('b', 'elsewhere:4');
    await server.call('DELETE', urlOf(group, 'v1', 'a'));
    const taken = await take(events, 4);
    expect(taken.map(({ type, object }) => `${type} ${object.metadata.name} ${object.host}:${object.port}`)).toEqual([
      'ADDED a other:2',
      'MODIFIED a other:3',
      'DELETED b other:1',
      'DELETED a other:3',
    ]);
  });

  it('shows a watch what concurrent writers do in order, and converts for all watchers once', async () => {
    const group = 'order.example.com';
    await define(group);
    const { metadata } = await server.call<Json>('GET', urlOf(group, 'v2'));
    const url = `${urlOf(group, 'v2')}?watch=true&resourceVersion=${metadata.resourceVersion}`;
    const watches = await Promise.all([1, 2, 3].map(() => server.watch(url, stop.signal)));
    const names = Array.from({ length: 8 }, (_, i) => `n${i}`);
    await Promise.all(
      names.map(async (name) => {
        await create(group, name);
        for (const i of [1, 2, 3])
          await server.send('PATCH', urlOf(group, 'v1', name), { body: { hostPort: `h:${i}` }, contentType: MERGE });
      }),
    );
    const seen = await Promise.all(watches.map((events) => take(events, 32)));
    const revisions = seen.map((events) => events.map(({ object }) => Number(object.metadata.resourceVersion)));
    expect(revisions[0]).toEqual([...revisions[0]!].sort((a, b) => a - b));
    expect(revisions[1]).toEqual(revisions[0]);
    expect(revisions[2]).toEqual(revisions[0]);
    for (const name of names) {
      const ports = seen[0]!.filter(({ object }) => object.metadata.name === name).map(({ object }) => object.port);
      expect(ports).toEqual(['8080', '1', '2', '3']);
    }
    expect(converter.reviews.reduce((sum, { request }) => sum + request.objects.length, 0)).toBe(32);
  });

  it('follows its definition at once', async () => {
    const group = 'change.example.com';
    await define(group, undefined, { strategy: 'None' });
    await create(group, 'a');
    expect(await server.call('GET', urlOf(group, 'v2', 'a'))).not.toHaveProperty('host');
    await redefine(group, { conversion: converterOf(converter, ['v7', 'v1beta1']) });
    expect(await server.call('GET', urlOf(group, 'v2', 'a'))).toMatchObject({ host: 'localhost' });
    expect(converter.reviews).toMatchObject([{ apiVersion: 'apiextensions.k8s.io/v1beta1' }]);
    await redefine(group, { conversion: { strategy: 'None', webhook: null } });
    expect(await server.call('GET', urlOf(group, 'v2', 'a'))).not.toHaveProperty('host');
  });

  it('is read though the version in which it is stored is served no more', async () => {
    const group = 'gone.example.com';
    await define(group);
    await create(group, 'a');
    await redefine(group, {
      versions: [addressVersion('v1', { served: false, storage: false }), addressVersion('v2', { storage: true })],
    });
    expect((await server.send('GET', urlOf(group, 'v1', 'a'))).status).toBe(404);
    expect(await server.call('GET', urlOf(group, 'v2', 'a'))).toMatchObject({ host: 'localhost' });
  });
});

describe('[A31] admission of a kind that a webhook converts', () => {
  const rule = (group: string, apiVersion: string): Json => ({
    operations: ['CREATE'],
    apiGroups: [group],
    apiVersions: [apiVersion],
    resources: ['addresses'],
  });

  it('shows a webhook and a policy the version that they ask for, and takes its changes back', async () => {
    const group = 'admit.example.com';
    await define(group);
    const webhook = await startWebhook(() => jsonPatch({ op: 'replace', path: '/host', value: 'changed' }));
    const url = '/apis/admissionregistration.k8s.io/v1';
    await server.call('POST', urlOf(group, 'v1'), { ...address(group, 'limits'), hostPort: 'limit:1' });
    try {
      await addWebhook(server, 'mutating', { webhook, changes: { rules: [rule(group, 'v2')] } });
      await server.call('POST', `${url}/validatingadmissionpolicies`, {
        metadata: { name: 'ports' },
        spec: {
          matchConstraints: { resourceRules: [rule(group, 'v2')] },
          paramKind: { apiVersion: `${group}/v2`, kind: 'Address' },
          validations: [
            { expression: 'object.port != params.port', messageExpression: '"no " + object.host + ":" + object.port' },
          ],
        },
      });
      await server.call('POST', `${url}/validatingadmissionpolicybindings`, {
        metadata: { name: 'ports' },
        spec: {
          policyName: 'ports',
          validationActions: ['Deny'],
          paramRef: { name: 'limits', parameterNotFoundAction: 'Deny' },
        },
      });
      expect(await create(group, 'a')).toMatchObject({ apiVersion: `${group}/v1`, hostPort: 'changed:8080' });
      expect(webhook.reviews).toMatchObject([
        {
          request: {
            kind: { version: 'v2' },
            requestKind: { version: 'v1' },
            object: { apiVersion: `${group}/v2`, host: 'localhost', port: '8080', zone: 'here' },
          },
        },
      ]);
      const refused = await server.send('POST', urlOf(group, 'v1'), {
        body: { ...address(group, 'b'), hostPort: 'h:1' },
      });
      expect(refused.status).toBe(422);
      expect((refused.body as Json).message).toContain('no changed:1');
    } finally {
      await server.send('DELETE', `${url}/mutatingwebhookconfigurations/hook`);
      await server.send('DELETE', `${url}/validatingadmissionpolicies/ports`);
      await server.send('DELETE', `${url}/validatingadmissionpolicybindings/ports`);
      await webhook.close();
    }
  });
});

describe('[A31] a conversion webhook that fails', () => {
  const GROUP = 'fails.example.com';
  const ABOUT = `conversion webhook for ${GROUP}/v1, Kind=Address`;
  const read = async (name = 'a'): Promise<[number, string]> => {
    const { status, body } = await server.send('GET', urlOf(GROUP, 'v2', name));
    return [status, (body as { message: string }).message];
  };

  beforeAll(async () => {
    await define(GROUP);
    await create(GROUP, 'a');
    await create(GROUP, 'b');
  });

  const changed = (change: (object: Json) => Json): TestConverter['answer'] => {
    return (review) =>
      success(
        review,
        review.request.objects.map((object) => change({ ...object, apiVersion: `${GROUP}/v2` })),
      );
  };
  const failed = (result: unknown): TestConverter['answer'] => {
    return (review) => ({ ...success(review, []), response: { uid: review.request.uid, result } });
  };
  const metadata = (change: Json): TestConverter['answer'] =>
    changed((object) => ({ ...object, metadata: { ...object.metadata, ...change } }));

  const answers: [string, TestConverter['answer'], string | RegExp][] = [
    ['says why', failed({ status: 'Failure', message: 'no such host' }), 'failed: no such host'],
    ['does not say why', failed({ status: 'Failure' }), "failed: response.result.status was 'Failure', not 'Success'"],
    [
      'answers nothing',
      () => ({ kind: 'ConversionReview', apiVersion: 'apiextensions.k8s.io/v1' }),
      'failed: no response provided',
    ],
    [
      'answers something else',
      (review) => ({ ...success(review, []), kind: 'AdmissionReview' }),
      'failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got apiextensions.k8s.io/v1, Kind=AdmissionReview',
    ],
    [
      'answers another request',
      (review) => ({ ...success(review, []), response: { uid: 'other' } }),
      /^failed: expected response.uid="[-0-9a-f]{36}", got "other"$/,
    ],
    [
      'answers with a status',
      (_review, response) => void response.writeHead(404).end(),
      'failed: the server could not find the requested resource',
    ],
    ['gives too few', (review) => success(review, []), 'returned 0 objects, expected 1'],
    ['gives too many', (review) => success(review, [{}, {}]), 'returned 2 objects, expected 1'],
    [
      'gives no object',
      changed(() => 7),
      'returned invalid object at index 0: json: cannot unmarshal number into Go value of type map[string]interface {}',
    ],
    [
      'gives another version',
      changed((object) => ({ ...object, apiVersion: `${GROUP}/v3` })),
      `returned invalid object at index 0: invalid groupVersion (expected ${GROUP}/v2, received ${GROUP}/v3)`,
    ],
    [
      'gives another kind',
      changed((object) => ({ ...object, kind: 'Other' })),
      'returned invalid object at index 0: invalid kind (expected Address, received Other)',
    ],
    ['renames', metadata({ name: 'b' }), 'returned invalid object: must have the same name: a != b'],
    ['moves', metadata({ namespace: 'x' }), 'returned invalid object: must have the same namespace: default != x'],
    ['exchanges', metadata({ uid: '1' }), /^returned invalid object: must have the same UID: [-0-9a-f]{36} != 1$/],
    [
      'labels badly',
      metadata({ labels: { 'a b': 'c' } }),
      /^returned invalid metadata: metadata\.labels: Invalid value: "a b"/,
    ],
    [
      'labels with no text',
      metadata({ labels: { a: 1 } }),
      'returned invalid metadata: metadata.labels[a] must be a string, but is int64 in converted object',
    ],
    [
      'annotates with a list',
      metadata({ annotations: [] }),
      'returned invalid metadata: invalid metadata.annotations of type []interface {} in converted object',
    ],
  ];
  it.each(answers)('that %s is quoted', async (_name, answer, message) => {
    converter.answer = answer;
    const [status, told] = await read();
    expect(status).toBe(500);
    expect(told.slice(0, ABOUT.length + 1)).toBe(`${ABOUT} `);
    const said = told.slice(ABOUT.length + 1);
    if (typeof message === 'string') expect(said).toBe(message);
    else expect(said).toMatch(message);
    // The storage version does not need it, and nothing of the failure is kept.
    expect(await server.call('GET', urlOf(GROUP, 'v1', 'a'))).toMatchObject({ hostPort: 'localhost:8080' });
  });

  it('names the object of a list by its place', async () => {
    converter.answer = changed((object) =>
      object.metadata.name === 'b' ? { ...object, metadata: { ...object.metadata, name: 'c' } } : object,
    );
    const { status, body } = await server.send('GET', urlOf(GROUP, 'v2'));
    expect([status, (body as Json).message]).toEqual([
      500,
      `${ABOUT} returned invalid converted object at index 1: must have the same name: b != c`,
    ]);
  });

  it('may change labels and annotations, and no other metadata', async () => {
    converter.answer = metadata({
      labels: { v: '2' },
      annotations: { n: 'x' },
      generation: 9,
      finalizers: ['x/y'],
      resourceVersion: '1',
    });
    const { metadata: got } = await server.call<Json>('GET', urlOf(GROUP, 'v2', 'a'));
    const { metadata: own } = await server.call<Json>('GET', urlOf(GROUP, 'v1', 'a'));
    expect(got).toEqual({ ...own, labels: { v: '2' }, annotations: { n: 'x' } });
  });

  it('leaves a rejected write unstored', async () => {
    converter.answer = failed({ status: 'Failure', message: 'never' });
    const body = { apiVersion: `${GROUP}/v2`, kind: 'Address', metadata: { name: 'new' }, host: 'h', port: '1' };
    expect(await server.send('POST', urlOf(GROUP, 'v2'), { body })).toMatchObject({
      status: 500,
      body: { message: `conversion webhook for ${GROUP}/v2, Kind=Address failed: never` },
    });
    expect((await server.send('GET', urlOf(GROUP, 'v1', 'new'))).status).toBe(404);
  });

  it('ends a watch, after what it had converted, with the error', async () => {
    const url = `${urlOf(GROUP, 'v2')}?watch=true&resourceVersion=${server.api.watchCache.revision}`;
    const events = await server.watch(url, stop.signal);
    await create(GROUP, 'c');
    expect(await take(events, 1)).toMatchObject([{ type: 'ADDED', object: { host: 'localhost' } }]);
    converter.answer = failed({ status: 'Failure', message: 'no more' });
    await create(GROUP, 'd');
    await expect(events.next()).rejects.toThrow(`${ABOUT} failed: no more`);
  });

  it('does not keep its definition, but what it must convert does until the definition is mended', async () => {
    const group = 'delete.example.com';
    await define(group);
    await create(group, 'old');
    await redefine(group, {
      versions: [addressVersion('v1', { storage: false }), addressVersion('v2', { storage: true })],
    });
    await create(group, 'new');
    converter.answer = failed({ status: 'Failure', message: 'never' });
    await server.call('DELETE', `${DEFINITIONS}/addresses.${group}`);
    const message = `could not issue all deletes: conversion webhook for ${group}/v1, Kind=Address failed: never`;
    await eventually(async () => {
      const { status } = await server.call<Json>('GET', `${DEFINITIONS}/addresses.${group}`);
      expect(status.conditions).toContainEqual(expect.objectContaining({ type: 'Terminating', message }));
      const { entries } = await server.storage.list({ prefix: `/registry/${group}/addresses/` });
      expect(entries.map(({ key }) => key.split('/').at(-1))).toEqual(['old']);
    });
    await redefine(group, { conversion: { strategy: 'None', webhook: null } });
    await eventually(async () => {
      expect((await server.send('GET', `${DEFINITIONS}/addresses.${group}`)).status).toBe(404);
    });
  });

  it('that hangs holds up nobody else', async () => {
    let release = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      converter.answer = async (review) => {
        resolve();
        await new Promise<void>((go) => (release = go));
        return success(review, []);
      };
    });
    await create(GROUP, 'slow');
    const pending = read('slow');
    await asked;
    await create(GROUP, 'meanwhile');
    await server.call('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name: 'meanwhile' } });
    expect(await server.call('GET', urlOf(GROUP, 'v1', 'slow'))).toMatchObject({ hostPort: 'localhost:8080' });
    release();
    expect(await pending).toEqual([500, `${ABOUT} returned 0 objects, expected 1`]);
  });
});
