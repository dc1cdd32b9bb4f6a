/** The real API server in this process with a scheduler of its own, for tests. */
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
import type { SchedulerConfiguration } from './configuration.ts';
import type { Plugin, ProfileEntry } from './framework.ts';
import { podOf } from './objects-for-tests.ts';
import type { PodFacts } from './objects-for-tests.ts';
import { defaultProfile } from './profile.ts';
import type { ProfileOptions, SchedulerProfile } from './profile.ts';
import { startScheduler } from './scheduler.ts';

const parts = { clock: realClock, random: realRandom, log: silentLogger };

export type Condition = NonNullable<NonNullable<Pod['status']>['conditions']>[number];

/** Limits in tests of what takes milliseconds: a busy machine takes its time. */
const PATIENCE_MS = 60_000;

/** Polls: the scheduler tells nobody when it is done. */
export async function eventually<T>(read: () => Promise<T | undefined | false>): Promise<T> {
  const startMs = realClock.monotonicMs();
  while (realClock.monotonicMs() - startMs < PATIENCE_MS) {
    const value = await read();
    if (value !== undefined && value !== false) return value;
    await sleep(realClock, 5);
  }
  throw new Error('it did not happen');
}

/** The default profile behind these, whose `bind` is tried before the default one. */
export function profileWith(...extra: readonly Plugin[]): SchedulerProfile {
  const plugins = (options: ProfileOptions): readonly ProfileEntry[] => [
    ...extra.map((plugin) => ({ plugin })),
    ...defaultProfile(options),
  ];
  return { schedulerName: 'default-scheduler', plugins };
}

export class TestCluster {
  readonly client: Client;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>[] = [];
  readonly #cleanups: (() => Promise<void>)[];

  constructor(client: Client, cleanups: (() => Promise<void>)[]) {
    this.client = client;
    this.#cleanups = cleanups;
  }

  startScheduler(...profiles: SchedulerProfile[]): void {
    this.startConfigured({ profiles: profiles.length === 0 ? [profileWith()] : profiles });
  }

  startConfigured(configuration: Partial<SchedulerConfiguration>): void {
    const { client } = this;
    const { signal } = this.#stopping;
    const informers = createInformerFactory(client, parts);
    informers.start(signal);
    const recorder = createEventRecorder({ client, resource: events, component: 'default-scheduler', ...parts });
    this.#running.push(startScheduler({ client, informers, events: recorder, signal, ...parts, ...configuration }));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
    for (const clean of this.#cleanups) await clean();
  }

  /** With the taints that it says, and not the one that a new node has until it is seen to be ready. */
  async createNode(node: Node): Promise<Node> {
    const { metadata } = await this.client.create<Node>(nodes, node);
    return this.client.patch<Node>(
      nodes,
      { name: metadata.name! },
      { type: 'merge', body: { spec: { taints: node.spec.taints ?? null } } },
    );
  }

  async patchNode(name: string, body: unknown, subresource?: string): Promise<void> {
    const options = subresource === undefined ? {} : { subresource };
    await this.client.patch(nodes, { name }, { type: 'merge', body, ...options });
  }

  async createPod(name: string, facts: PodFacts = {}): Promise<Pod> {
    const { uid: _uid, ...metadata } = podOf(name, facts).metadata;
    return this.client.create<Pod>(pods, { ...podOf(name, facts), metadata });
  }

  getPod(name: string): Promise<Pod> {
    return this.client.get<Pod>(pods, { namespace: 'default', name });
  }

  /** At once. */
  deletePod(name: string): Promise<void> {
    return this.client.delete(pods, { namespace: 'default', name }, { gracePeriodSeconds: 0 });
  }

  /** The node that the pod gets. */
  bound(name: string): Promise<string> {
    return eventually(async () => (await this.getPod(name)).spec.nodeName);
  }

  conditionOf(name: string, matches: (condition: Condition) => boolean = () => true): Promise<Condition> {
    return eventually(async () => {
      const found = (await this.getPod(name)).status?.conditions?.find(({ type }) => type === 'PodScheduled');
      return found !== undefined && matches(found) ? found : undefined;
    });
  }

  eventOf(name: string, reason: string): Promise<Event> {
    return eventually(async () => {
      const { items } = await this.client.list<Event>(events, { namespace: 'default' });
      return items.find((event) => event.involvedObject.name === name && event.reason === reason);
    });
  }
}

/** With the namespace `default` and its service account. To be stopped. */
export async function startTestCluster(): Promise<TestCluster> {
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
  await api.start();
  const user = { name: 'test', groups: ['system:masters', 'system:authenticated'] };
  const client = inProcessClient({ handler: api.handler, user, userAgent: 'test' });
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'default' } };
  await client.create(serviceAccounts, account);
  return new TestCluster(client, [() => api.close(), () => storage.close()]);
}
