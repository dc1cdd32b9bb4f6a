/** What aggregated servers hold, in the deletion of namespaces and in garbage collection. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Namespace } from '../../api/core/v1/namespace.ts';
import { resources } from '../../api/resources.ts';
import type { FrontProxy, TestBackend } from '../../apiserver/aggregation/testing.ts';
import { answerJson, createFrontProxy, registerBackend, startBackend } from '../../apiserver/aggregation/testing.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer } from '../../apiserver/testing.ts';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import { silentEventRecorder } from '../../client/events.ts';
import { inProcessClient } from '../../client/in-process.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import { runGarbageCollector } from '../garbage-collector/garbage-collector.ts';
import { namespaceController } from '../namespace.ts';
import { eventually, runControllers } from '../testing.ts';
import { kindsIn } from './aggregated-kinds.ts';

const GROUP_VERSION = 'wardle.example.com/v1alpha1';
const API_SERVICE = '/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.wardle.example.com';
const FLUNDERS = `/apis/${GROUP_VERSION}/namespaces/default/flunders`;

/** As much of a server as the controllers ask for: flunders, of which a watch shows those that there are. */
class Wardle {
  readonly flunders = new Map<string, ApiObject>();
  isSilent = false;

  readonly discovery = (request: IncomingMessage, response: ServerResponse): void => {
    if (this.isSilent) return void response.writeHead(500).end();
    if (request.url !== `/apis/${GROUP_VERSION}`) return void response.writeHead(404).end();
    const verbs = ['create', 'delete', 'get', 'list', 'patch', 'watch'];
    const flunders = { name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder', verbs };
    answerJson(response, { kind: 'APIResourceList', groupVersion: GROUP_VERSION, resources: [flunders] });
  };

  readonly answer = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '', 'https://x');
    const [, , , , , namespace, , name = ''] = url.pathname.split('/');
    const key = `${namespace}/${name}`;
    if (request.method === 'DELETE') {
      const found = this.flunders.get(key);
      this.flunders.delete(key);
      return answerJson(response, { kind: 'Status', code: found ? 200 : 404 }, found ? 200 : 404);
    }
    if (name !== '' && namespace !== undefined) {
      const found = this.flunders.get(key);
      return answerJson(response, found ?? { kind: 'Status', reason: 'NotFound', code: 404 }, found ? 200 : 404);
    }
    if (url.searchParams.get('sendInitialEvents') === 'true')
      return answerJson(response, { kind: 'Status', reason: 'Invalid', code: 422 }, 422);
    // Open until the client ends it.
    if (url.searchParams.get('watch') === 'true')
      return void response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    const items = [...this.flunders.values()].filter(
      ({ metadata }) => namespace === undefined || metadata.namespace === namespace,
    );
    answerJson(response, { kind: 'FlunderList', metadata: { resourceVersion: '1' }, items });
  };
}

const flunder = (namespace: string, name: string, more: object = {}): ApiObject => ({
  apiVersion: GROUP_VERSION,
  kind: 'Flunder',
  metadata: { namespace, name, uid: `uid-of-${name}`, resourceVersion: '1', ...more },
});

let frontProxy: FrontProxy;
let backend: TestBackend;
let server: TestServer;
let wardle: Wardle;

beforeAll(async () => {
  frontProxy = await createFrontProxy();
  backend = await startBackend(frontProxy, (request, response) => wardle.answer(request, response), {
    discovery: (request, response) => wardle.discovery(request, response),
  });
});
beforeEach(async () => {
  wardle = new Wardle();
  server = await startTestServer({ frontProxy: frontProxy.identity });
});
afterEach(() => server.close());
afterAll(() => backend?.close());

