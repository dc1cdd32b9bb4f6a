/** The collector over a real server, through a client that tests may get in the way of. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ApiObject, OwnerReference } from '../../api/machinery/meta.ts';
import { configMaps } from '../../api/core/v1/config-map.ts';
import { namespaces } from '../../api/core/v1/namespace.ts';
import { customResourceDefinitions } from '../../api/apiextensions/v1/custom-resource-definition.ts';
import type { CustomResourceDefinition } from '../../api/apiextensions/v1/types.ts';
import { clusterRoles } from '../../api/rbac/v1/cluster-role.ts';
import { resources } from '../../api/resources.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer, testAdmin } from '../../apiserver/testing.ts';
import { realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import { referenceTo } from '../../client/event-names.ts';
import type { EventRecorder } from '../../client/events.ts';
import { inProcessClient } from '../../client/in-process.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import { settle } from '../../client/manual-clock.ts';
import { eventually } from '../testing.ts';
import { runGarbageCollector } from './garbage-collector.ts';

const HELD = 'example.com/held';

let server: TestServer;
let client: Client;
let stop: () => Promise<void>;
let told: string[];

beforeEach(async () => {
  server = await startTestServer();
  client = inProcessClient({ handler: server.api.handler, user: testAdmin, userAgent: 'test' });
  stop = () => Promise.resolve();
  told = [];
});
afterEach(async () => {
  await stop();
  await server.close();
});

/** Runs the collector with a client of its own. */
function collect(changed: Partial<Client> = {}): void {
  const abort = new AbortController();
  const common = { clock: realClock, log: silentLogger, random: realRandom };
  const informers = createInformerFactory(client, common);
  informers.start(abort.signal);
  const events: EventRecorder = {
    event(object, type, reason, message) {
      const { kind, name } = referenceTo(object);
      told.push(`${kind} ${name}: ${type} ${reason}: ${message}`);
    },
  };
  const options = { ...common, informers, events, signal: abort.signal };
  const running = runGarbageCollector(resources, { ...options, client: { ...client, ...changed } });
  stop = async () => {
    abort.abort();
    await Promise.all([running, informers.stopped()]);
  };
}

const at = (name: string, namespace = 'default'): { namespace: string; name: string } => ({ namespace, name });

const create = (name: string, metadata: Partial<ApiObject['metadata']> = {}): Promise<ApiObject> =>
  client.create<ApiObject>(configMaps, { metadata: { ...at(name), ...metadata } });

const read = (name: string): Promise<ApiObject | undefined> =>
  client.get<ApiObject>(configMaps, at(name)).catch(() => undefined);

const isGone = (name: string): Promise<true> =>
  eventually(async () => ((await read(name)) === undefined ? true : undefined));

const ownedBy = ({ metadata }: ApiObject, more: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  name: metadata.name!,
  uid: metadata.uid!,
  ...more,
});

const nobody: OwnerReference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'nobody', uid: 'nobody' };

/** What the collector still had to do, it has done by the time it has taken this one. */
async function collectLater(): Promise<void> {
  await create('later', { ownerReferences: [nobody] });
  await isGone('later');
}

describe('a deletion in the foreground', () => {
  it('takes what does not block the owner too, before the owner loses the finalizer', async () => {
    const calls: string[] = [];
    collect({
      async get(resource, name, options) {
        if (name.name === 'child') for (let turn = 0; turn < 10; turn++) await settle();
        return client.get(resource, name, options);
      },
      patch(resource, name, patch) {
        calls.push(`patch ${name.name}`);
        return client.patch(resource, name, patch);
      },
      delete(resource, name, options) {
        calls.push(`delete ${name.name}`);
        return client.delete(resource, name, options);
      },
    });
    const owner = await create('owner', { finalizers: [HELD] });
    await create('child', { ownerReferences: [ownedBy(owner)] });
    await client.delete(configMaps, at('owner'), { propagationPolicy: 'Foreground' });
    await isGone('child');
    const left = await eventually(async () => {
      const found = await read('owner');
      return found?.metadata.finalizers?.length === 1 ? found : undefined;
    });
    expect(left.metadata.finalizers).toEqual([HELD]);
    expect(calls.filter((call, index) => calls.indexOf(call) === index)).toEqual(['delete child', 'patch owner']);
  });

  it('is not held up by what does not block the owner and cannot be deleted', async () => {
    collect({
      delete: (resource, name, options) =>
        name.name === 'child' ? Promise.reject(new Error('no')) : client.delete(resource, name, options),
    });
    const owner = await create('owner');
    await create('child', { ownerReferences: [ownedBy(owner)] });
    await client.delete(configMaps, at('owner'), { propagationPolicy: 'Foreground' });
    await isGone('owner');
  });
});

/** Its `get` of the child is followed, once, by a write of somebody else. */
function overtaken(write: () => Promise<unknown>): Partial<Client> {
  let isDue = true;
  return {
    async get<T extends ApiObject>(...call: Parameters<Client['get']>) {
      const found = await client.get<T>(...call);
      if (call[1].name === 'child' && isDue) {
        isDue = false;
        await write();
      }
      return found;
    },
  };
}

