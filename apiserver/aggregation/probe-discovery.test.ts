import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ApiService } from '../../api/apiregistration/v1/api-service.ts';
import type { TestServer } from '../testing.ts';
import { startTestServer } from '../testing.ts';
import type { Answering, FrontProxy, SeenRequest, TestBackend } from './testing.ts';
import { answerJson, createFrontProxy, registerBackend, startBackend } from './testing.ts';

const NAME = 'v1alpha1.wardle.example.com';
const PATH = '/apis/wardle.example.com/v1alpha1';

let frontProxy: FrontProxy;
let server: TestServer;
let backend: TestBackend;
let code = 200;

beforeAll(async () => {
  frontProxy = await createFrontProxy();
  // Whatever its certificate says.
  const discovery: Answering = (_, response) => answerJson(response, {}, code);
  backend = await startBackend(frontProxy, discovery, { dnsName: 'other.example.com', discovery });
  server = await startTestServer({ frontProxy: frontProxy.identity });
  await registerBackend(server, backend);
});
afterAll(async () => {
  await server.close();
  await backend.close();
});

it('probeDiscovery() says whether a server answers for its version, and why not [A36]', async () => {
  const apiService = await server.call<ApiService>('GET', `/apis/apiregistration.k8s.io/v1/apiservices/${NAME}`);
  const probe = (): Promise<string> => server.api.probeDiscovery(apiService, new AbortController().signal);
  expect(await probe()).toBe('');
  const identity = { 'x-remote-user': ['system:kube-aggregator'], 'x-remote-group': ['system:masters'] };
  // What is fetched for discovery asks for JSON.
  const probes = (): SeenRequest[] => backend.ownRequests.filter(({ headers }) => headers['accept'] === undefined);
  expect(probes()).toMatchObject([{ method: 'GET', url: PATH, headers: identity }]);
  code = 403;
  const url = `https://localhost:${backend.port}${PATH}`;
  expect(await probe()).toBe(`failing or missing response from ${url}: bad status from ${url}: 403`);
  expect(probes()).toHaveLength(6);
  const nobody: ApiService = { ...apiService, spec: { ...apiService.spec!, service: { namespace: 'a', name: 'b' } } };
  const answer = await server.api.probeDiscovery(nobody, new AbortController().signal);
  expect(answer).toBe('service "b" not found');
});
