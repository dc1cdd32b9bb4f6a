/** The scheduler against the real API server in this process. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { events } from '../api/core/v1/event.ts';
import type { Event } from '../api/core/v1/event.ts';
import { namespaces } from '../api/core/v1/namespace.ts';
import { nodes } from '../api/core/v1/node.ts';
import type { Node } from '../api/core/v1/node.ts';
import { pods } from '../api/core/v1/pod.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { serviceAccounts } from '../api/core/v1/service-account.ts';
import { resources } from '../api/resources.ts';
import { loadSchemaTable } from '../api/schema/table.ts';
import { createApiServer } from '../apiserver/api-server.ts';
import { unionAuthenticator } from '../apiserver/authn/union.ts';
import { unionAuthorizer } from '../apiserver/authz/authorizer.ts';
import { superuserAuthorizer } from '../apiserver/authz/superuser.ts';
import { createMemoryStorage } from '../apiserver/storage/memory.ts';
import { realClock, sleep } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { createEventRecorder } from '../client/events.ts';
import { inProcessClient } from '../client/in-process.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import type { Plugin } from './framework.ts';
import { nodeOf, podOf } from './objects-for-tests.ts';
import type { PodFacts } from './objects-for-tests.ts';
import { defaultProfile } from './profile.ts';
import { startScheduler } from './scheduler.ts';

const parts = { clock: realClock, random: realRandom, log: silentLogger };

let client: Client;
let stopping: AbortController;
let running: Promise<void>[];
let cleanups: (() => Promise<void>)[];

beforeEach(async () => {
  stopping = new AbortController();
  running = [];
  const storage = createMemoryStorage();
  const api = createApiServer({
    resources,
    storage,
    schemas: loadSchemaTable(),
    ...parts,
    authenticator: () => unionAuthenticator([]),
    authorizer: () => unionAuthorizer([superuserAuthorizer]),
    healthChecks: [],
    serverAddress: () => '127.0.0.1:0',
  });
  cleanups = [() => api.close(), () => storage.close()];
  await api.start();
  const user = { name: 'test', groups: ['system:masters', 'system:authenticated'] };
  client = inProcessClient({ handler: api.handler, user, userAgent: 'test' });
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'default' } };
  await client.create(serviceAccounts, account);
});

afterEach(async () => {
  stopping.abort();
  await Promise.all(running);
  for (const clean of cleanups) await clean();
});

function start(extra: readonly Plugin[] = []): void {
  const { signal } = stopping;
  const informers = createInformerFactory(client, parts);
  informers.start(signal);
  const recorder = createEventRecorder({ client, resource: events, component: 'default-scheduler', ...parts });
  // Extra plugins come first: a `bind` of theirs is tried before the default one.
  const profile = [...extra.map((plugin) => ({ plugin })), ...defaultProfile({ client, informers, signal, ...parts })];
  const profile = [...extra.map((plugin) => ({ plugin })), ...defaultProfile({ client, informers })];
  running.push(startScheduler({ client, informers, events: recorder, signal, profile, ...parts }));
}

/** With the taints that it says, and not the one that a new node has until it is seen to be ready. */
async function createNode(node: Node): Promise<Node> {
  const { metadata } = await client.create<Node>(nodes, node);
  return client.patch<Node>(
    nodes,
    { name: metadata.name! },
    { type: 'merge', body: { spec: { taints: node.spec.taints ?? null } } },
  );
}

async function createPod(name: string, facts: PodFacts = {}): Promise<Pod> {
  const { uid: _uid, ...metadata } = podOf(name, facts).metadata;
  return client.create<Pod>(pods, { ...podOf(name, facts), metadata });
}

const getPod = (name: string): Promise<Pod> => client.get<Pod>(pods, { namespace: 'default', name });

/** Polls: the scheduler tells nobody when it is done. */
async function eventually<T>(read: () => Promise<T | undefined | false>): Promise<T> {
  for (let tries = 0; tries < 1000; tries++) {
    const value = await read();
    if (value !== undefined && value !== false) return value;
    await sleep(realClock, 5);
  }
  throw new Error('it did not happen');
}

const bound = (name: string): Promise<string> => eventually(async () => (await getPod(name)).spec.nodeName);

type Condition = NonNullable<NonNullable<Pod['status']>['conditions']>[number];