describe('an owner that is added while the collector decides', () => {
  const setOwners = (owners: OwnerReference[]): Promise<ApiObject> =>
    client.patch(configMaps, at('child'), { type: 'merge', body: { metadata: { ownerReferences: owners } } });

  it('stays when references to others are removed', async () => {
    const [first, second] = [await create('first'), await create('second')];
    await create('child', { ownerReferences: [nobody, ownedBy(first)] });
    collect(overtaken(() => setOwners([nobody, ownedBy(first), ownedBy(second)])));
    const names = await eventually(async () => {
      const owners = (await read('child'))!.metadata.ownerReferences!.map(({ name }) => name);
      return owners.includes('nobody') ? undefined : owners;
    });
    expect(names).toEqual(['first', 'second']);
  });

  it('keeps the object', async () => {
    const adopter = await create('adopter');
    await create('child', { ownerReferences: [nobody] });
    const adopted = new Promise<void>((resolve) => {
      collect(overtaken(() => setOwners([ownedBy(adopter)]).then(() => resolve())));
    });
    await adopted;
    await collectLater();
    expect((await read('child'))?.metadata.ownerReferences).toEqual([ownedBy(adopter)]);
  });

  it('is not forgotten when a circle is broken up', async () => {
    const other = await create('other');
    const child = await create('child', { finalizers: [HELD] });
    const owner = await create('owner', { ownerReferences: [ownedBy(child, { blockOwnerDeletion: true })] });
    await setOwners([ownedBy(owner, { blockOwnerDeletion: true })]);
    await client.delete(configMaps, at('owner'), { propagationPolicy: 'Foreground' });
    collect(overtaken(() => setOwners([ownedBy(owner, { blockOwnerDeletion: true }), ownedBy(other)])));
    await isGone('owner');
    const left = await read('child');
    expect(left?.metadata.ownerReferences?.map(({ name }) => name)).toEqual(['other']);
    expect(left?.metadata.deletionTimestamp).toBeUndefined();
  });
});

describe('an object with several owners', () => {
  it('goes when all are gone', async () => {
    collect();
    const gone = (name: string): OwnerReference => ({ apiVersion: 'v1', kind: 'ConfigMap', name, uid: name });
    const owner = await create('owner');
    await create('left', { ownerReferences: [gone('a'), ownedBy(owner), gone('b')] });
    await create('child', { ownerReferences: [gone('a'), gone('b')] });
    await isGone('child');
    const owners = await eventually(async () => {
      const { ownerReferences = [] } = (await read('left'))!.metadata;
      return ownerReferences.length === 1 ? ownerReferences : undefined;
    });
    expect(owners).toEqual([ownedBy(owner)]);
  });
});

describe('an owner of a kind that is not served', () => {
  it('keeps the object until the kind is', async () => {
    let looks = 0;
    collect({
      get(resource, name, options) {
        if (name.name === 'child') looks++;
        return client.get(resource, name, options);
      },
    });
    await create('child', {
      ownerReferences: [{ apiVersion: 'example.com/v1', kind: 'Widget', name: 'gone', uid: 'gone' }],
    });
    await eventually(() => Promise.resolve(looks > 2 ? true : undefined));
    expect(await read('child')).toBeDefined();
    await client.create<CustomResourceDefinition>(customResourceDefinitions, {
      metadata: { name: 'widgets.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'widgets', kind: 'Widget' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    } as CustomResourceDefinition);
    await isGone('child');
  });
});

describe('a reference that has the uid of an object', () => {
  it('needs its kind and name too', async () => {
    const owner = await create('owner');
    const wrong = {
      name: { name: 'other' },
      kind: { kind: 'Secret' },
      group: { apiVersion: 'apps/v1', kind: 'ReplicaSet' },
    };
    for (const [what, change] of Object.entries(wrong))
      await create(`by-${what}`, { ownerReferences: [ownedBy(owner, change)] });
    await create('right', { ownerReferences: [ownedBy(owner)] });
    collect();
    for (const what of Object.keys(wrong)) await isGone(`by-${what}`);
    await collectLater();
    expect(await read('right')).toBeDefined();
    expect(told).toEqual([]);
  });

  it('does not reach into other namespaces, and says so', async () => {
    await client.create<ApiObject>(namespaces, { metadata: { name: 'elsewhere' } });
    const owner = await create('owner', at('owner', 'elsewhere'));
    await create('child', { ownerReferences: [ownedBy(owner)] });
    collect();
    await isGone('child');
    const reference = `[v1/ConfigMap, namespace: default, name: owner, uid: ${owner.metadata.uid}]`;
    const message = `ownerRef ${reference} does not exist in namespace "default"`;
    expect(told).toEqual([`ConfigMap child: Warning OwnerRefInvalidNamespace: ${message}`]);
  });

  it('is left alone where an object of no namespace has it of one that has', async () => {
    const owner = await create('owner');
    const names = ['known', 'unknown'];
    const looks: string[] = [];
    for (const name of names) {
      const ownerReferences = [name === 'known' ? ownedBy(owner) : nobody];
      await client.create<ApiObject>(clusterRoles, { metadata: { name, ownerReferences } });
    }
    collect({
      get(resource, name, options) {
        if (names.includes(name.name)) looks.push(name.name);
        return client.get(resource, name, options);
      },
    });
    for (let time = 0; time < 5; time++) await collectLater();
    expect(looks.sort()).toEqual(names);
    for (const name of names) expect(await client.get(clusterRoles, { name })).toBeDefined();
  });
});
