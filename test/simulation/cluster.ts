/** A cluster on virtual time: the real control plane over storage in memory, and simulated nodes. */
import { namespaces } from '../../api/core/v1/namespace.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { loadSchemaTable } from '../../api/schema/table.ts';
import { resources } from '../../api/resources.ts';
import type { ApiServer } from '../../apiserver/api-server.ts';
import { createApiServer } from '../../apiserver/api-server.ts';
import { createMemoryStorage } from '../../apiserver/storage/memory.ts';
import { systemNamespaces } from '../../apiserver/system-objects.ts';
import type { Logger } from '../../base/log.ts';
import { silentLogger } from '../../base/log.ts';
import type { ApiRequest } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Client } from '../../client/client.ts';
import { Process, startManagers, startScheduling } from './components.ts';
import type { ProcessOptions } from './components.ts';
import { ObservedStorage } from './history.ts';
import type { StoredChange } from './history.ts';
import type { SentAnswer } from './link.ts';
import { Machine } from './machine.ts';
import type { Mutant } from './mutant.ts';
import { Kubelet } from './node.ts';
import { servePodMetrics } from './pod-metrics.ts';
import { streamOf } from './seeded-random.ts';
import { ClusterState } from './state.ts';
import { MachineClock, VirtualTime } from './virtual-time.ts';

export interface ClusterOptions {
  seed: number;
  nodeCount: number;
  cpus: number;
  mutant?: Mutant | undefined;
  log?: Logger;
}

/** What makes a process of this kind. */
type Start = (options: ProcessOptions) => Process;

/** A place in which one process runs at a time, each a new run of the same program. */
export class Seat {
  readonly name: string;
  readonly clock: MachineClock;
  readonly #cluster: Cluster;
  readonly #start: Start;
  #runs = 0;
  current: Process | undefined;

  constructor(cluster: Cluster, { name, clock, start }: { name: string; clock: MachineClock; start: Start }) {
    this.name = name;
    this.clock = clock;
    this.#cluster = cluster;
    this.#start = start;
  }

  start(): void {
    this.stop();
    const { options, api } = this.#cluster;
    this.current = this.#start({
      name: `${this.name}-${++this.#runs}`,
      seed: options.seed,
      handler: api.handler,
      clock: this.clock,
      log: (options.log ?? silentLogger).child({ process: this.name }),
      onAnswer: (request, answer) => this.#cluster.noteAnswer(request, answer),
      mutant: options.mutant,
    });
  }

  stop(): void {
    this.current?.kill();
    this.current = undefined;
  }
}

export interface NodeSeat extends Seat {
  machine: Machine;
}

export class Cluster {
  readonly options: ClusterOptions;
  readonly time = new VirtualTime();
  readonly clock = new MachineClock(this.time);
  readonly state = new ClusterState();
  readonly storage: ObservedStorage;
  readonly api: ApiServer;
  readonly managers: Seat;
  readonly scheduler: Seat;
  readonly nodes: NodeSeat[] = [];
  /** What the pods with an `app` label have to do together, in thousandths of a CPU. */
  readonly loads = new Map<string, number>();
  readonly #users: Seat;
  readonly #unknown = new Set<string>();
  readonly #evictions = new Set<string>();
  /** By path, who asked for it first. */
  readonly #deletions = new Map<string, string>();
  /** By component, how often since somebody has cleared it. */
  readonly writes = new Map<string, number>();
  /** Happened, and not looked at yet. */
  #changes: StoredChange[] = [];

