import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import type { ConfigMap } from '../api/core/v1/config-map.ts';
import { configMaps } from '../api/core/v1/config-map.ts';
import { roleBindings } from '../api/rbac/v1/role-binding.ts';
import type { RoleBinding } from '../api/rbac/v1/role-binding.ts';
import type { TestServer } from '../apiserver/testing.ts';
import { startTestServer, testAdmin } from '../apiserver/testing.ts';
import type { Client } from '../client/client.ts';
import { inProcessClient } from '../client/in-process.ts';
import { publishClusterInfo } from './cluster-info.ts';

const PLACE = { namespace: 'kube-public', name: 'cluster-info' };
const READER = { namespace: 'kube-public', name: 'kubeadm:bootstrap-signer-clusterinfo' };

let server: TestServer;
let client: Client;
beforeAll(async () => {
  server = await startTestServer();
  client = inProcessClient({ handler: server.api.handler, user: testAdmin, userAgent: 'test' });
});
afterAll(() => server.close());

const info = (): Promise<ConfigMap> => client.get<ConfigMap>(configMaps, PLACE);

it('says where the cluster is to who has no name, and follows it when it moves', async () => {
  await publishClusterInfo(client, { server: 'https://192.0.2.10:6443', ca: 'PEM' });
  expect(parse((await info()).data!['kubeconfig']!)).toEqual({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: '', cluster: { server: 'https://192.0.2.10:6443', 'certificate-authority-data': 'UEVN' } }],
    contexts: null,
    'current-context': '',
    users: null,
  });
  const binding = await client.get<RoleBinding>(roleBindings, READER);
  expect(binding.subjects).toEqual([{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'system:anonymous' }]);

  await client.patch(configMaps, PLACE, { type: 'merge', body: { data: { 'jws-kubeconfig-abc123': 'signed' } } });
  await client.delete(roleBindings, READER);
  await publishClusterInfo(client, { server: 'https://192.0.2.10:7443', ca: 'PEM' });
  const { data } = await info();
  expect(data!['kubeconfig']).toContain('server: https://192.0.2.10:7443');
  expect(data!['jws-kubeconfig-abc123']).toBe('signed');
  // Somebody took the right away.
  await expect(client.get(roleBindings, READER)).rejects.toMatchObject({ code: 404 });
});

it('leaves what somebody else wrote', async () => {
  const body = { metadata: { annotations: { 'nocher.io/autoupdate': null } }, data: { kubeconfig: 'mine' } };
  await client.patch(configMaps, PLACE, { type: 'merge', body });
  await publishClusterInfo(client, { server: 'https://192.0.2.10:6443', ca: 'PEM' });
  expect((await info()).data!['kubeconfig']).toBe('mine');
});
