/**
 * NodeLifecycle: notices nodes that have gone silent, taints them, and has their pods take no more traffic
 * (upstream `pkg/controller/nodelifecycle`).
 */
import type { Lease } from '../../api/coordination/v1/lease.ts';
import { leases } from '../../api/coordination/v1/lease.ts';
import type { Node } from '../../api/core/v1/node.ts';
import { nodes } from '../../api/core/v1/node.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import { formatTime } from '../../base/clock.ts';
import type { Controller, ControllerContext } from '../../client/controller.ts';
import { defineController } from '../../client/controller.ts';
import type { NodeSilence } from './node-silence.ts';
import { listenAgain } from './node-silence.ts';
import { podCondition, PODS_BY_NODE, podsOnNode } from '../pods.ts';

const LEASE_NAMESPACE = 'kube-node-lease';
/** A node that has been silent for so long is not known to be alive (`nodeMonitorGracePeriod`). */
const GRACE_PERIOD_MS = 50_000;
const MONITOR_PERIOD_MS = 5_000;

const NOT_READY = 'node.kubernetes.io/not-ready';
const UNREACHABLE = 'node.kubernetes.io/unreachable';
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';

type Taint = NonNullable<NonNullable<Node['spec']>['taints']>[number];
type NodeCondition = NonNullable<NonNullable<Node['status']>['conditions']>[number];

const CONDITION_TAINTS: Readonly<Record<string, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
};

const MANAGED = new Set([NOT_READY, UNREACHABLE, UNSCHEDULABLE, ...Object.values(CONDITION_TAINTS)]);

/** What a run of the controller keeps in mind of a node. */
interface Watched {
  /** Of the node that it has told of. */
  uid: string | undefined;
  silence: NodeSilence | undefined;
}

export function nodeLifecycleController(): Controller {
  const watched = new Map<string, Watched>();
  return defineController<Node>({
    name: 'node-controller',
    for: nodes,
    reads: [leases, pods],
    writes: [nodes, pods],
    indexes: [PODS_BY_NODE],
    workers: 4,
    async reconcile({ name }, context) {
      const observed = context.lister<Node>(nodes).get('', name);
      if (observed === undefined) watched.delete(name);
      if (observed === undefined || observed.metadata.deletionTimestamp !== undefined) return undefined;
      const memory = watched.get(name) ?? { uid: undefined, silence: undefined };
      watched.set(name, memory);
      greet(observed, memory, context);
      const lease = context.lister<Lease>(leases).get(LEASE_NAMESPACE, name);
      memory.silence = listenAgain(memory.silence, signOfLife(observed, lease), context.now());
      const node = await markSilent(observed, memory.silence, context);
      const tainted = await syncTaints(node, context);
      if (readyStatus(tainted) !== 'True') await markPodsNotReady(tainted, context);
      return { requeueAfterMs: MONITOR_PERIOD_MS };
    },
  });
}

/** Each run tells once of every node (`RecordNodeEvent`). */
function greet({ metadata: { name, uid = '' } }: Node, memory: Watched, context: ControllerContext): void {
  if (memory.uid === uid) return;
  memory.uid = uid;
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name, uid } };
  context.events.event(node, 'Normal', 'RegisteredNode', `Node ${name} event: Registered Node ${name} in Controller`);
}

function readyStatus(node: Node): string | undefined {
  return node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
}

/** Changes with every sign of life: of the lease, and of the kubelet's status. */
function signOfLife({ metadata, status }: Node, lease: Lease | undefined): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return [metadata.uid, lease?.spec?.renewTime, ready?.lastHeartbeatTime].join();
}