function conditionOf(name: string, matches: (condition: Condition) => boolean = () => true): Promise<Condition> {
  return eventually(async () => {
    const found = (await getPod(name)).status?.conditions?.find(({ type }) => type === 'PodScheduled');
    return found !== undefined && matches(found) ? found : undefined;
  });
}

function eventOf(name: string, reason: string): Promise<Event> {
  return eventually(async () => {
    const { items } = await client.list<Event>(events, { namespace: 'default' });
    return items.find((event) => event.involvedObject.name === name && event.reason === reason);
  });
}

describe('startScheduler()', () => {
  it('spreads pods over three nodes, records it, and says why a pod does not fit', async () => {
    await createNode(nodeOf('n1', { allocatable: { cpu: '2', memory: '4Gi', pods: '10' } }));
    await createNode(nodeOf('n2', { allocatable: { cpu: '2', memory: '4Gi', pods: '10' } }));
    await createNode(nodeOf('n3', { spec: { taints: [{ key: 'only', value: 'me', effect: 'NoSchedule' }] } }));
    start();
    await Promise.all(['a', 'b'].map((name) => createPod(name, { requests: { cpu: '1500m', memory: '1Gi' } })));
    expect([await bound('a'), await bound('b')].sort()).toEqual(['n1', 'n2']);
    const assigned = await eventOf('a', 'Scheduled');
    expect(assigned.message).toBe(`Successfully assigned default/a to ${await bound('a')}`);
    expect(assigned).toMatchObject({ type: 'Normal', involvedObject: { kind: 'Pod', apiVersion: 'v1' } });

    await createPod('c', { requests: { cpu: '1' } });
    const message = '0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu.';
    expect(await conditionOf('c')).toMatchObject({ status: 'False', reason: 'Unschedulable', message });
    expect(await eventOf('c', 'FailedScheduling')).toMatchObject({ type: 'Warning', message });

    await client.delete(pods, { namespace: 'default', name: 'a' }, { gracePeriodSeconds: 0 });
    expect(await bound('c')).toBeDefined();
    expect(await conditionOf('c', ({ status }) => status === 'True')).toMatchObject({ type: 'PodScheduled' });
  });

  it('waits for a first node', async () => {
    start();
    await createPod('a');
    expect(await conditionOf('a')).toMatchObject({
      reason: 'Unschedulable',
      message: 'no nodes available to schedule pods',
    });
    await createNode(nodeOf('n1'));
    expect(await bound('a')).toBe('n1');
  });

  it('schedules pods when a node is uncordoned, untainted, relabelled or grows', async () => {
    await createNode(nodeOf('n1', { spec: { unschedulable: true } }));
    await createNode(
      nodeOf('n2', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] }, labels: { size: 'small' } }),
    );
    start();
    await createPod('a');
    const first = '0/2 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable.';
    expect(await conditionOf('a')).toMatchObject({ message: first });
    await patchNode('n1', { spec: { unschedulable: false } });
    expect(await bound('a')).toBe('n1');

    const big = { spec: { nodeSelector: { size: 'big' } }, requests: { cpu: '6' } };
    await createPod('b', big);
    const mismatch = "1 node(s) didn't match Pod's node affinity/selector";
    const noMatch = `0/2 nodes are available: ${mismatch}, 1 node(s) had untolerated taint(s).`;
    await conditionOf('b', ({ message }) => message === noMatch);
    await patchNode('n1', { metadata: { labels: { size: 'big' } } });
    const tooSmall = '0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s).';
    await conditionOf('b', ({ message }) => message === tooSmall);
    await patchNode('n1', { status: { allocatable: { cpu: '8' } } }, 'status');
    expect(await bound('b')).toBe('n1');
  });

  it('leaves gated pods and those of other schedulers alone', async () => {
    await createNode(nodeOf('n1'));
    start();
    await createPod('gated', { spec: { schedulingGates: [{ name: 'example.com/wait' }] } });
    await createPod('foreign', { spec: { schedulerName: 'other' } });
    await createPod('plain');
    await bound('plain');
    expect((await getPod('foreign')).spec.nodeName).toBeUndefined();
    expect(await conditionOf('gated')).toMatchObject({
      reason: 'SchedulingGated',
      message: 'Scheduling is blocked due to non-empty scheduling gates',
    });
    const body = { spec: { schedulingGates: [] } };
    await client.patch(pods, { namespace: 'default', name: 'gated' }, { type: 'merge', body });
    expect(await bound('gated')).toBe('n1');
  });

  it('counts what it has placed itself, and never overcommits', async () => {
    await createNode(nodeOf('n1', { allocatable: { cpu: '4', memory: '8Gi', pods: '110' } }));
    const names = Array.from({ length: 12 }, (_, i) => `p${i}`);
    for (const name of names) await createPod(name, { requests: { cpu: '500m' } });
    start();
    const placed = await eventually(async () => {
      const all = await Promise.all(names.map(getPod));
      const decided = all.filter(({ status }) => status?.conditions?.some(({ type }) => type === 'PodScheduled'));
      return decided.length === names.length && all.filter(({ spec }) => spec.nodeName === 'n1');
    });
    expect(placed.length).toBe(8);
  });

  it('takes the room of a pod that has ended', async () => {
    await createNode(nodeOf('n1', { allocatable: { cpu: '1', memory: '8Gi', pods: '110' } }));
    start();
    await createPod('a', { requests: { cpu: '1' } });
    await bound('a');
    await createPod('b', { requests: { cpu: '1' } });
    await conditionOf('b', ({ reason }) => reason === 'Unschedulable');
    const body = { status: { phase: 'Succeeded' } };
    await client.patch(pods, { namespace: 'default', name: 'a' }, { type: 'merge', body, subresource: 'status' });
    expect(await bound('b')).toBe('n1');
  });

  it('undoes reservations, last first, when a plugin does not permit the node', async () => {
    await createNode(nodeOf('n1'));
    const undone: string[] = [];
    const reserving = (name: string): Plugin => ({
      name,
      reserve: () => undefined,
      unreserve: () => void undone.push(name),
    });
    const refusing: Plugin = { name: 'C', permit: () => ({ code: 'Unschedulable', reasons: ['not now'] }) };
    start([reserving('A'), reserving('B'), refusing]);
    await createPod('a');
    const message = '0/1 nodes are available: 1 not now.';
    expect(await conditionOf('a')).toMatchObject({ reason: 'Unschedulable', message });
    await sleep(realClock, 50);
    // Once, or once more after the pod's own change of status: not over and over.
    expect(undone.length).toBeLessThanOrEqual(4);
    expect(undone.slice(0, 2)).toEqual(['B', 'A']);
  });

  it('gives the room back and tries again when binding fails', async () => {
    await createNode(nodeOf('n1', { allocatable: { cpu: '1', memory: '8Gi', pods: '110' } }));
    let failures = 0;
    const flaky: Plugin = {
      name: 'Flaky',
      bind: ({ pod }) => {
        if (pod.metadata.name !== 'a' || failures > 0) return Promise.resolve(false);
        failures++;
        return Promise.reject(new Error('the API server is away'));
      },
    };
    start([flaky]);
    await createPod('a', { requests: { cpu: '1' } });
    expect(await conditionOf('a')).toMatchObject({ reason: 'SchedulerError', message: 'the API server is away' });
    await createPod('b', { requests: { cpu: '1' } });
    expect(await bound('b')).toBe('n1');
    await client.delete(pods, { namespace: 'default', name: 'b' }, { gracePeriodSeconds: 0 });
    expect(await bound('a')).toBe('n1');
  });

  it('does not wait for one binding before it places the next pod', async () => {
    await createNode(nodeOf('n1'));
    const letGo = new AbortController();
    const slow: Plugin = {
      name: 'Slow',
      bind: async ({ pod }) => {
        if (pod.metadata.name === 'slow') {
          await new Promise<void>((resolve) => letGo.signal.addEventListener('abort', () => resolve(), { once: true }));
        }
        return false;
      },
    };
    start([slow]);
    await createPod('slow', { spec: { priority: 0 } });
    await createPod('quick');
    expect(await bound('quick')).toBe('n1');
    expect((await getPod('slow')).spec.nodeName).toBeUndefined();
    letGo.abort();
    expect(await bound('slow')).toBe('n1');
  });
});

async function patchNode(name: string, body: unknown, subresource?: string): Promise<void> {
  const options = subresource === undefined ? {} : { subresource };
  await client.patch(nodes, { name }, { type: 'merge', body, ...options });
}
