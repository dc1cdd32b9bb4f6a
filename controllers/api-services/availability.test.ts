import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiService } from '../../api/apiregistration/v1/api-service.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpoint-slice.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';
import { eventually, runControllers } from '../testing.ts';
import { apiServiceAvailability, endpointProblem } from './availability.ts';

const API_SERVICES = '/apis/apiregistration.k8s.io/v1/apiservices';
const SERVICES = '/api/v1/namespaces/default/services';

describe('endpointProblem() [A36]', () => {
  const reference = { namespace: 'ns', name: 'api', port: 443 };
  const service = (spec: object): Service => ({ metadata: { name: 'api' }, spec }) as unknown as Service;
  const slice = (ready: boolean | undefined, name?: string): EndpointSlice =>
    ({
      endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready } }],
      ports: [{ name, port: 8443 }],
    }) as unknown as EndpointSlice;
  const ports = [{ name: 'https', port: 443 }];

  it.each([
    ['no Service', undefined, [], 'ServiceNotFound', 'service/api in "ns" is not present'],
    [
      'no such port',
      service({ ports: [{ port: 80 }] }),
      [slice(true)],
      'ServicePortError',
      'service/api in "ns" is not listening on port 443',
    ],
    ['no slices', service({ ports }), [], 'EndpointsNotFound', 'cannot find endpointslices for service/api in "ns"'],
    [
      'no ready endpoint',
      service({ ports }),
      [slice(false, 'https')],
      'MissingEndpoints',
      'endpointslices for service/api in "ns" have no addresses with port name "https"',
    ],
    [
      'no endpoint of the port',
      service({ ports: [{ port: 443 }] }),
      [slice(true, 'other')],
      'MissingEndpoints',
      'endpointslices for service/api in "ns" have no addresses with port name ""',
    ],
  ] as const)('says that there is %s', (_, found, slices, reason, message) => {
    expect(endpointProblem(reference, { service: found, slices })).toEqual({ status: 'False', reason, message });
  });

  it('finds nothing wrong with a ready endpoint, nor looks for those of a name', () => {
    expect(endpointProblem(reference, { service: service({ ports }), slices: [slice(undefined, 'https')] })).toBe(
      undefined,
    );
    const named = service({ type: 'ExternalName', externalName: 'example.com' });
    expect(endpointProblem(reference, { service: named, slices: [] })).toBe(undefined);
  });
});

describe('apiServiceAvailability() [A36]', () => {
  let server: TestServer;
  let stop: () => Promise<void>;
  let answer = 'failing or missing response';
  const probed: string[] = [];
  beforeAll(async () => {
    server = await startTestServer();
    const probe = ({ metadata }: ApiService): Promise<string> => {
      probed.push(metadata.name!);
      return Promise.resolve(answer);
    };
    stop = runControllers(server.api.handler, [apiServiceAvailability(probe)]);
  });
  afterAll(async () => {
    await stop();
    await server.close();
  });

  const conditionOf = (name: string, reason: string): Promise<object> =>
    eventually(async () => {
      const { status } = await server.call<ApiService>('GET', `${API_SERVICES}/${name}`);
      return status?.conditions?.find((one) => one.type === 'Available' && one.reason === reason);
    });

  it('follows the Service, its endpoints and what the server answers', async () => {
    const name = 'v1.example.com';
    const spec = { group: 'example.com', version: 'v1', groupPriorityMinimum: 10, versionPriority: 10 };
    const service = { namespace: 'default', name: 'api' };
    await server.call('POST', API_SERVICES, {
      metadata: { name },
      spec: { ...spec, service, insecureSkipTLSVerify: true },
    });
    expect(await conditionOf(name, 'ServiceNotFound')).toMatchObject({ status: 'False' });
    await server.call('POST', SERVICES, {
      metadata: { name: 'api' },
      spec: { clusterIP: 'None', ports: [{ name: 'https', port: 443 }] },
    });
    await conditionOf(name, 'EndpointsNotFound');
    const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
    const slice = {
      metadata: { name: 'api-1', labels: { 'kubernetes.io/service-name': 'api' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['192.0.2.9'], conditions: { ready: false } }],
      ports: [{ name: 'https', port: 8443, protocol: 'TCP' }],
    };
    const made = await server.call<EndpointSlice>('POST', slices, slice);
    await conditionOf(name, 'MissingEndpoints');
    expect(probed).toEqual([]);
    const endpoints = [{ addresses: ['192.0.2.9'], conditions: { ready: true } }];
    const ready = await server.call<EndpointSlice>('PUT', `${slices}/api-1`, { ...made, endpoints });
    expect(await conditionOf(name, 'FailedDiscoveryCheck')).toMatchObject({ status: 'False', message: answer });
    answer = '';
    const metadata = { ...ready.metadata, annotations: { changed: 'yes' } };
    await server.call('PUT', `${slices}/api-1`, { ...ready, metadata });
    const passed = { status: 'True', message: 'all checks passed', lastTransitionTime: expect.any(String) };
    expect(await conditionOf(name, 'Passed')).toMatchObject(passed);
  });

  it('has versions without a Service always available', async () => {
    const name = 'v1.local.example.com';
    const spec = { group: 'local.example.com', version: 'v1', groupPriorityMinimum: 10, versionPriority: 10 };
    const made = await server.call<ApiService>('POST', API_SERVICES, { metadata: { name }, spec });
    const status = { conditions: [{ type: 'Available', status: 'False', reason: 'Other' }] };
    await server.call('PUT', `${API_SERVICES}/${name}/status`, { ...made, status });
    expect(await conditionOf(name, 'Local')).toMatchObject({
      status: 'True',
      message: 'Local APIServices are always available',
    });
    expect(probed).not.toContain(name);
  });
});