const STOPPED_POSTING = { reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' };
const NEVER_POSTED = { reason: 'NodeStatusNeverUpdated', message: 'Kubelet never posted node status.' };

/** Conditions of a node that has gone silent: all Unknown. */
export function silentConditions(node: Node, nowMs: number): NodeCondition[] {
  const now = formatTime(nowMs);
  const existing = node.status?.conditions ?? [];
  return ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => {
    const known = existing.find((condition) => condition.type === type);
    if (known === undefined)
      return {
        type,
        status: 'Unknown',
        ...NEVER_POSTED,
        lastHeartbeatTime: node.metadata.creationTimestamp ?? now,
        lastTransitionTime: now,
      };
    if (known.status === 'Unknown') return known;
    return { ...known, status: 'Unknown', ...STOPPED_POSTING, lastTransitionTime: now };
  });
}

async function markSilent(node: Node, silence: NodeSilence, context: ControllerContext): Promise<Node> {
  if (silence.silentMs < GRACE_PERIOD_MS || readyStatus(node) === 'Unknown') return node;
  const wasReady = readyStatus(node) === 'True';
  const conditions = silentConditions(node, context.now());
  const updated = await context.client.update<Node>(
    nodes,
    { ...node, status: { ...node.status, conditions } },
    { subresource: 'status' },
  );
  if (wasReady)
    context.events.event(
      { ...node, kind: 'Node', apiVersion: 'v1' },
      'Normal',
      'NodeNotReady',
      `Node ${node.metadata.name} status is now: NodeNotReady`,
    );
  return updated;
}

/** The taints that follow from a node's conditions and from `spec.unschedulable`. */
export function wantedTaints(node: Node): Pick<Taint, 'key' | 'effect'>[] {
  const taints: Pick<Taint, 'key' | 'effect'>[] = [];
  const ready = readyStatus(node);
  if (ready === 'False') taints.push({ key: NOT_READY, effect: 'NoSchedule' }, { key: NOT_READY, effect: 'NoExecute' });
  if (ready === 'Unknown')
    taints.push({ key: UNREACHABLE, effect: 'NoSchedule' }, { key: UNREACHABLE, effect: 'NoExecute' });
  if (node.spec?.unschedulable === true) taints.push({ key: UNSCHEDULABLE, effect: 'NoSchedule' });
  for (const { type, status } of node.status?.conditions ?? []) {
    const key = CONDITION_TAINTS[type];
    if (key !== undefined && status === 'True') taints.push({ key, effect: 'NoSchedule' });
  }
  return taints;
}

async function syncTaints(node: Node, context: ControllerContext): Promise<Node> {
  const current = node.spec?.taints ?? [];
  const wanted = wantedTaints(node);
  const isSame = (a: Pick<Taint, 'key' | 'effect'>, b: Pick<Taint, 'key' | 'effect'>): boolean =>
    a.key === b.key && a.effect === b.effect;
  const kept = current.filter((taint) => !MANAGED.has(taint.key) || wanted.some((other) => isSame(taint, other)));
  const added = wanted
    .filter((taint) => !current.some((other) => isSame(taint, other)))
    .map((taint) => ({ ...taint, timeAdded: formatTime(context.now()) }));
  if (added.length === 0 && kept.length === current.length) return node;
  const { taints: _, ...spec } = node.spec ?? {};
  const taints = [...kept, ...added];
  return context.client.update<Node>(nodes, { ...node, spec: { ...spec, ...(taints.length > 0 ? { taints } : {}) } });
}

/** Pods of a node that is not ready take no more traffic. */
async function markPodsNotReady(node: Node, context: ControllerContext): Promise<void> {
  for (const pod of podsOnNode(node.metadata.name!, context)) {
    const ready = podCondition(pod, 'Ready');
    if (ready?.status !== 'True') continue;
    const conditions = pod.status!.conditions!.map((condition) =>
      condition.type === 'Ready'
        ? { ...condition, status: 'False', lastTransitionTime: formatTime(context.now()) }
        : condition,
    );
    await context.client.update<Pod>(
      pods,
      { ...pod, status: { ...pod.status, conditions } },
      { subresource: 'status' },
    );
    context.events.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
  }
}
