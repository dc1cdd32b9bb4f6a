/** The controller on a clock of its own over a real server: nodes that are well renew their leases, others do not. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { leases } from '../../api/coordination/v1/lease.ts';
import type { Lease } from '../../api/coordination/v1/lease.ts';
import { nodes } from '../../api/core/v1/node.ts';
import type { Node } from '../../api/core/v1/node.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import { startTestServer, testAdmin } from '../../apiserver/testing.ts';
import { formatMicroTime, realClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import { runController } from '../../client/controller-runner.ts';
import { inProcessClient } from '../../client/in-process.ts';
import type { InformerFactory } from '../../client/informer-factory.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import { ManualClock } from '../../client/manual-clock.ts';
import { eventually } from '../testing.ts';
import { nodeLifecycleController, silentConditions } from './node-lifecycle.ts';

const STEP_MS = 5_000;

let server: TestServer;
let client: Client;
let clock: ManualClock;
let informers: InformerFactory;
let stopping: AbortController;
let running: Promise<void>;
let told: string[];
let well: Set<string>;

beforeEach(async () => {
  server = await startTestServer();
  client = inProcessClient({ handler: server.api.handler, user: testAdmin, userAgent: 'test' });
  clock = new ManualClock();
  told = [];
  well = new Set();
  stopping = new AbortController();
  informers = createInformerFactory(client, { clock: realClock, log: silentLogger });
  informers.start(stopping.signal);
  running = runController(nodeLifecycleController(), {
    client,
    informers,
    events: { event: (object, _type, reason) => void told.push(`${reason} ${(object as ApiObject).metadata.name}`) },
    clock,
    random: realRandom,
    log: silentLogger,
    signal: stopping.signal,
  });
});
afterEach(async () => {
  stopping.abort();
  await running;
  await informers.stopped();
  await server.close();
});

const readyAs = (status: string): object => ({ conditions: [{ type: 'Ready', status, reason: 'Test' }] });

async function addNodes(names: string[], labels: Record<string, string> = {}): Promise<void> {
  for (const name of names) {
    well.add(name);
    await client.create<Node>(nodes, { metadata: { name, labels }, spec: {}, status: readyAs('True') } as Node);
  }
}

/** A moment passes, in which all that are well give a sign, which the controller has heard before the next one. */
async function step(): Promise<void> {
  const renewTime = formatMicroTime(clock.now());
  for (const name of well) await renew(name, renewTime);
  const seen = informers.informer<Lease>(leases).lister;
  await eventually(async () => {
    const heard = [...well].every((name) => seen.get('kube-node-lease', name)?.spec?.renewTime === renewTime);
    return heard ? true : undefined;
  });
  await clock.run(STEP_MS);
}

async function renew(name: string, renewTime: string): Promise<void> {
  const metadata = { namespace: 'kube-node-lease', name };
  const lease = { metadata, spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime } } as Lease;
  const body = { spec: lease.spec };
  await client.patch<Lease>(leases, metadata, { type: 'merge', body }).catch(() => client.create(leases, lease));
}

async function stepUntil<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await step();
  }
}

async function namesWith(key: string, effect: string): Promise<string[]> {
  const { items } = await client.list<Node>(nodes);
  const has = ({ spec }: Node): boolean => (spec.taints ?? []).some((one) => one.key === key && one.effect === effect);
  return items.filter(has).map(({ metadata }) => metadata.name!);
}

const silenced = (): Promise<string[]> => namesWith('node.kubernetes.io/unreachable', 'NoSchedule');
const leaving = (): Promise<string[]> => namesWith('node.kubernetes.io/unreachable', 'NoExecute');

const untilEqual = (ask: () => Promise<string[]>, expected: readonly string[]): Promise<true> =>
  stepUntil(async () => ((await ask()).join() === expected.join() ? true : undefined));

/** First a sign of life, then the news that it is ready. */
async function comesBack(name: string): Promise<void> {
  well.add(name);
  await step();
  await client.patch(nodes, { name }, { type: 'strategic', body: { status: readyAs('True') }, subresource: 'status' });
}

