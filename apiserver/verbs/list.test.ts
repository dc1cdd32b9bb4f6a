import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiObject, ApiObjectList } from '../../api/machinery/meta.ts';
import type { TestServer } from '../testing.ts';
import { startTestServer } from '../testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

describe('a list at an exact resourceVersion [A9]', () => {
  it('of all namespaces is whole after one of a single namespace had been read in pages', async () => {
    let last: ApiObject | undefined;
    for (const [namespace, name] of [
      ['default', 'a'],
      ['default', 'b'],
      ['kube-system', 'c'],
    ]) {
      last = await server.call('POST', `/api/v1/namespaces/${namespace}/configmaps`, { metadata: { name } });
    }
    const exact = `resourceVersion=${last!.metadata.resourceVersion}&resourceVersionMatch=Exact`;
    const names = async (path: string): Promise<(string | undefined)[]> =>
      (await server.call<ApiObjectList>('GET', path)).items.map(({ metadata }) => metadata.name);
    expect(await names(`/api/v1/namespaces/default/configmaps?${exact}&limit=1`)).toEqual(['a']);
    expect(await names(`/api/v1/configmaps?${exact}`)).toEqual(['a', 'b', 'c']);
    expect(await names(`/api/v1/namespaces/kube-system/configmaps?${exact}`)).toEqual(['c']);
  });

  it('is of that moment; one that is not older may be of now', async () => {
    const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
    const older = await server.call<ApiObject>('POST', leases, { metadata: { name: 'old' } });
    await server.call('POST', leases, { metadata: { name: 'new' } });
    await server.call('DELETE', `${leases}/old`);
    const names = async (match: string): Promise<(string | undefined)[]> => {
      const version = older.metadata.resourceVersion;
      const query = `resourceVersion=${version}&resourceVersionMatch=${match}`;
      const { items, metadata } = await server.call<ApiObjectList>('GET', `${leases}?${query}`);
      if (match === 'Exact') expect(metadata.resourceVersion).toBe(version);
      return items.map((item) => item.metadata.name);
    };
    expect(await names('Exact')).toEqual(['old']);
    expect(await names('NotOlderThan')).toEqual(['new']);
  });
});
