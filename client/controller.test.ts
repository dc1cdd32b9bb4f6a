import { afterEach, describe, expect, it } from '@jest/globals';
import { ApiError, isNotFound } from '../api/machinery/errors.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { silentLogger } from '../base/log.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client, ResourceRef } from './client.ts';
import { runController } from './controller-runner.ts';
import { defineController, TerminalError } from './controller.ts';
import type { ControllerContext, ControllerDeclaration, ReconcileResult } from './controller.ts';
import { ownerKeys } from './controller-triggers.ts';
import { silentEventRecorder } from './events.ts';
import { inProcessClient } from './in-process.ts';
import { createInformerFactory } from './informer-factory.ts';
import { keyOf } from './keys.ts';
import type { ObjectKey } from './keys.ts';
import { ManualClock, settle } from './manual-clock.ts';
import { configMaps, MemoryServer } from './memory-server.ts';
import type { MemoryObject } from './memory-server.ts';
import { newControllerRef } from './owner-references.ts';
import { OWNER_UID_INDEX } from './store.ts';

const secrets: ResourceRef = { ...configMaps, names: { plural: 'secrets', kind: 'Secret' } };
const random: Random = { uuid: () => 'uuid', bytes: (size) => new Uint8Array(size), float: () => 0.5 };

interface Setup {
  server: MemoryServer;
  clock: ManualClock;
  client: Client;
  warnings: string[];
  /** Keys in the order they were reconciled. */
  keys: string[];
  run(more?: Partial<ControllerDeclaration>): Promise<void>;
  stop(): Promise<void>;
}

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

type Reconcile = (key: ObjectKey, context: ControllerContext) => Promise<ReconcileResult> | ReconcileResult;

function setUp(reconcile: Reconcile = () => undefined): Setup {
  const server = new MemoryServer();
  const clock = new ManualClock();
  const client = inProcessClient({ handler: server.handler, user: { name: 'test', groups: [] }, userAgent: 'test' });
  const abort = new AbortController();
  const keys: string[] = [];
  const warnings: string[] = [];
  const log: Logger = {
    ...silentLogger,
    warn: (message) => warnings.push(message),
    error: (message) => warnings.push(message),
    child: () => log,
  };
  let running: Promise<void> = Promise.resolve();
  const run = async (more: Partial<ControllerDeclaration> = {}): Promise<void> => {
    const controller = defineController({
      name: 'test-controller',
      for: configMaps,
      writes: [configMaps, secrets],
      reconcile: async (key, context) => {
        keys.push(`${key.namespace}/${key.name}`);
        return reconcile(key, context);
      },
      ...more,
    });
    const informers = createInformerFactory(client, { clock, log: silentLogger, random });
    informers.start(abort.signal);
    running = runController(controller, {
      client,
      informers,
      events: silentEventRecorder,
      clock,
      random,
      log,
      signal: abort.signal,
    });
    await clock.run(0);
  };
  const stop = async (): Promise<void> => {
    abort.abort();
    await running;
  };
  stops.push(stop);
  return { server, clock, client, warnings, keys, run, stop };
}

const make = (client: Client, name: string, more: object = {}): Promise<MemoryObject> =>
  client.create<MemoryObject>(configMaps, { metadata: { namespace: 'ns', name, ...more } });

const makeSecret = (client: Client, name: string, owner?: ApiObject): Promise<MemoryObject> =>
  client.create<MemoryObject>(secrets, {
    metadata: {
      namespace: 'ns',
      name,
      ...(owner === undefined ? {} : { ownerReferences: [newControllerRef(owner, configMaps)] }),
    },
  });

