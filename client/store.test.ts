import { describe, expect, it } from '@jest/globals';
import { parseFieldSelector } from '../api/machinery/field-selector.ts';
import { parseLabelSelector } from '../api/machinery/label-selector.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { Store, storeKeyOf } from './store.ts';

interface Thing extends ApiObject {
  spec?: { nodeName?: string };
}

function filled(...things: Thing[]): Store<Thing> {
  const store = new Store<Thing>();
  for (const thing of things) store.set(storeKeyOf(thing), thing);
  return store;
}

const thing = (
  namespace: string,
  name: string,
  more: Partial<Thing> & { labels?: Record<string, string> } = {},
): Thing => ({
  metadata: { namespace, name, ...(more.labels === undefined ? {} : { labels: more.labels }) },
  ...(more.spec === undefined ? {} : { spec: more.spec }),
});
const names = (list: Thing[]): string[] => list.map(storeKeyOf);

describe('Store', () => {
  const store = filled(
    thing('b', 'y'),
    thing('a-b', 'x'),
    thing('a', 'z', { labels: { app: 'web' }, spec: { nodeName: 'n1' } }),
    thing('a', 'c', { labels: { app: 'web' } }),
    { metadata: { name: 'cluster' } },
  );

  it('gets by namespace and name, which is empty for cluster-scoped kinds', () => {
    expect(store.get('a', 'z')?.spec?.nodeName).toBe('n1');
    expect(store.get('', 'cluster')).toBeDefined();
    expect(store.get('a', 'x')).toBeUndefined();
  });

  it('lists in order of keys, all or one namespace, and no namespace that only begins like it', () => {
    expect(names(store.list())).toEqual(['a-b/x', 'a/c', 'a/z', 'b/y', 'cluster']);
    expect(names(store.list({ namespace: 'a' }))).toEqual(['a/c', 'a/z']);
  });

  it('selects by labels and fields', () => {
    expect(names(store.list({ labelSelector: parseLabelSelector('app=web') }))).toEqual(['a/c', 'a/z']);
    expect(names(store.list({ fieldSelector: parseFieldSelector('spec.nodeName=n1') }))).toEqual(['a/z']);
    expect(names(store.list({ namespace: 'a', fieldSelector: parseFieldSelector('spec.nodeName=') }))).toEqual(['a/c']);
    expect(names(store.list({ fieldSelector: parseFieldSelector('metadata.name!=x,metadata.namespace=a-b') }))).toEqual(
      [],
    );
  });

  it('refuses a second index of the same name', () => {
    const fn = (): string[] => [];
    store.addIndex('one', fn);
    store.addIndex('one', fn);
    expect(() => store.addIndex('one', () => [])).toThrow('exists already');
  });

  it('refuses objects without a name', () => {
    expect(() => storeKeyOf({ metadata: { namespace: 'a' } })).toThrow('no name');
  });
});
