import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { pods } from '../api/core/v1/pod.ts';
import type { Pod } from '../api/core/v1/pod/types.ts';
import { nodes } from '../api/core/v1/node.ts';
import { startTestServer, testAdmin } from '../apiserver/testing.ts';
import type { TestServer } from '../apiserver/testing.ts';
import { realClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { inProcessClient } from '../client/in-process.ts';
import { SharedSources } from './shared-sources.ts';

let server: TestServer;
let client: Client;
let sources: SharedSources;
let stopping: AbortController;

beforeEach(async () => {
  server = await startTestServer();
  client = inProcessClient({ handler: server.api.handler, user: testAdmin, userAgent: 'test' });
  stopping = new AbortController();
  const { signal } = stopping;
  sources = new SharedSources({ client, clock: realClock, random: realRandom, log: silentLogger, signal });
});
afterEach(async () => {
  stopping.abort();
  await sources.stopped();
  await server.close();
});

const pod = (name: string, nodeName: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { nodeName, containers: [{ name: 'c', image: 'nginx' }] } as Pod['spec'],
});

/** What the kubelet of a node is told, and a wait for so many changes. */
function follow(nodeName: string): { seen: string[]; until(count: number): Promise<void> } {
  const seen: string[] = [];
  let wake: () => void = () => undefined;
  sources.of(nodeName).podChanges.subscribe(({ type, key }) => {
    seen.push(`${type} ${key}`);
    wake();
  });
  return {
    seen,
    async until(count) {
      while (seen.length < count) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

it('tells each kubelet of the pods of its node, also of those from before', async () => {
  await client.create(pods, pod('early', 'one'));
  await sources.of('one').synced(stopping.signal);
  const [one, two] = [follow('one'), follow('two')];
  expect([one.seen, two.seen]).toEqual([['add default/early'], []]);
  await client.create(pods, pod('late', 'two'));
  await client.create(pods, pod('nobody', ''));
  await client.delete(pods, { namespace: 'default', name: 'early' }, { gracePeriodSeconds: 0 });
  await Promise.all([one.until(2), two.until(1)]);
  expect([one.seen, two.seen]).toEqual([['add default/early', 'delete default/early'], ['add default/late']]);
});

it('shows the node and the Services', async () => {
  await client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'one' } });
  const { node, services, synced } = sources.of('one');
  await synced(stopping.signal);
  expect(node!()?.metadata.name).toBe('one');
  expect(sources.of('two').node!()).toBeUndefined();
  expect(services()).toEqual([]);
});
