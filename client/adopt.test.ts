import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { configMaps } from '../api/core/v1/config-map.ts';
import type { ConfigMap } from '../api/core/v1/config-map.ts';
import { secrets } from '../api/core/v1/secret.ts';
import { parseLabelSelector } from '../api/machinery/label-selector.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { startTestServer, testAdmin } from '../apiserver/testing.ts';
import type { TestServer } from '../apiserver/testing.ts';
import { claimObjects, decideClaim } from './adopt.ts';
import type { Client } from './client.ts';
import { inProcessClient } from './in-process.ts';
import { controllerOf, newControllerRef } from './owner-references.ts';

let server: TestServer;
let client: Client;
beforeAll(async () => {
  server = await startTestServer();
  client = inProcessClient({ handler: server.api.handler, user: testAdmin, userAgent: 'test' });
});
afterAll(() => server.close());

const selector = parseLabelSelector('app=x');
const makeOwner = (name: string): Promise<ConfigMap> =>
  client.create<ConfigMap>(configMaps, { metadata: { namespace: 'default', name } });
const makeChild = (name: string, labels: Record<string, string>, owner?: ApiObject): Promise<ApiObject> => {
  const ownerReferences = owner === undefined ? [] : [newControllerRef(owner, configMaps)];
  return client.create<ApiObject>(secrets, { metadata: { namespace: 'default', name, labels, ownerReferences } });
};
const claim = (owner: ApiObject, candidates: ApiObject[]): Promise<ApiObject[]> =>
  claimObjects({ owner, ownerResource: configMaps, selector, candidates, resource: secrets, client });
const read = (name: string): Promise<ApiObject> => client.get(secrets, { namespace: 'default', name });

describe('decideClaim()', () => {
  const owner: ApiObject = { metadata: { namespace: 'ns', name: 'o', uid: 'o' } };
  const going = (object: ApiObject): ApiObject => ({ metadata: { ...object.metadata, deletionTimestamp: 'now' } });
  const free: ApiObject = { metadata: { namespace: 'ns', name: 'c' } };
  const ownedBy = (uid: string): ApiObject => ({
    metadata: {
      ...free.metadata,
      ownerReferences: [{ apiVersion: 'v1', kind: 'K', name: 'o', uid, controller: true }],
    },
  });

  it.each([
    ['its own that matches', owner, ownedBy('o'), true, 'owned'],
    ['its own that matches, while it goes', going(owner), ownedBy('o'), true, 'owned'],
    ['its own that matches no longer', owner, ownedBy('o'), false, 'release'],
    ['its own that matches no longer, while it goes', going(owner), ownedBy('o'), false, 'ignore'],
    ['another’s', owner, ownedBy('other'), true, 'ignore'],
    ['a free one that matches', owner, free, true, 'adopt'],
    ['a free one that does not', owner, free, false, 'ignore'],
    ['a free one, while it goes itself', going(owner), free, true, 'ignore'],
    ['one that goes', owner, going(free), true, 'ignore'],
    ['one in another namespace', owner, { metadata: { ...free.metadata, namespace: 'other' } }, true, 'ignore'],
  ] as const)('%s', (_what, who, object, matches, expected) => {
    expect(decideClaim(who, object, matches)).toBe(expected);
  });
});

describe('claimObjects()', () => {
  it('adopts what matches, releases what no longer does, keeps its own, ignores the rest', async () => {
    const owner = await makeOwner('claim');
    const other = await makeOwner('claim-other');
    const candidates = [
      await makeChild('own', { app: 'x' }, owner),
      await makeChild('free', { app: 'x' }),
      await makeChild('lost', { app: 'y' }, owner),
      await makeChild('others', { app: 'x' }, other),
    ];
    const claimed = await claim(owner, candidates);
    expect(claimed.map(({ metadata }) => metadata.name)).toEqual(['own', 'free']);
    expect(controllerOf(await read('free'))).toEqual(newControllerRef(owner, configMaps));
    expect(controllerOf(await read('lost'))).toBeUndefined();
    expect(controllerOf(await read('others'))?.uid).toBe(other.metadata.uid);
  });

  it('keeps other owners when it adopts and releases', async () => {
    const owner = await makeOwner('keeps');
    const plain = { apiVersion: 'v1', kind: 'ConfigMap', name: 'plain', uid: 'plain' };
    const metadata = { namespace: 'default', name: 'shared', labels: { app: 'x' }, ownerReferences: [plain] };
    const [adopted] = await claim(owner, [await client.create<ApiObject>(secrets, { metadata })]);
    expect(adopted!.metadata.ownerReferences).toHaveLength(2);
    const body = { metadata: { labels: { app: 'y' } } };
    const moved = await client.patch<ApiObject>(
      secrets,
      { namespace: 'default', name: 'shared' },
      { type: 'merge', body },
    );
    expect(await claim(owner, [moved])).toEqual([]);
    expect((await read('shared')).metadata.ownerReferences).toEqual([plain]);
  });

  it('neither adopts nor releases anything with an empty selector', async () => {
    const owner = await makeOwner('everything');
    const candidates = [await makeChild('mine', { app: 'x' }, owner), await makeChild('nobodys', { app: 'x' })];
    const options = { owner, ownerResource: configMaps, resource: secrets, client };
    const claimed = await claimObjects({ ...options, selector: parseLabelSelector(''), candidates });
    expect(claimed.map(({ metadata }) => metadata.name)).toEqual(['mine']);
    expect(controllerOf(await read('mine'))?.uid).toBe(owner.metadata.uid);
    expect(controllerOf(await read('nobodys'))).toBeUndefined();
  });

  it('gives a finalizer to what it adopts, and takes it from what it releases', async () => {
    const owner = await makeOwner('finalizer');
    const own = await makeChild('finalized', { app: 'x' });
    const options = { owner, ownerResource: configMaps, resource: secrets, client, finalizer: 'example.com/f' };
    const [adopted] = await claimObjects({ ...options, selector, candidates: [own] });
    expect(adopted!.metadata.finalizers).toEqual(['example.com/f']);
    const others = parseLabelSelector('app=y');
    expect(await claimObjects({ ...options, selector: others, candidates: [adopted!] })).toEqual([]);
    expect((await read('finalized')).metadata.finalizers).toBeUndefined();
  });

  it('does not adopt for an owner that was replaced under its name, or is gone', async () => {
    const owner = await makeOwner('replaced');
    await client.delete(configMaps, { namespace: 'default', name: 'replaced' });
    const child = await makeChild('orphan', { app: 'x' });
    await expect(claim(owner, [child])).rejects.toThrow('not found');
    await makeOwner('replaced');
    await expect(claim(owner, [child])).rejects.toThrow('is gone');
    expect(controllerOf(await read('orphan'))).toBeUndefined();
  });

  it('does not touch an object that was replaced under its name', async () => {
    const owner = await makeOwner('uid');
    const child = await makeChild('same-name', { app: 'x' });
    await client.delete(secrets, { namespace: 'default', name: 'same-name' });
    await makeChild('same-name', { app: 'x' });
    await expect(claim(owner, [child])).rejects.toThrow();
    expect(controllerOf(await read('same-name'))).toBeUndefined();
  });

  it('does not mind objects that are gone', async () => {
    const owner = await makeOwner('mind');
    const child = await makeChild('vanished', { app: 'x' });
    const released = await makeChild('vanished-too', { app: 'y' }, owner);
    for (const name of ['vanished', 'vanished-too']) await client.delete(secrets, { namespace: 'default', name });
    expect(await claim(owner, [child, released])).toEqual([]);
  });
});