describe('runController()', () => {
  it('reconciles what is there, then what changes, and what goes', async () => {
    const { client, keys, run } = setUp();
    await make(client, 'a');
    await run();
    expect(keys).toEqual(['ns/a']);
    await make(client, 'b');
    await client.delete(configMaps, { namespace: 'ns', name: 'a' });
    await settle();
    expect(keys).toEqual(['ns/a', 'ns/b', 'ns/a']);
  });

  it('leaves out what does not concern it, unless it did before', async () => {
    const { client, keys, run } = setUp();
    await make(client, 'a');
    await make(client, 'b', { labels: { mine: 'yes' } });
    await run({ concerns: ({ metadata }) => metadata.labels?.['mine'] === 'yes' });
    expect(keys).toEqual(['ns/b']);
    await make(client, 'c');
    const take = (name: string, mine: string | null): Promise<unknown> =>
      client.patch(configMaps, { namespace: 'ns', name }, { type: 'merge', body: { metadata: { labels: { mine } } } });
    await take('a', 'yes');
    await settle();
    expect(keys).toEqual(['ns/b', 'ns/a']);
    await take('b', null);
    await settle();
    await client.delete(configMaps, { namespace: 'ns', name: 'b' });
    await settle();
    // It went as something that was none of the controller's business any more.
    expect(keys).toEqual(['ns/b', 'ns/a', 'ns/b']);
  });

  it('reconciles the owner when an owned object comes, changes hands, or goes', async () => {
    const { client, keys, run } = setUp();
    const a = await make(client, 'a');
    const b = await make(client, 'b');
    await run({ owns: [secrets] });
    keys.length = 0;
    await makeSecret(client, 's', a);
    await settle();
    expect(keys).toEqual(['ns/a']);
    const ownerReferences = [newControllerRef(b, configMaps)];
    await client.patch(
      secrets,
      { namespace: 'ns', name: 's' },
      { type: 'merge', body: { metadata: { ownerReferences } } },
    );
    await settle();
    expect(keys).toEqual(['ns/a', 'ns/a', 'ns/b']);
    await client.delete(secrets, { namespace: 'ns', name: 's' });
    await settle();
    expect(keys.at(-1)).toBe('ns/b');
  });

  it('maps watched objects to keys, and survives a mapping that throws', async () => {
    const { client, keys, warnings, run } = setUp();
    await run({
      watches: [
        {
          resource: secrets,
          map: ({ metadata }, { lister }) => {
            if (metadata.name === 'bad') throw new Error('cannot map');
            return lister(configMaps).list().map(keyOf).concat(`ns/${metadata.name}`);
          },
          isRelevant: (object, previous) => object.metadata.labels?.['x'] !== previous.metadata.labels?.['x'],
        },
      ],
    });
    await makeSecret(client, 'bad');
    await makeSecret(client, 's');
    await settle();
    expect([keys, warnings]).toEqual([['ns/s'], ['mapping a change to keys failed']]);
    await client.patch(secrets, { namespace: 'ns', name: 's' }, { type: 'merge', body: { data: { y: '1' } } });
    await settle();
    expect(keys).toEqual(['ns/s']);
    await client.patch(
      secrets,
      { namespace: 'ns', name: 's' },
      { type: 'merge', body: { metadata: { labels: { x: '1' } } } },
    );
    await settle();
    expect(keys).toEqual(['ns/s', 'ns/s']);
  });

  it('comes back when asked to, and tries again with growing delays when reconcile throws', async () => {
    let failures = 3;
    const { client, clock, keys, warnings, run } = setUp(() => {
      if (failures-- > 0) throw new Error('not yet');
      return { requeueAfterMs: 5_000 };
    });
    await make(client, 'a');
    await run();
    expect(keys).toHaveLength(1);
    await clock.run(5);
    expect(keys).toHaveLength(2);
    await clock.run(9);
    expect(keys).toHaveLength(2);
    await clock.run(50);
    expect([keys.length, warnings.length]).toEqual([4, 3]);
    await clock.run(5_000);
    expect(keys).toHaveLength(5);
  });

  it('does not try again after a TerminalError, nor where the namespace is going', async () => {
    const terminating = new ApiError({
      code: 403,
      reason: 'Forbidden',
      message: 'no',
      details: { causes: [{ reason: 'NamespaceTerminating' }] },
    });
    const { client, clock, keys, run } = setUp(({ name }) => {
      throw name === 'a' ? new TerminalError('never') : terminating;
    });
    await make(client, 'a');
    await make(client, 'b');
    await run();
    await clock.run(100_000);
    expect(keys).toEqual(['ns/a', 'ns/b']);
  });

  it('reconciles everything again every resyncMs', async () => {
    const { client, clock, keys, run } = setUp();
    await make(client, 'a');
    await run({ resyncMs: 1_000 });
    await clock.run(2_500);
    expect(keys).toEqual(['ns/a', 'ns/a', 'ns/a']);
  });

  it('refuses to read or write kinds that are not declared', async () => {
    const errors: string[] = [];
    const collect = async (attempt: () => unknown): Promise<void> => {
      try {
        await attempt();
      } catch (error) {
        errors.push((error as Error).message);
      }
    };
    const { client, run } = setUp(async (_key, { client: own, lister }) => {
      await collect(() => lister(secrets));
      await collect(() => own.create(secrets, { metadata: { namespace: 'ns', name: 's' } }));
      await collect(() => own.delete(secrets, { namespace: 'ns', name: 's' }));
      return undefined;
    });
    await make(client, 'a');
    await run({ writes: [configMaps] });
    expect(errors).toEqual([
      'controller test-controller does not declare that it reads secrets',
      'controller test-controller does not declare that it writes secrets',
      'controller test-controller does not declare that it writes secrets',
    ]);
  });

  it('finishes the reconcile under way when stopped, and starts no other', async () => {
    let release = (): void => undefined;
    const { client, keys, run, stop } = setUp(() => new Promise((resolve) => (release = () => resolve(undefined))));
    await make(client, 'a');
    await make(client, 'b');
    await run();
    let stopped = false;
    const stopping = stop().then(() => (stopped = true));
    await settle();
    expect(stopped).toBe(false);
    release();
    await settle();
    release();
    await stopping;
    expect(keys[0]).toBe('ns/a');
  });
});

