import { describe, expect, it } from '@jest/globals';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { ResourceRef } from '../../client/client.ts';
import { OwnershipGraph } from './graph.ts';
import { ownerStates } from './owner-states.ts';

const widgets: ResourceRef = {
  group: 'example.com',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'widgets', kind: 'Widget' },
};
const owner: ApiObject = { metadata: { namespace: 'a', name: 'owner', uid: 'o' } };
const reference = { apiVersion: 'example.com/v1', kind: 'Widget', name: 'owner', uid: 'o' };
const child: ApiObject = { metadata: { namespace: 'a', name: 'child', uid: 'c', ownerReferences: [reference] } };
const read = (): Promise<undefined> => Promise.reject(new Error('nothing is to be read'));

describe('ownerStates()', () => {
  it('knows of an owner that it has gone, though its kind has, too', async () => {
    const graph = new OwnershipGraph();
    const sources = { graph, kinds: () => [], read };
    graph.set({ uid: 'c', resource: widgets, object: child });
    await expect(ownerStates(child, sources)).rejects.toThrow('no kind Widget of example.com/v1 is served');
    graph.set({ uid: 'o', resource: widgets, object: owner });
    expect((await ownerStates(child, sources))?.solid).toEqual([reference]);
    graph.remove('o');
    expect((await ownerStates(child, sources))?.dangling).toEqual([reference]);
  });
});

describe('OwnershipGraph', () => {
  it('remembers five hundred that have gone and had dependents', () => {
    const graph = new OwnershipGraph();
    const uids = Array.from({ length: 501 }, (_, i) => `${i}`);
    for (const uid of [...uids, 'single']) graph.set({ uid, resource: widgets, object: { metadata: { uid } } });
    const ownerReferences = uids.map((uid) => ({ ...reference, uid }));
    graph.set({ uid: 'c', resource: widgets, object: { metadata: { uid: 'c', ownerReferences } } });
    for (const uid of [...uids, 'single']) graph.remove(uid);
    expect(['0', '1', '500', 'single'].map((uid) => graph.hasGone(uid))).toEqual([false, true, true, false]);
  });
});