describe('the namespace controller [A36]', () => {
  let stop: () => Promise<void>;
  afterEach(() => stop());

  const conditionOf = (name: string, status: string): Promise<object> =>
    eventually(async () => {
      const { body } = await server.send('GET', `/api/v1/namespaces/${name}`);
      const conditions = (body as Namespace).status?.conditions ?? [];
      return conditions.find((one) => one.type === 'NamespaceDeletionDiscoveryFailure' && one.status === status);
    });
  const gone = (name: string): Promise<true> =>
    eventually(async () =>
      (await server.send('GET', `/api/v1/namespaces/${name}`)).status === 404 ? true : undefined,
    );

  it('empties a namespace of what aggregated servers hold, and of nothing else', async () => {
    await registerBackend(server, backend);
    stop = runControllers(server.api.handler, [namespaceController(resources)]);
    await server.call('POST', '/api/v1/namespaces', { metadata: { name: 'a' } });
    wardle.flunders.set('a/one', flunder('a', 'one')).set('default/two', flunder('default', 'two'));
    await server.call('DELETE', '/api/v1/namespaces/a');
    await gone('a');
    expect([...wardle.flunders.keys()]).toEqual(['default/two']);
  });

  it('waits for a server that does not say what it serves', async () => {
    wardle.isSilent = true;
    await registerBackend(server, backend);
    stop = runControllers(server.api.handler, [namespaceController(resources)]);
    await server.call('POST', '/api/v1/namespaces', { metadata: { name: 'b' } });
    await server.call('DELETE', '/api/v1/namespaces/b');
    expect(await conditionOf('b', 'True')).toMatchObject({
      reason: 'DiscoveryFailed',
      message:
        'Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: ' +
        `${GROUP_VERSION}: stale GroupVersion discovery: ${GROUP_VERSION}`,
    });
    await server.call('DELETE', API_SERVICE);
    await gone('b');
  });
});

describe('the garbage collector [A36]', () => {
  it('deletes what its owner has left behind in an aggregated server', async () => {
    await registerBackend(server, backend);
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: 'nobody' };
    wardle.flunders.set('default/orphan', flunder('default', 'orphan', { ownerReferences: [owner] }));
    wardle.flunders.set('default/own', flunder('default', 'own'));
    const stop = new AbortController();
    const user = { name: 'gc', groups: ['system:masters'] };
    const client = inProcessClient({ handler: server.api.handler, user, userAgent: 'gc' });
    const common = { clock: realClock, log: silentLogger, random: realRandom };
    const informers = createInformerFactory(client, common);
    informers.start(stop.signal);
    const options = { ...common, client, informers, events: silentEventRecorder, signal: stop.signal };
    const running = runGarbageCollector(resources, options);
    try {
      await eventually(() => Promise.resolve(wardle.flunders.has('default/orphan') ? undefined : true));
      expect((await server.send('GET', `${FLUNDERS}/own`)).status).toBe(200);
    } finally {
      stop.abort();
      await Promise.all([running, informers.stopped()]);
    }
  });
});

describe('kindsIn()', () => {
  it('takes each kind of the versions that are looked for once, and all of them for references', () => {
    const resource = (name: string, scope = 'Namespaced'): object => ({
      ...{ resource: name, scope, verbs: ['list'] },
      responseKind: { kind: name.toUpperCase() },
    });
    const items = [
      {
        metadata: { name: 'g' },
        versions: [
          { version: 'v2', resources: [resource('a')] },
          { version: 'v1', freshness: 'Stale', resources: [resource('a'), resource('b', 'Cluster')] },
        ],
      },
      { metadata: { name: 'apps' }, versions: [{ version: 'v1', resources: [resource('c')] }] },
    ] as never;
    const { kinds, all, stale } = kindsIn({ items }, new Set(['g/v1', 'g/v2']));
    expect(kinds.map(({ version, names, scope }) => [version, names.plural, scope])).toEqual([
      ['v2', 'a', 'Namespaced'],
      ['v1', 'b', 'Cluster'],
    ]);
    expect(all).toHaveLength(3);
    expect(stale).toEqual(['g/v1']);
  });
});
