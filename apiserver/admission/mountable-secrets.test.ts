import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestServer } from '../testing.ts';
import type { TestServer } from '../testing.ts';

const PODS = '/api/v1/namespaces/default/pods';
const MERGE = 'application/strategic-merge-patch+json';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await server.call('POST', '/api/v1/namespaces/default/serviceaccounts', {
    metadata: { name: 'strict', annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } },
    secrets: [{ name: 'mine' }],
    imagePullSecrets: [{ name: 'registry' }],
  });
});
afterAll(() => server.close());

const fromKey = (name: string): object => ({ name: 'E', valueFrom: { secretKeyRef: { name, key: 'k' } } });
const container = (more: object = {}): object => ({ name: 'c', image: 'i', ...more });
const create = (name: string, spec: object, serviceAccountName = 'strict'): ReturnType<TestServer['send']> =>
  server.send('POST', PODS, {
    body: { metadata: { name }, spec: { serviceAccountName, containers: [container()], ...spec } },
  });
const REST = 'is not allowed because service account strict does not reference that';

describe('mountable secrets of a service account [A35]', () => {
  it('may be used in every way', async () => {
    const spec = {
      volumes: [{ name: 'v', secret: { secretName: 'mine' } }],
      containers: [container({ env: [fromKey('mine')], envFrom: [{ secretRef: { name: 'mine' } }] })],
    };
    expect(await create('allowed', spec)).toMatchObject({ status: 201 });
  });

  it.each<[string, object]>([
    [
      `volume with secret.secretName="other" ${REST} secret`,
      { volumes: [{ name: 'v', secret: { secretName: 'other' } }] },
    ],
    [
      `container c with envVar E referencing secret.secretName="other" ${REST} secret`,
      { containers: [container({ env: [fromKey('other')] })] },
    ],
    [
      `container c with envFrom referencing secret.secretName="other" ${REST} secret`,
      { containers: [container({ envFrom: [{ secretRef: { name: 'other' } }] })] },
    ],
    [
      `init container i with envVar E referencing secret.secretName="other" ${REST} secret`,
      { initContainers: [container({ name: 'i', env: [fromKey('other')] })] },
    ],
    [
      `imagePullSecrets[1].name="mine" ${REST} imagePullSecret`,
      { imagePullSecrets: [{ name: 'registry' }, { name: 'mine' }] },
    ],
  ])('are the only ones: %s', async (problem, spec) => {
    expect(await create('refused', spec)).toMatchObject({
      status: 403,
      body: { message: `pods "refused" is forbidden: ${problem}` },
    });
    expect(await create('refused', spec, 'default')).toMatchObject({ status: 201 });
    await server.call('DELETE', `${PODS}/refused?gracePeriodSeconds=0`);
  });

  it('are the only ones of ephemeral containers (CVE-2023-2728, CVE-2024-3177)', async () => {
    await create('debugged', {});
    const add = (name: string, more: object): ReturnType<TestServer['send']> =>
      server.send('PATCH', `${PODS}/debugged/ephemeralcontainers`, {
        body: { spec: { ephemeralContainers: [container({ name, ...more })] } },
        contentType: MERGE,
      });
    expect(await add('e', { env: [fromKey('other')] })).toMatchObject({
      status: 403,
      body: { message: expect.stringContaining('ephemeral container e with envVar E referencing') },
    });
    expect(await add('f', { envFrom: [{ secretRef: { name: 'other' } }] })).toMatchObject({
      status: 403,
      body: { message: expect.stringContaining('ephemeral container f with envFrom referencing') },
    });
    expect(await add('g', { env: [fromKey('mine')] })).toMatchObject({ status: 200 });
  });

  it.each<[string, object]>([
    ['a mirror pod may not reference service accounts', { serviceAccountName: 'strict' }],
    ['a mirror pod may not reference secrets', { volumes: [{ name: 'v', secret: { secretName: 'mine' } }] }],
  ])('are nothing for mirror pods: %s', async (problem, spec) => {
    const metadata = { name: 'mirror', annotations: { 'kubernetes.io/config.mirror': 'x' } };
    const body = { metadata, spec: { nodeName: 'n', containers: [container()], ...spec } };
    expect(await server.send('POST', PODS, { body })).toMatchObject({
      status: 403,
      body: { message: `pods "mirror" is forbidden: ${problem}` },
    });
  });
});