/** Wants three secrets for each config map. Without its own writes in the cache it makes too many. */
const wantsThree: Reconcile = async ({ namespace, name }, { client, lister, byIndex }) => {
  const owner = lister<MemoryObject>(configMaps).get(namespace, name);
  if (owner === undefined) return undefined;
  const owned = byIndex(secrets, OWNER_UID_INDEX, owner.metadata.uid!);
  for (let i = owned.length; i < 3; i++) {
    const ownerReferences = [newControllerRef(owner, configMaps)];
    await client.create(secrets, { metadata: { namespace, generateName: `${name}-`, ownerReferences } });
  }
  const surplus = owned.filter(({ metadata }) => metadata.deletionTimestamp === undefined).slice(3);
  for (const { metadata } of surplus) await client.delete(secrets, { namespace, name: metadata.name! });
  return undefined;
};

describe('read your own writes', () => {
  const touch = (client: Client, x: string): Promise<unknown> =>
    client.patch(configMaps, { namespace: 'ns', name: 'a' }, { type: 'merge', body: { data: { x } } });
  const count = (server: MemoryServer): number => server.contents('/api/v1/secrets').length;

  it('lets a controller count what it has made, however quickly it is asked again', async () => {
    const { server, client, clock, keys, run } = setUp(wantsThree);
    await make(client, 'a');
    await run({ owns: [secrets] });
    await settle();
    expect(count(server)).toBe(3);
    await client.delete(secrets, {
      namespace: 'ns',
      name: server.contents('/api/v1/secrets')[0]!.split(/[/=]/)[1]!,
    });
    for (const x of ['1', '2', '3']) await touch(client, x);
    await clock.run(1_000);
    expect([count(server), keys.length > 2]).toEqual([3, true]);
  });

  it('waits for late informers, and for no longer than ten seconds', async () => {
    const { server, client, clock, warnings, keys, run } = setUp(wantsThree);
    await run({ owns: [secrets] });
    const late = holdOnly(server, 'secrets');
    late.hold();
    await make(client, 'a');
    await settle();
    expect([keys.length, count(server)]).toEqual([1, 3]);
    await touch(client, '1');
    await touch(client, '2');
    await clock.run(9_000);
    expect([keys.length, count(server)]).toEqual([1, 3]);
    await clock.run(2_000);
    expect(warnings).toEqual(['informers are late; going on without own writes']);
    expect(keys).toHaveLength(2);
  });

  it('waits for the deletion of what it deleted, not of what replaced it', async () => {
    let deleted = 0;
    const { server, client, clock, keys, run } = setUp(async ({ namespace, name }, { client: own, lister }) => {
      const found = lister(secrets).get(namespace, name);
      if (found === undefined) return undefined;
      deleted++;
      await own.delete(secrets, { namespace, name }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
      return undefined;
    });
    await makeSecret(client, 'a');
    await run({ reads: [secrets] });
    const late = holdOnly(server, 'secrets');
    late.hold();
    await make(client, 'a');
    await settle();
    await touch(client, '1');
    await clock.run(1_000);
    expect([keys.length, deleted]).toEqual([1, 1]);
    late.release();
    await settle();
    expect([keys.length, deleted]).toEqual([2, 1]);
  });
});

/** Holds back the watch events of one kind. */
function holdOnly(server: MemoryServer, plural: string): { hold(): void; release(): void } {
  return { hold: () => server.holdWatches(`/api/v1/${plural}/`), release: () => server.releaseWatches() };
}

describe('ownerKeys()', () => {
  it('knows the owner in whatever version, and no other kind of that name', () => {
    const reference = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'u', controller: true };
    const change = (apiVersion: string) => ({
      type: 'add' as const,
      key: 'ns/p',
      object: { metadata: { namespace: 'ns', name: 'p', ownerReferences: [{ ...reference, apiVersion }] } },
      previous: undefined,
    });
    const replicaSets: ResourceRef = {
      group: 'apps',
      version: 'v1',
      scope: 'Namespaced',
      names: { plural: 'replicasets', kind: 'ReplicaSet' },
    };
    expect(ownerKeys(change('apps/v1beta2'), replicaSets)).toEqual(['ns/web']);
    expect(ownerKeys(change('example.com/v1'), replicaSets)).toEqual([]);
    expect(ownerKeys(change('apps/v1'), { ...replicaSets, scope: 'Cluster' })).toEqual(['web']);
  });
});
