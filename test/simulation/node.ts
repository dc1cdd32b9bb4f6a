/**
 * A node as the rest of the cluster sees it: a machine, and a kubelet that keeps a kubelet's promises. It starts what
 * is bound to it and not being deleted, says what runs, ends what is to go and only then takes its object away, renews
 * its lease, and registers again what somebody has deleted.
 */
import { leases } from '../../api/coordination/v1/lease.ts';
import type { Lease } from '../../api/coordination/v1/lease.ts';
import { nodes } from '../../api/core/v1/node.ts';
import type { Node } from '../../api/core/v1/node.ts';
import { pods } from '../../api/core/v1/pod.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../api/machinery/errors.ts';
import { formatMicroTime, formatTime, sleep } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import type { Client } from '../../client/client.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import type { Machine } from './machine.ts';
import { behaviourOf, isBroken, isLost, isOver, reportOf } from './pod-report.ts';
import type { SeededRandom } from './seeded-random.ts';

export interface KubeletOptions {
  nodeName: string;
  client: Client;
  clock: Clock;
  random: SeededRandom;
  machine: Machine;
  /** How many pods of a CPU each it takes. */
  cpus: number;
  labels: Record<string, string>;
  signal: AbortSignal;
}

/** A quarter of the lease, as a kubelet does; twice what is usual: half of what a run costs would be leases. */
const LEASE_SECONDS = 80;
const LEASE_PERIOD_MS = 20_000;
const RETRY_MS = 1_000;
const CRASH_BACKOFF_MS = 10_000;
const LEASE_NAMESPACE = 'kube-node-lease';

export class Kubelet {
  readonly #options: KubeletOptions;
  /** By uid: the pods of this node as the API had them last. */
  readonly #pods = new Map<string, Pod>();
  readonly #busy = new Set<string>();
  readonly #again = new Set<string>();
  #node: Node | undefined;
  #lease: Lease | undefined;

  constructor(options: KubeletOptions) {
    this.#options = options;
  }

  /** Until the signal aborts. */
  async run(): Promise<void> {
    const { client, clock, random, signal, nodeName, machine } = this.#options;
    const factory = createInformerFactory(client, { clock, random, log: silentLogger });
    const ownPods = factory.informer<Pod>(pods, { fieldSelector: `spec.nodeName=${nodeName}` });
    const ownNode = factory.informer<Node>(nodes, { fieldSelector: `metadata.name=${nodeName}` });
    factory.start(signal);
    await this.#until(() => this.#register());
    await ownPods.waitForSync(signal);
    ownPods.changes.subscribe(({ type, object, previous }) => {
      const { uid = '' } = object.metadata;
      if (previous !== undefined && previous.metadata.uid !== uid) this.#pods.delete(previous.metadata.uid!);
      if (type === 'delete') this.#pods.delete(uid);
      else this.#pods.set(uid, object);
      this.poke(uid);
    });
    for (const { uid } of [...machine.all()]) this.poke(uid);
    ownNode.changes.subscribe(({ type, object }) => {
      this.#node = type === 'delete' ? undefined : object;
    });
    while (!signal.aborted) {
      await this.#attempt(() => this.#renewLease());
      await this.#attempt(() => this.#reportNode());
      await sleep(clock, LEASE_PERIOD_MS, signal);
    }
  }

  /** Something about the pod may have changed. */
  poke(uid: string): void {
    if (this.#options.signal.aborted) return;
    if (this.#busy.has(uid)) this.#again.add(uid);
    else void this.#work(uid);
  }

  async #work(uid: string): Promise<void> {
    const { clock, signal } = this.#options;
    this.#busy.add(uid);
    do {
      this.#again.delete(uid);
      try {
        await this.#sync(uid);
      } catch (error) {
        if (signal.aborted) break;
        if (!isNotFound(error) && !isConflict(error)) {
          await sleep(clock, RETRY_MS, signal);
          this.#again.add(uid);
        }
      }
    } while (this.#again.has(uid) && !signal.aborted);
    this.#busy.delete(uid);
  }

  async #sync(uid: string): Promise<void> {
    const { machine } = this.#options;
    const pod = this.#pods.get(uid);
    const process = machine.get(uid);
    if (pod === undefined) {
      if (process?.state === 'exited') machine.forget(uid);
      else machine.stop(uid, RETRY_MS);
      return;
    }
    if (pod.metadata.deletionTimestamp !== undefined) return this.#end(pod);
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return;
    if (process === undefined && !isBroken(pod) && !isLost(pod)) this.#start(pod);
    else if (process?.state === 'exited' && !isOver(pod, process)) {
      this.#options.clock.setTimeout(() => this.#restart(uid), CRASH_BACKOFF_MS);
    }
    await this.#report(pod);
  }

  #start(pod: Pod): void {
    const { uid = '', namespace = '', name = '' } = pod.metadata;
    this.#options.machine.start({ uid, namespace, name }, behaviourOf(pod));
  }

