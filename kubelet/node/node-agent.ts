/**
 * Registers the node, keeps its status and its lease (upstream `pkg/kubelet/kubelet_node_status.go`,
 * `component-helpers/apimachinery/lease`).
 */
import { leases } from '../../api/coordination/v1/lease.ts';
import type { Lease } from '../../api/coordination/v1/lease.ts';
import { nodes } from '../../api/core/v1/node.ts';
import type { Node, NodeStatus } from '../../api/core/v1/node.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../api/machinery/errors.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import type { Clock } from '../../base/clock.ts';
import { formatMicroTime, sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { compareResourceVersions } from '../../client/resource-version.ts';
import { NodeEvents } from './node-events.ts';
import type { NodeHealth, NodeInput } from './node-status.ts';
import { isNodeStatusChanged, newNode, nodeLabels, nodeStatus } from './node-status.ts';

export interface NodeAgentOptions {
  client: Client;
  clock: Clock;
  log: Logger;
  recorder: EventRecorder;
  input: NodeInput;
  /** How the node is now. */
  health(): Promise<Omit<NodeHealth, 'nowMs'>>;
  /** The node as a cache has it, which saves reading it from the API. */
  cachedNode?(): Node | undefined;
}

const LEASE_NAMESPACE = 'kube-node-lease';
const LEASE_SECONDS = 40;
const LEASE_PERIOD_MS = 10_000;
const STATUS_PERIOD_MS = 10_000;
const REPORT_PERIOD_MS = 300_000;
const RETRY_MS = 1_000;

/** A cache may be behind what a write was answered with. */
function laterOf(known: Node | undefined, cached: Node): Node {
  const isSame = known !== undefined && known.metadata.uid === cached.metadata.uid;
  if (!isSame) return cached;
  const versions = [known, cached].map(({ metadata }) => metadata.resourceVersion ?? '');
  return compareResourceVersions(versions[0]!, versions[1]!) > 0 ? known : cached;
}

export class NodeAgent {
  readonly #options: NodeAgentOptions;
  readonly #events: NodeEvents;
  #node: Node | undefined;
  #lease: Lease | undefined;
  #reportedMs = -Infinity;
  #poke: () => void = () => undefined;

  constructor(options: NodeAgentOptions) {
    this.#options = options;
    this.#events = new NodeEvents(options.input.name, options.recorder);
  }

  /** The node as the API had it last. */
  get node(): Node | undefined {
    return this.#node;
  }

  /** Resolves when the node is in the API with its status; retries until then. */
  async register(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    this.#events.starting();
    while (!signal.aborted) {
      try {
        await this.#registerOnce();
        return;
      } catch (error) {
        log.warn('cannot register the node', { error: String(error) });
        await sleep(clock, RETRY_MS, signal);
      }
    }
  }

  /** Keeps status and lease until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#loop(LEASE_PERIOD_MS, () => this.#renewLease(), signal), this.#statusLoop(signal)]);
  }

  /** Something may have changed: looks at the status now. */
  poke(): void {
    this.#poke();
  }

  async #statusLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#attempt('cannot report the status of the node', () => this.#report());
      const poked = new Promise<void>((resolve) => {
        this.#poke = resolve;
      });
      await Promise.race([sleep(this.#options.clock, STATUS_PERIOD_MS, signal), poked]);
    }
  }

  async #loop(periodMs: number, action: () => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#attempt('cannot renew the lease of the node', action);
      await sleep(this.#options.clock, periodMs, signal);
    }
  }

  async #attempt(message: string, action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.#options.log.warn(message, { error: String(error) });
    }
  }

  async #status(previous: NodeStatus | undefined): Promise<NodeStatus> {
    const { input, health, clock } = this.#options;
    return nodeStatus(input, { ...(await health()), nowMs: clock.now() }, previous);
  }

  async #registerOnce(): Promise<void> {
    const { client, input } = this.#options;
    const status = await this.#status(undefined);
    try {
      this.#node = await client.create<Node>(nodes, newNode(input, status));
      this.#events.conditions(status);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      this.#node = await this.#adopt(await client.get<Node>(nodes, { name: input.name }));
      await this.#report(true);
    }
  }

  /** A node of ours from before: what the kubelet sets is brought up to date, what others set stays. */
  async #adopt(node: Node): Promise<Node> {
    const { client, input, log } = this.#options;
    const labels = { ...node.metadata.labels, ...nodeLabels(input) };
    const needsCidr = node.spec.podCIDR === undefined || node.spec.podCIDR === '';
    // A node's range cannot be changed, and the pods' network is made already.
    if (!needsCidr && node.spec.podCIDR !== input.podCidr)
      log.warn('the node has another range than its pods', { node: node.spec.podCIDR, pods: input.podCidr });
    if (deepEqual(labels, node.metadata.labels) && !needsCidr) return node;
    const body = {
      metadata: { labels: nodeLabels(input) },
      ...(needsCidr ? { spec: { podCIDR: input.podCidr, podCIDRs: [input.podCidr] } } : {}),
    };
    return client.patch<Node>(nodes, { name: input.name }, { type: 'strategic', body });
  }

  async #report(always = false): Promise<void> {
    const { client, clock, input } = this.#options;
    const node = await this.#currentNode();
    this.#events.schedulability(node);
    const status = await this.#status(node.status);
    const isDue = clock.monotonicMs() - this.#reportedMs >= REPORT_PERIOD_MS;
    if (!always && !isDue && !isNodeStatusChanged(node.status, { ...node.status, ...status })) return;
    this.#events.rebooted(node.status, status);
    // Lists without a merge key are replaced; conditions of others are merged by type, and so stay.
    this.#node = await client.patch<Node>(
      nodes,
      { name: input.name },
      { type: 'strategic', subresource: 'status', body: { status } },
    );
    this.#reportedMs = clock.monotonicMs();
    this.#events.conditions(status);
  }

  /** Looked at anew: others write conditions and labels too; a node that was deleted is registered again. */
  async #currentNode(): Promise<Node> {
    const { client, input } = this.#options;
    const cached = this.#options.cachedNode?.();
    if (cached !== undefined) return (this.#node = laterOf(this.#node, cached));
    try {
      this.#node = await client.get<Node>(nodes, { name: input.name });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#node = await client.create<Node>(nodes, newNode(input, await this.#status(undefined)));
    }
    return this.#node;
  }

  async #renewLease(): Promise<void> {
    const { client, clock, input } = this.#options;
    const renewTime = formatMicroTime(clock.now());
    if (this.#lease !== undefined) {
      try {
        this.#lease = await client.update<Lease>(leases, { ...this.#lease, spec: { ...this.#lease.spec, renewTime } });
        return;
      } catch (error) {
        if (!isConflict(error) && !isNotFound(error)) throw error;
        this.#lease = undefined;
      }
    }
    const spec = { holderIdentity: input.name, leaseDurationSeconds: LEASE_SECONDS, renewTime };
    try {
      const present = await client.get<Lease>(leases, { namespace: LEASE_NAMESPACE, name: input.name });
      this.#lease = await client.update<Lease>(leases, { ...present, spec: { ...present.spec, ...spec } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#lease = await client.create<Lease>(leases, this.#newLease(spec));
    }
  }

  #newLease(spec: NonNullable<Lease['spec']>): Lease {
    const { name } = this.#options.input;
    const owner = { apiVersion: 'v1', kind: 'Node', name, uid: this.#node?.metadata.uid ?? '' };
    const ownerReferences = owner.uid === '' ? [] : [owner];
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace: LEASE_NAMESPACE, ownerReferences },
      spec,
    };
  }
}