describe('nodeLifecycleController() [T4]', () => {
  it('has the pods of silent nodes leave, one node after the other, until they come back', async () => {
    const silent = ['s-1', 's-2', 's-3'];
    await addNodes([...silent, 'w-1', 'w-2', 'w-3', 'w-4']);
    await step();
    for (const name of silent) well.delete(name);
    await untilEqual(silenced, silent);
    const sinceMs = clock.now();
    const already = (await leaving()).length;
    await stepUntil(async () => {
      const names = await leaving();
      // One passes at once, the others at the rate of one in ten seconds.
      expect(names.length - already).toBeLessThanOrEqual(1 + (clock.now() - sinceMs) / 10_000);
      return names.join() === silent.join() ? true : undefined;
    });
    expect(told.filter((one) => one.startsWith('NodeNotReady')).sort()).toEqual(
      silent.map((name) => `NodeNotReady ${name}`),
    );
    await comesBack('s-2');
    await untilEqual(silenced, ['s-1', 's-3']);
    await untilEqual(leaving, ['s-1', 's-3']);
    await client.delete(nodes, { name: 's-1' });
    await stepUntil(async () => (told.includes('RemovingNode s-1') ? true : undefined));
  });

  it('has nobody leave when no node is ready, until one is', async () => {
    await addNodes(['a', 'b', 'c']);
    await step();
    well.clear();
    await untilEqual(silenced, ['a', 'b', 'c']);
    await untilEqual(leaving, []);
    for (let time = 0; time < 10; time++) {
      await step();
      expect(await leaving()).toEqual([]);
    }
    await comesBack('b');
    await untilEqual(leaving, ['a', 'c']);
  });

  it('has nobody leave a small zone of which most is silent, and goes on elsewhere', async () => {
    await addNodes(['a-1', 'a-2', 'a-3', 'a-4'], { 'topology.kubernetes.io/zone': 'a' });
    await addNodes(['b-1', 'b-2', 'b-3'], { 'topology.kubernetes.io/zone': 'b' });
    await step();
    // Together, so that what the controller hears last is that of all.
    for (const name of ['a-1', 'a-2', 'a-3', 'b-1']) well.delete(name);
    await untilEqual(silenced, ['a-1', 'a-2', 'a-3', 'b-1']);
    await stepUntil(async () => ((await leaving()).includes('b-1') ? true : undefined));
    // Whose turn it was before all had gone silent has left by then.
    for (let time = 0; time < 2; time++) await step();
    const before = await leaving();
    for (let time = 0; time < 10; time++) await step();
    expect(await leaving()).toEqual(before);
    expect(before.length).toBeLessThan(4);
    await comesBack('a-2');
    await untilEqual(leaving, ['a-1', 'a-3', 'b-1']);
  });

  it('takes the pods of a node that is not ready for not ready, once', async () => {
    await addNodes(['n', 'other']);
    const spec = { nodeName: 'n', containers: [{ name: 'c', image: 'x' }], tolerations: [{ operator: 'Exists' }] };
    const metadata = { namespace: 'default', name: 'p' };
    await client.create<Pod>(pods, { metadata, spec } as Pod);
    const says = async (object: { namespace?: string; name: string }, status: string): Promise<ApiObject> =>
      client.patch(object.namespace === undefined ? nodes : pods, object, {
        type: 'strategic',
        body: { status: readyAs(status) },
        subresource: 'status',
      });
    const isReady = async (): Promise<boolean> =>
      (await client.get<Pod>(pods, metadata)).status?.conditions?.some(
        ({ type, status }) => type === 'Ready' && status === 'True',
      ) ?? false;
    await says(metadata, 'True');
    await step();
    await says({ name: 'n' }, 'False');
    await stepUntil(async () => ((await isReady()) ? undefined : true));
    expect(told).toContain('NodeNotReady p');
    // Its kubelet knows better.
    await says(metadata, 'True');
    for (let time = 0; time < 5; time++) await step();
    expect(await isReady()).toBe(true);
    // Until it is silent.
    well.delete('n');
    await stepUntil(async () => ((await isReady()) ? undefined : true));
  });
});

describe('silentConditions()', () => {
  it("makes the kubelet's Unknown where they are, leaves those of others, and adds what is missing", () => {
    const own = { lastHeartbeatTime: '2024-05-01T10:00:00Z', lastTransitionTime: '2024-05-01T09:00:00Z' };
    const others = [
      { type: 'NetworkUnavailable', status: 'False', reason: 'RouteCreated' },
      { type: 'KernelDeadlock', status: 'False', reason: 'KernelHasNoDeadlock' },
    ];
    const known = { type: 'PIDPressure', status: 'Unknown', reason: 'Before' };
    const conditions = [others[0]!, { type: 'Ready', status: 'True', ...own }, known, others[1]!];
    const metadata = { name: 'n', creationTimestamp: '2024-05-01T08:00:00Z' };
    const nowMs = Date.parse('2024-05-01T11:00:00Z');
    const silent = silentConditions({ metadata, spec: {}, status: { conditions } } as Node, nowMs);
    const missing = {
      status: 'Unknown',
      reason: 'NodeStatusNeverUpdated',
      message: 'Kubelet never posted node status.',
      lastHeartbeatTime: '2024-05-01T08:00:00Z',
      lastTransitionTime: '2024-05-01T11:00:00Z',
    };
    expect(silent).toEqual([
      others[0],
      {
        type: 'Ready',
        status: 'Unknown',
        reason: 'NodeStatusUnknown',
        message: 'Kubelet stopped posting node status.',
        lastHeartbeatTime: own.lastHeartbeatTime,
        lastTransitionTime: '2024-05-01T11:00:00Z',
      },
      known,
      others[1],
      { type: 'MemoryPressure', ...missing },
      { type: 'DiskPressure', ...missing },
    ]);
  });
});