  #restart(uid: string): void {
    const pod = this.#pods.get(uid);
    if (this.#options.signal.aborted || pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
    if (this.#options.machine.get(uid)?.state === 'exited') this.#start(pod);
  }

  /** Its containers first, then its final status, then its object. */
  async #end(pod: Pod): Promise<void> {
    const { client, machine } = this.#options;
    const { uid = '', namespace = '', name = '', deletionGracePeriodSeconds = 30 } = pod.metadata;
    const process = machine.get(uid);
    if (process !== undefined && process.state !== 'exited') {
      machine.stop(uid, deletionGracePeriodSeconds * 1000);
      return;
    }
    await this.#report(pod);
    await client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
  }

  async #report(pod: Pod): Promise<void> {
    const { client, clock, machine } = this.#options;
    const { uid = '', namespace = '', name = '' } = pod.metadata;
    const status = reportOf(pod, machine.get(uid), clock.now());
    if (saysTheSame(pod.status, status)) return;
    const body = { metadata: { uid }, status };
    await client.patch(pods, { namespace, name }, { type: 'strategic', body, subresource: 'status' });
  }

  async #until(action: () => Promise<void>): Promise<void> {
    const { clock, signal } = this.#options;
    while (!signal.aborted && !(await this.#attempt(action))) await sleep(clock, RETRY_MS, signal);
  }

  async #attempt(action: () => Promise<void>): Promise<boolean> {
    try {
      await action();
      return true;
    } catch {
      return false;
    }
  }

  async #register(): Promise<void> {
    const { client, nodeName, labels } = this.#options;
    const metadata = { name: nodeName, labels: { 'kubernetes.io/hostname': nodeName, ...labels } };
    try {
      this.#node = await client.create<Node>(nodes, { metadata, spec: {}, status: this.#status(undefined) } as Node);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      this.#node = await client.get<Node>(nodes, { name: nodeName });
    }
  }

  async #reportNode(): Promise<void> {
    const { client, nodeName } = this.#options;
    if (this.#node === undefined) return this.#register();
    const ready = this.#node.status?.conditions?.find(({ type }) => type === 'Ready');
    if (ready?.status === 'True') return;
    const body = { status: this.#status(this.#node) };
    await client.patch(nodes, { name: nodeName }, { type: 'strategic', body, subresource: 'status' });
  }

  #status(before: Node | undefined): Record<string, unknown> {
    const { clock, cpus } = this.#options;
    const now = formatTime(clock.now());
    const conditions = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => {
      const status = type === 'Ready' ? 'True' : 'False';
      const known = before?.status?.conditions?.find((one) => one.type === type);
      const since = known?.status === status ? known.lastTransitionTime : now;
      return { type, status, reason: 'Simulated', message: '', lastHeartbeatTime: now, lastTransitionTime: since };
    });
    const capacity = { cpu: String(cpus), memory: '64Gi', pods: '110', 'ephemeral-storage': '100Gi' };
    return { capacity, allocatable: capacity, conditions };
  }

  async #renewLease(): Promise<void> {
    const { client, clock, nodeName } = this.#options;
    const renewTime = formatMicroTime(clock.now());
    const spec = { holderIdentity: nodeName, leaseDurationSeconds: LEASE_SECONDS, renewTime };
    const metadata = { namespace: LEASE_NAMESPACE, name: nodeName };
    const known = this.#lease;
    this.#lease = undefined;
    if (known !== undefined) this.#lease = await client.update<Lease>(leases, { ...known, spec });
    else {
      try {
        this.#lease = await client.create<Lease>(leases, { metadata, spec } as Lease);
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
        this.#lease = await client.get<Lease>(leases, metadata);
      }
    }
  }
}

/** Conditions of others stay as they are. */
function saysTheSame(known: Pod['status'], next: NonNullable<Pod['status']>): boolean {
  const conditions = new Map((known?.conditions ?? []).map(({ type, status }) => [type, status]));
  if (!next.conditions!.every(({ type, status }) => conditions.get(type) === status)) return false;
  if (next.podIP !== undefined && next.podIP !== known?.podIP) return false;
  return known?.phase === next.phase && containerFacts(known) === containerFacts(next);
}

function containerFacts(status: Pod['status']): string {
  const [container] = status?.containerStatuses ?? [];
  return JSON.stringify([container?.state, container?.restartCount]);
}
