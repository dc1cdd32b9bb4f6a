import { expect, it } from '@jest/globals';
import type { ResourceQuota } from '../api/core/v1/resource-quota.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { resources } from '../api/resources.ts';
import type { ResourceRef } from '../client/client.ts';
import type { ControllerContext } from '../client/controller.ts';
import { resourceQuotaController } from './resource-quota.ts';

const quota: ResourceQuota = {
  metadata: { namespace: 'team', name: 'quota' },
  spec: { hard: { 'count/configmaps': '4' } },
  status: { hard: { 'count/configmaps': '4' }, used: { 'count/configmaps': '1' } },
};

/** What is written when the cache shows no ConfigMap and the server has these. */
async function written(stored: readonly ApiObject[]): Promise<unknown[]> {
  const writes: unknown[] = [];
  const context = {
    now: () => 0,
    lister: ({ names }: ResourceRef) => ({
      get: () => (names.plural === 'resourcequotas' ? quota : undefined),
      list: () => [],
    }),
    client: {
      list: ({ names }: ResourceRef) =>
        Promise.resolve({ metadata: {}, items: names.plural === 'configmaps' ? stored : [] }),
      update: (_resource: ResourceRef, { status }: ResourceQuota) => {
        writes.push(status?.used);
        return Promise.resolve(quota);
      },
    },
  };
  const key = { namespace: 'team', name: 'quota' };
  await resourceQuotaController(resources).reconcile(key, context as unknown as ControllerContext);
  return writes;
}

// Simulation, seed 2: admission charged the fourth ConfigMap, the resync's cache had not seen it, a fifth got in.
it('ResourceQuota is not lowered by a cache that has not seen yet what admission charged', async () => {
  expect(await written([{ metadata: { namespace: 'team', name: 'settings' } }])).toEqual([]);
});

it('ResourceQuota is lowered when the server has fewer objects', async () => {
  expect(await written([])).toEqual([{ 'count/configmaps': '0' }]);
});

// Simulation, seed 927: a ConfigMap had passed admission when there was no quota yet, and was stored when there was one.
it('ResourceQuota is counted once more soon after it has come into force', async () => {
  const controller = resourceQuotaController(resources);
  const key = { namespace: 'team', name: 'quota' };
  const used: unknown[] = [];
  const look = (seen: { nowMs: number; quota: ResourceQuota; configMaps: number }) => {
    const items = Array.from({ length: seen.configMaps }, (_, i) => ({
      metadata: { namespace: 'team', name: `c-${i}` },
    }));
    const context = {
      now: () => seen.nowMs,
      lister: ({ names }: ResourceRef) => ({
        get: () => seen.quota,
        list: () => (names.plural === 'configmaps' ? items : []),
      }),
      client: {
        update: (_resource: ResourceRef, { status }: ResourceQuota) => Promise.resolve(void used.push(status?.used)),
      },
    };
    return controller.reconcile(key, context as unknown as ControllerContext);
  };
  const { metadata, spec } = quota;
  const inForce = { metadata, spec, status: { ...quota.status!, used: { 'count/configmaps': '0' } } };
  expect(await look({ nowMs: 0, quota: { metadata, spec }, configMaps: 0 })).toEqual({ requeueAfterMs: 10_000 });
  expect(await look({ nowMs: 4_000, quota: inForce, configMaps: 1 })).toEqual({ requeueAfterMs: 6_000 });
  expect(await look({ nowMs: 10_000, quota: inForce, configMaps: 1 })).toBeUndefined();
  expect(await look({ nowMs: 30_000, quota: inForce, configMaps: 2 })).toBeUndefined();
  expect(used).toEqual([{ 'count/configmaps': '0' }, { 'count/configmaps': '1' }]);
});
