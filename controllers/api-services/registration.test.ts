import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiService } from '../../api/apiregistration/v1/api-service.ts';
import { customApiService } from '../../api/apiregistration/v1/local-api-services.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';
import { eventually, runControllers } from '../testing.ts';
import { apiServiceRegistration, decide } from './registration.ts';

const API_SERVICES = '/apis/apiregistration.k8s.io/v1/apiservices';
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

describe('decide() [A36]', () => {
  const wanted = customApiService('example.com', 'v1');
  const changed: ApiService = { ...wanted, spec: { ...wanted.spec!, versionPriority: 5 } };
  const foreign: ApiService = { ...changed, metadata: { name: 'v1.example.com', labels: {} } };

  it('makes, puts right and removes what it manages, and nothing else', () => {
    expect(decide(undefined, undefined)).toEqual({ type: 'none' });
    expect(decide(undefined, wanted)).toEqual({ type: 'create', object: wanted });
    expect(decide(wanted, wanted)).toEqual({ type: 'none' });
    expect(decide(changed, wanted)).toMatchObject({ type: 'update', object: { spec: wanted.spec } });
    expect(decide(changed, undefined)).toEqual({ type: 'delete', object: changed });
    expect(decide(foreign, wanted)).toEqual({ type: 'none' });
    expect(decide(foreign, undefined)).toEqual({ type: 'none' });
  });
});

describe('apiServiceRegistration [A36]', () => {
  let server: TestServer;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    server = await startTestServer();
    stop = runControllers(server.api.handler, [apiServiceRegistration]);
  });
  afterAll(async () => {
    await stop();
    await server.close();
  });

  const present = async (name: string): Promise<ApiService | undefined> => {
    const { status, body } = await server.send('GET', `${API_SERVICES}/${name}`);
    return status === 200 ? (body as ApiService) : undefined;
  };
  const gone = (name: string): Promise<true> =>
    eventually(async () => ((await present(name)) === undefined ? true : undefined));

  it('follows the versions that definitions serve', async () => {
    const schema = { openAPIV3Schema: { type: 'object' } };
    const version = (name: string, served: boolean, storage: boolean): object => ({ name, served, storage, schema });
    const definition = (plural: string, versions: object[]): object => ({
      metadata: { name: `${plural}.example.com` },
      spec: {
        ...{ group: 'example.com', scope: 'Namespaced', versions },
        names: { plural, kind: plural === 'cats' ? 'Cat' : 'Dog' },
      },
    });
    await server.call('POST', DEFINITIONS, definition('cats', [version('v1', true, true), version('v2', true, false)]));
    await server.call('POST', DEFINITIONS, definition('dogs', [version('v1', true, true)]));
    const made = await eventually(() => present('v2.example.com'));
    expect(made).toMatchObject({
      metadata: { labels: { 'kube-aggregator.kubernetes.io/automanaged': 'true' } },
      spec: { groupPriorityMinimum: 1000, versionPriority: 100 },
      status: { conditions: [{ type: 'Available', status: 'True', reason: 'Local' }] },
    });
    await eventually(() => present('v1.example.com'));
    await server.send('PATCH', `${DEFINITIONS}/cats.example.com`, {
      contentType: 'application/json-patch+json',
      body: [{ op: 'replace', path: '/spec/versions/1/served', value: false }],
    });
    await gone('v2.example.com');
    await server.call('DELETE', `${DEFINITIONS}/cats.example.com`);
    await server.call('DELETE', `${API_SERVICES}/v1.example.com`);
    // Of the other definition still.
    await eventually(() => present('v1.example.com'));
    await server.call('DELETE', `${DEFINITIONS}/dogs.example.com`);
    await gone('v1.example.com');
  });
});
