/** Groups of other servers in this server's discovery and OpenAPI. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../controllers/testing.ts';
import type { TestServer } from '../testing.ts';
import { startTestServer } from '../testing.ts';
import type { Json } from '../admission/webhook/testing.ts';
import { readResources } from './remote-discovery.ts';
import type { Answering, FrontProxy, TestBackend } from './testing.ts';
import { answerJson, createFrontProxy, registerBackend, startBackend } from './testing.ts';

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const API_SERVICE = '/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.wardle.example.com';
const PATH = '/apis/wardle.example.com/v1alpha1';
const LIST = {
  kind: 'APIResourceList',
  groupVersion: 'wardle.example.com/v1alpha1',
  resources: [
    { name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder', verbs: ['get', 'list'] },
    { name: 'flunders/status', singularName: '', namespaced: true, kind: 'Flunder', verbs: ['get'] },
    { name: 'pods/weight', singularName: '', namespaced: true, kind: 'Weight', verbs: ['get'] },
  ],
};
const NESTED = [
  {
    resource: 'flunders',
    responseKind: { group: 'wardle.example.com', version: 'v1alpha1', kind: 'Flunder' },
    scope: 'Namespaced',
    singularResource: 'flunder',
    verbs: ['get', 'list'],
    subresources: [
      {
        subresource: 'status',
        responseKind: { group: 'wardle.example.com', version: 'v1alpha1', kind: 'Flunder' },
        verbs: ['get'],
      },
    ],
  },
  {
    resource: 'pods',
    scope: 'Namespaced',
    verbs: [],
    subresources: [
      {
        subresource: 'weight',
        responseKind: { group: 'wardle.example.com', version: 'v1alpha1', kind: 'Weight' },
        verbs: ['get'],
      },
    ],
  },
];

let frontProxy: FrontProxy;
let backend: TestBackend;
let server: TestServer;
let answering: Answering;

const served: Answering = (request, response) => {
  if (request.url === PATH) return answerJson(response, LIST);
  const url = { serverRelativeURL: `/openapi/v3${PATH}?hash=1` };
  if (request.url === '/openapi/v3') return answerJson(response, { paths: { [PATH.slice(1)]: url } });
  return answerJson(response, { own: request.url });
};

beforeAll(async () => {
  frontProxy = await createFrontProxy();
  const discovery: Answering = (request, response) => answering(request, response);
  backend = await startBackend(frontProxy, discovery, { discovery });
});
beforeEach(async () => {
  answering = served;
  server = await startTestServer({ frontProxy: frontProxy.identity });
});
afterEach(() => server.close());
afterAll(() => backend?.close());

async function discovered(group: string): Promise<Json> {
  const { body } = await server.send('GET', '/apis', { accept: AGGREGATED });
  return (body as Json).items.find(({ metadata }: Json) => metadata.name === group);
}

async function setAvailable(status: 'True' | 'False'): Promise<void> {
  const object = await server.call<object>('GET', API_SERVICE);
  const conditions = [{ type: 'Available', status }];
  await server.call('PUT', `${API_SERVICE}/status`, { ...object, status: { conditions } });
}

describe('discovery of aggregated servers [A36] [A2]', () => {
  it('has their groups by priority, with what they serve', async () => {
    await registerBackend(server, backend);
    await registerBackend(server, backend, { version: 'v1beta1', spec: { versionPriority: 300 } });
    const version = await eventually(async () => {
      const { versions } = await discovered('wardle.example.com');
      return versions[1].freshness === 'Current' ? versions : undefined;
    });
    expect(version[1]).toEqual({ version: 'v1alpha1', freshness: 'Current', resources: NESTED });
    const { groups } = await server.call<Json>('GET', '/apis');
    const names = groups.map(({ name }: Json) => name);
    expect(names.slice(-2)).toEqual(['wardle.example.com', 'metrics.k8s.io']);
    expect(await server.call('GET', '/apis/wardle.example.com')).toMatchObject({
      kind: 'APIGroup',
      preferredVersion: { version: 'v1beta1' },
      versions: [{ groupVersion: 'wardle.example.com/v1beta1' }, { groupVersion: 'wardle.example.com/v1alpha1' }],
    });
    expect(await server.call('GET', PATH)).toEqual(LIST);
  });

  it('does not wait for a server that is silent, and says that what it knows of it is stale', async () => {
    const silent: Answering = () => undefined;
    answering = silent;
    await registerBackend(server, backend);
    const stale = { version: 'v1alpha1', resources: [], freshness: 'Stale' };
    expect((await discovered('wardle.example.com')).versions).toEqual([stale]);
    answering = served;
    await setAvailable('False');
    expect((await discovered('wardle.example.com')).versions).toEqual([stale]);
    backend.server.closeAllConnections();
    await setAvailable('True');
    await eventually(async () => {
      const { versions } = await discovered('wardle.example.com');
      return versions[0].freshness === 'Current' ? true : undefined;
    });
    await setAvailable('False');
    const { versions } = await discovered('wardle.example.com');
    expect(versions).toEqual([{ version: 'v1alpha1', resources: NESTED, freshness: 'Stale' }]);
    await server.call('DELETE', API_SERVICE);
    expect(await discovered('wardle.example.com')).toBeUndefined();
    expect((await server.send('GET', '/apis/wardle.example.com')).status).toBe(404);
  });

  it('has their OpenAPI documents in the index, and passes them on', async () => {
    await registerBackend(server, backend);
    const url = await eventually(async () => {
      const { paths } = await server.call<Json>('GET', '/openapi/v3');
      return paths['apis/wardle.example.com/v1alpha1']?.serverRelativeURL as string | undefined;
    });
    expect(url).toBe(`/openapi/v3${PATH}?hash=1`);
    expect(await server.call('GET', url)).toEqual({ own: url });
    expect(await server.call<Json>('GET', '/openapi/v3/apis/apps/v1')).toMatchObject({ openapi: '3.0.0' });
  });
});

describe('readResources()', () => {
  it('takes what is as it should be, and no other document', () => {
    const resources = [null, 1, { name: '' }, { name: 'a', verbs: 'get', kind: 3, shortNames: ['x', 4], group: 'g' }];
    expect(readResources({ kind: 'APIResourceList', resources })).toEqual([
      { name: 'a', singularName: '', namespaced: false, group: 'g', kind: '', verbs: [], shortNames: ['x'] },
    ]);
    expect(() => readResources({ kind: 'Status' })).toThrow('no APIResourceList');
    expect(() => readResources(null)).toThrow('no APIResourceList');
  });
});