  constructor(options: ClusterOptions) {
    this.options = options;
    const { seed, log = silentLogger } = options;
    this.storage = new ObservedStorage(createMemoryStorage(), (change) => this.#changes.push(change));
    this.api = createApiServer({
      resources,
      storage: this.storage,
      schemas: loadSchemaTable(),
      clock: this.clock,
      random: streamOf(seed, 'api server'),
      log: log.child({ process: 'api server' }),
      authenticator: () => () => undefined,
      authorizer: () => () => ({ decision: 'allow', reason: '' }),
      healthChecks: [],
      serverAddress: () => '192.0.2.1:6443',
      extend: (parts) =>
        servePodMetrics(parts, {
          loads: this.loads,
          isRunning: (pod) => this.#runs(pod),
          nowMs: (pod) => (this.nodes.find(({ name }) => name === pod.spec.nodeName) ?? this).clock.now(),
        }),
    });
    this.managers = new Seat(this, { name: 'managers', clock: this.clock, start: startManagers });
    this.scheduler = new Seat(this, { name: 'scheduler', clock: this.clock, start: startScheduling });
    this.#users = new Seat(this, { name: 'users', clock: this.clock, start: (one) => new Process(one) });
    for (let index = 0; index < options.nodeCount; index++) this.nodes.push(this.#nodeSeat(`node-${index}`));
  }

  /** Whose requests are never lost. */
  get users(): Client {
    return this.#users.current!.clientOf('users');
  }

  /** Grows whenever something has begun or ended to run on some node. */
  machinesVersion(): number {
    return this.nodes.reduce((sum, { machine }) => sum + machine.version, 0);
  }

  seats(): Seat[] {
    return [this.managers, this.scheduler, ...this.nodes];
  }

  async start(): Promise<void> {
    await this.api.start();
    this.#users.start();
    const client = this.users;
    const made = Promise.all(systemNamespaces().map((namespace) => client.create(namespaces, namespace)));
    await this.time.runWhile(made, 10_000);
    for (const seat of this.seats()) seat.start();
  }

  /** What has happened since the last call, in order; the state is brought to each in turn. */
  *takeChanges(): Generator<StoredChange> {
    const changes = this.#changes;
    this.#changes = [];
    for (const change of changes) {
      this.state.apply(change);
      yield change;
    }
  }

  /** Nobody may know of it: the answer to its creation was lost, or there was nobody any more to take it. */
  isUnknown({ metadata: { uid = '' } }: ApiObject): boolean {
    return this.#unknown.has(uid);
  }

  /** Which component was the first to ask for the object's deletion, if it has had an answer. */
  deleterOf(path: string): string | undefined {
    return this.#deletions.get(path);
  }

  wasEvicted(path: string): boolean {
    return this.#evictions.has(path);
  }

  /** Called by links. */
  noteAnswer({ method, path, headers }: ApiRequest, answer: SentAnswer): void {
    const writer = headers['user-agent']!;
    this.writes.set(writer, (this.writes.get(writer) ?? 0) + 1);
    if (method === 'DELETE' && !this.#deletions.has(path))
      this.#deletions.set(path, answer.isTaken ? headers['user-agent']! : 'somebody who is gone');
    if (path.endsWith('/eviction') && answer.response.status < 300) this.#evictions.add(path);
    if (method !== 'POST' || answer.isTaken || answer.response.body.type !== 'object') return;
    const { metadata } = answer.response.body.encoded.object() as ApiObject;
    if (metadata?.uid !== undefined) this.#unknown.add(metadata.uid);
  }

  async close(): Promise<void> {
    for (const seat of [...this.seats(), this.#users]) seat.stop();
    await this.api.close();
    await this.storage.close();
  }

  #runs({ metadata, spec }: Pod): boolean {
    const node = this.nodes.find(({ name }) => name === spec.nodeName);
    return node?.machine.get(metadata.uid!)?.state === 'running';
  }

  #nodeSeat(name: string): NodeSeat {
    const clock = new MachineClock(this.time);
    const running: { kubelet?: Kubelet } = {};
    const random = streamOf(this.options.seed, `machine ${name}`);
    const machine = new Machine({ clock, random, onChange: (uid) => running.kubelet?.poke(uid) });
    const start: Start = (options) => {
      const process = new Process(options);
      running.kubelet = new Kubelet({
        nodeName: name,
        client: process.clientOf(`kubelet ${name}`),
        clock,
        random: streamOf(options.seed, `kubelet of ${options.name}`),
        machine,
        cpus: this.options.cpus,
        labels: {},
        signal: process.signal,
      });
      running.kubelet.run().catch(() => undefined);
      return process;
    };
    return Object.assign(new Seat(this, { name, clock, start }), { machine });
  }
}
