/**
 * The scheduler over memory storage and the in-process client: pods created in parallel, until all have a node; then
 * upstream's workloads through the whole API path.
 */
import { events } from '../../api/core/v1/event.ts';
import { namespaces } from '../../api/core/v1/namespace.ts';
import { nodes } from '../../api/core/v1/node.ts';
import { pods } from '../../api/core/v1/pod.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { serviceAccounts } from '../../api/core/v1/service-account.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { resources } from '../../api/resources.ts';
import { loadSchemaTable } from '../../api/schema/table.ts';
import { createApiServer } from '../../apiserver/api-server.ts';
import { unionAuthenticator } from '../../apiserver/authn/union.ts';
import { unionAuthorizer } from '../../apiserver/authz/authorizer.ts';
import { superuserAuthorizer } from '../../apiserver/authz/superuser.ts';
import { createMemoryStorage } from '../../apiserver/storage/memory.ts';
import { realClock, sleep } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import { createEventRecorder } from '../../client/events.ts';
import { inProcessClient } from '../../client/in-process.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import { defaultProfile } from '../../scheduler/profile.ts';
import { startScheduler } from '../../scheduler/scheduler.ts';
import type { BenchLine } from './bench-line.ts';
import { measureWorkloads } from './scheduling.ts';

const SCENARIO = 'scheduler';
const NODES = 500;
const WARM_UP_PODS = 500;
const PODS = 1000;
const TARGET = 1000;
const CREATORS = 16;

/** Takes some minutes; without `measureWorkloads`, about five seconds. */
export async function run(): Promise<BenchLine[]> {
  return [...(await inThisProcess()), ...(await measureWorkloads())];
}

async function inThisProcess(): Promise<BenchLine[]> {
  const stopping = new AbortController();
  const { client, close } = await startServer();
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'default' } };
  await client.create(serviceAccounts, account);
  await createAll(NODES, async (i) => {
    await client.create(nodes, node(`node-${i}`));
    // A new node is tainted until it is seen to be ready.
    await client.patch(nodes, { name: `node-${i}` }, { type: 'merge', body: { spec: { taints: null } } });
  });
  const delays = measureLoopDelay(stopping.signal);
  const scheduler = start(client, stopping.signal);
  await scheduleAll(client, 'warm', WARM_UP_PODS);
  const scheduled = await scheduleAll(client, 'pod', PODS);
  const waiting = await scheduleExisting(client, delays);
  stopping.abort();
  await scheduler;
  await close();
  const what = `${PODS} pods on ${NODES} nodes, memory storage`;
  return [
    { scenario: SCENARIO, what: `${what}, created meanwhile`, value: scheduled, unit: '/s' },
    {
      scenario: SCENARIO,
      what: `${what}, waiting already`,
      value: waiting,
      unit: '/s',
      target: `>= ${TARGET}`,
      ok: waiting >= TARGET,
    },
    { scenario: SCENARIO, what: 'longest time without a turn of the event loop', value: delays.longestMs, unit: 'ms' },
  ];
}

async function startServer(): Promise<{ client: Client; close(): Promise<void> }> {
  const storage = createMemoryStorage();
  const api = createApiServer({
    resources,
    storage,
    schemas: loadSchemaTable(),
    clock: realClock,
    random: realRandom,
    log: silentLogger,
    authenticator: () => unionAuthenticator([]),
    authorizer: () => unionAuthorizer([superuserAuthorizer]),
    healthChecks: [],
    serverAddress: () => '127.0.0.1:0',
  });
  await api.start();
  const user = { name: 'bench', groups: ['system:masters', 'system:authenticated'] };
  return {
    client: inProcessClient({ handler: api.handler, user, userAgent: 'bench' }),
    async close() {
      await api.close();
      await storage.close();
    },
  };
}

function start(client: Client, signal: AbortSignal): Promise<void> {
  const parts = { clock: realClock, random: realRandom, log: silentLogger };
  const informers = createInformerFactory(client, parts);
  informers.start(signal);
  const recorder = createEventRecorder({ client, resource: events, component: 'default-scheduler', ...parts });
  return startScheduler({ client, informers, events: recorder, signal, ...parts });
}

/** Pods per second from the first creation to the last binding. */
async function scheduleAll(client: Client, prefix: string, count: number): Promise<number> {
  const startMs = realClock.monotonicMs();
  await createAll(count, (i) => client.create(pods, pod(`${prefix}-${i}`)));
  await allBound(client);
  return Math.round((count * 1000) / (realClock.monotonicMs() - startMs));
}

/** As `scheduleAll`, with a second scheduler's pods, which all wait when it starts. */
async function scheduleExisting(client: Client, delays: { longestMs: number }): Promise<number> {
  await createAll(PODS, (i) => client.create(pods, pod(`waiting-${i}`, 'second')));
  const stopping = new AbortController();
  const parts = { clock: realClock, random: realRandom, log: silentLogger, signal: stopping.signal };
  const informers = createInformerFactory(client, parts);
  informers.start(stopping.signal);
  await informers.waitForSync();
  await sleep(realClock, 100);
  delays.longestMs = 0;
  const startMs = realClock.monotonicMs();
  const recorder = createEventRecorder({ client, resource: events, component: 'second', ...parts });
  const profiles = [{ schedulerName: 'second', plugins: defaultProfile }];
  const scheduler = startScheduler({ client, informers, events: recorder, profiles, ...parts });
  await allBound(client);
  const rate = Math.round((PODS * 1000) / (realClock.monotonicMs() - startMs));
  stopping.abort();
  await scheduler;
  return rate;
}

/** Resolves when no pod is without a node. */
async function allBound(client: Client): Promise<void> {
  const watching = new AbortController();
  const informers = createInformerFactory(client, { clock: realClock, log: silentLogger });
  const waiting = informers.informer<Pod>(pods, { fieldSelector: 'spec.nodeName=' });
  informers.start(watching.signal);
  await informers.waitForSync();
  const left = new Set<string>();
  await new Promise<void>((resolve) => {
    waiting.changes.subscribe(({ type, key }) => {
      if (type === 'delete') left.delete(key);
      else left.add(key);
      if (left.size === 0) resolve();
    });
    if (left.size === 0) resolve();
  });
  watching.abort();
}

async function createAll(count: number, create: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) await create(next++);
  };
  await Promise.all(Array.from({ length: CREATORS }, work));
}

function measureLoopDelay(signal: AbortSignal): { longestMs: number } {
  const delays = { longestMs: 0 };
  let lastMs = realClock.monotonicMs();
  const look = (): void => {
    const nowMs = realClock.monotonicMs();
    delays.longestMs = Math.max(delays.longestMs, Math.round(nowMs - lastMs));
    lastMs = nowMs;
    if (!signal.aborted) setImmediate(look);
  };
  look();
  return delays;
}

function node(name: string): ApiObject {
  const capacity = { cpu: '4', memory: '32Gi', pods: '110' };
  const object = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    status: { capacity, conditions: [{ type: 'Ready', status: 'True' }] },
  };
  return object;
}

function pod(name: string, schedulerName = 'default-scheduler'): ApiObject {
  const requests = { cpu: '100m', memory: '500Mi' };
  const containers = [
    { name: 'pause', image: 'registry.k8s.io/pause:3.10.1', resources: { requests, limits: requests } },
  ];
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { schedulerName, containers },
  };
  return object;
}
