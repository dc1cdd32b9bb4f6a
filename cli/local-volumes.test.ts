import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { StorageClass } from '../api/storage/v1/storage-class.ts';
import { storageClasses } from '../api/storage/v1/storage-class.ts';
import type { TestServer } from '../apiserver/testing.ts';
import { startTestServer, testAdmin } from '../apiserver/testing.ts';
import { inProcessClient } from '../client/in-process.ts';
import { ensureStorageClasses } from './local-volumes.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

it('makes the classes once in a cluster’s life: one that was deleted or changed stays so', async () => {
  const client = inProcessClient({ handler: server.api.handler, user: testAdmin, userAgent: 'test' });
  const list = async (): Promise<StorageClass[]> => (await client.list<StorageClass>(storageClasses)).items;
  await ensureStorageClasses(client);
  const facts = (await list()).map(({ metadata, volumeBindingMode, reclaimPolicy, allowVolumeExpansion }) => [
    metadata.name,
    metadata.annotations?.['storageclass.kubernetes.io/is-default-class'],
    volumeBindingMode,
    reclaimPolicy,
    allowVolumeExpansion,
  ]);
  expect(facts).toEqual([
    ['local', undefined, 'WaitForFirstConsumer', 'Delete', true],
    ['standard', 'true', 'Immediate', 'Delete', true],
  ]);
  await client.delete(storageClasses, { name: 'standard' });
  await client.patch(storageClasses, { name: 'local' }, { type: 'merge', body: { allowVolumeExpansion: false } });
  await ensureStorageClasses(client);
  expect((await list()).map(({ metadata, allowVolumeExpansion }) => [metadata.name, allowVolumeExpansion])).toEqual([
    ['local', false],
  ]);
});
