import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TestServer } from '../apiserver/testing.ts';
import { startTestServer, testAdmin } from '../apiserver/testing.ts';
import { realClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import { defineController } from '../client/controller.ts';
import { silentEventRecorder } from '../client/events.ts';
import { inProcessClient } from '../client/in-process.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { eventually } from './testing.ts';
import { runWhenServed } from './when-served.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const WIDGETS = '/apis/example.com/v1/namespaces/default/widgets';
const names = { plural: 'widgets', singular: 'widget', kind: 'Widget' };
const definition = {
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names,
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
};

describe('runWhenServed()', () => {
  let server: TestServer;
  const abort = new AbortController();
  beforeEach(async () => {
    server = await startTestServer();
  });
  afterEach(async () => {
    abort.abort();
    await server.close();
  });

  it('waits for the definition, ends with it, and begins anew with the next', async () => {
    const seen: string[] = [];
    const warnings: unknown[] = [];
    const log = { ...silentLogger, warn: (_: string, fields?: unknown) => void warnings.push(fields) };
    const client = inProcessClient({ handler: server.api.handler, user: testAdmin, userAgent: 'test' });
    const informers = createInformerFactory(client, { clock: realClock, log });
    informers.start(abort.signal);
    const controller = defineController({
      name: 'widget-controller',
      for: { group: 'example.com', version: 'v1', scope: 'Namespaced', names },
      writes: [],
      reconcile: async ({ name }) => void seen.push(name),
    });
    const options = { client, informers, events: silentEventRecorder, clock: realClock, random: realRandom, log };
    const ended = runWhenServed(controller, { ...options, signal: abort.signal });
    const create = async (name: string): Promise<void> => {
      await eventually(async () => {
        const body = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name } };
        return (await server.send('POST', WIDGETS, { body })).status === 201 ? true : undefined;
      });
      await eventually(async () => (seen.includes(name) ? true : undefined));
    };
    await server.call('POST', DEFINITIONS, definition);
    await create('first');
    expect(warnings).toEqual([]);
    await server.call('DELETE', `${DEFINITIONS}/widgets.example.com`);
    await eventually(async () => ((await server.send('GET', WIDGETS)).status === 404 ? true : undefined));
    await server.call('POST', DEFINITIONS, definition);
    await create('second');
    abort.abort();
    await ended;
  });
});
