/**
 * `--simulated-nodes N`: further nodes whose pods only pretend to run. Each has a kubelet and an identity of its own.
 * Where pods of this machine's node are real, the others carry a taint, so that only pods that tolerate it come to them.
 */
import { setMaxListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { events } from '../api/core/v1/event.ts';
import type { Node, Taint } from '../api/core/v1/node.ts';
import { nodes } from '../api/core/v1/node.ts';
import { GIT_VERSION } from '../apiserver/version.ts';
import { realClock } from '../base/clock.ts';
import { realRandom } from '../base/random.ts';
import type { NodeIpamOptions } from '../controllers/node-ipam.ts';
import { EventCorrelator } from '../client/event-correlator.ts';
import { createEventRecorder } from '../client/events.ts';
import type { Kubelet } from '../kubelet/kubelet.ts';
import type { SharedSources } from '../kubelet/shared-sources.ts';
import { hasRealPods, UsageError } from './config.ts';
import type { ChosenSettings } from './data-folder.ts';
import { apiServerUser, nodeUser } from './identities.ts';
import type { NodeOptions } from './node-options.ts';
import { nodeReady } from './node-ready.ts';
import { addressInRange, hostAddresses, nodeRange, nodeRanges } from './ports.ts';

/** Label and taint of simulated nodes. */
export const SIMULATED = 'nocher.io/simulated';

const TAINT: Taint = { key: SIMULATED, value: 'true', effect: 'NoSchedule' };

/** The same on every machine, so that what a scheduler does with them can be told beforehand. */
const CAPACITY = { cpus: 32, memoryBytes: 256 * 2 ** 30, diskBytes: 1024 * 2 ** 30 };

export interface SimulatedNodes {
  /** Their pods are in memory only: nothing else is to be undone. */
  stop(): Promise<void>;
}

/**
 * From so many on, the heap is collected when it has grown by so much, and not when it has become several times as
 * large, as V8 would have it: what thousands of nodes and their pods allocate would be mostly garbage.
 */
const MANY = 1_000;
const HEAP_GROWTH_PERCENT = 40;

/** Nodes that register at the same time: the API server and its other clients are not to starve. */
const AT_ONCE = 50;

const nameOf = (index: number): string => `simulated-${index}`;

/** Also of one that this start does not simulate any more. */
export const isSimulatedName = (name: string): boolean => /^simulated-[1-9]\d*$/.test(name);

/** Throws a `UsageError` when they do not fit into the pod range beside this machine's node. */
export function checkSimulatedNodes(count: number, podCidr: string): void {
  const room = nodeRanges(podCidr) - 1;
  if (count > room)
    throw new UsageError(
      `--simulated-nodes: ${podCidr} has room for ${room}; choose a larger --pod-cidr, such as 100.64.0.0/10`,
    );
}

/** This machine's node and the simulated ones have the first parts of the pod range; what others get comes after. */
export function nodeIpamOptions(
  { nodeName, podCidr, serviceCidr }: ChosenSettings,
  simulatedNodes: number,
): NodeIpamOptions {
  return {
    clusterCidr: podCidr,
    serviceCidr,
    reservedParts: 1 + simulatedNodes,
    choosesItself: (name) => name === nodeName || isSimulatedName(name),
  };
}

/** Resolves when all are Ready. Nodes that an earlier start simulated and this one does not are deleted. */
export async function startSimulatedNodes(count: number, options: NodeOptions): Promise<SimulatedNodes> {
  const names = Array.from({ length: count }, (_, index) => nameOf(index + 1));
  await removeFormerNodes(new Set(names), options);
  if (count === 0) return { stop: () => Promise.resolve() };
  if (count >= MANY) setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
  const { SharedSources } = await import('../kubelet/shared-sources.ts');
  const client = options.controlPlane.clientFor(apiServerUser, 'kube-apiserver/nocher');
  const stopping = new AbortController();
  const shared: SharedParts = {
    sources: new SharedSources({
      client,
      clock: realClock,
      random: realRandom,
      log: options.log,
      signal: stopping.signal,
    }),
    correlator: new EventCorrelator(realClock),
  };
  const running: RunningNode[] = [];
  for (let first = 0; first < names.length; first += AT_ONCE) {
    const some = names.slice(first, first + AT_ONCE);
    const start = (name: string, i: number): Promise<RunningNode> =>
      startOne({ name, index: first + i + 1, ...shared }, options);
    running.push(...(await Promise.all(some.map(start))));
    await Promise.all(some.map((name) => nodeReady(client, name)));
  }
  return {
    async stop() {
      for (const node of running) node.stopping.abort();
      await Promise.all(running.map(({ kubelet }) => kubelet.stopped));
      stopping.abort();
      await shared.sources.stopped();
    },
  };
}

async function removeFormerNodes(wanted: ReadonlySet<string>, { controlPlane }: NodeOptions): Promise<void> {
  const client = controlPlane.clientFor(apiServerUser, 'kube-apiserver/nocher');
  const { items } = await client.list<Node>(nodes, { labelSelector: `${SIMULATED}=true` });
  const gone = items.map(({ metadata }) => metadata.name ?? '').filter((name) => !wanted.has(name));
  await Promise.all(gone.map((name) => client.delete(nodes, { name })));
}

/** What is one for all of them. */
interface SharedParts {
  sources: SharedSources;
  correlator: EventCorrelator;
}

interface OneNode extends SharedParts {
  name: string;
  /** Of its part of the pod range. */
  index: number;
}

interface RunningNode {
  kubelet: Kubelet;
  /** Its own: a listener is looked for among all others of its signal, which would be those of thousands of nodes. */
  stopping: AbortController;
}

async function startOne(
  { name, index, sources, correlator }: OneNode,
  { config, settings, controlPlane, nearby, log }: NodeOptions,
): Promise<RunningNode> {
  const { createSimulatedRuntime } = await import('../kubelet/simulated/simulated-runtime.ts');
  const { startKubelet } = await import('../kubelet/kubelet.ts');
  const podCidr = nodeRange(settings.podCidr, index);
  const stopping = new AbortController();
  // A kubelet listens for the end in several places: many listeners are no leak here.
  setMaxListeners(0, stopping.signal);
  const parts = {
    client: controlPlane.clientFor(nodeUser(name), 'kubelet/nocher'),
    clock: realClock,
    random: realRandom,
    log: log.child({ component: 'kubelet', node: name }),
  };
  const kubelet = await startKubelet({
    nodeName: name,
    ...parts,
    events: createEventRecorder({ ...parts, resource: events, component: 'kubelet', host: name, correlator }),
    sources: sources.of(name),
    // Their pods start within a turn of the event loop: that they are being created needs no write of its own.
    statusDelayMs: 1,
    ...createSimulatedRuntime({ clock: realClock, random: realRandom, podCidr }),
    nodeIp: hostAddresses()[0] ?? addressInRange(settings.podCidr, 1),
    podCidr,
    // No server: there are no processes to look into.
    kubeletPort: 0,
    dns: { servers: [], domain: 'cluster.local' },
    version: GIT_VERSION,
    capacity: CAPACITY,
    labels: { [SIMULATED]: 'true' },
    taints: hasRealPods(config.runtime) ? [TAINT] : [],
    signal: stopping.signal,
  });
  nearby.set(name, kubelet.usage);
  return { kubelet, stopping };
}
