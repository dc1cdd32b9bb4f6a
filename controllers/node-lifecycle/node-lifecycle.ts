/**
 * NodeLifecycle: notices nodes that have gone silent, taints them, and has their pods take no more traffic
 * (upstream `pkg/controller/nodelifecycle`). How fast pods are told to leave depends on how their zones are.
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
import { podCondition, PODS_BY_NODE, podsOnNode } from '../pods.ts';
import type { NodeSilence } from './node-silence.ts';
import { listenAgain } from './node-silence.ts';
import { syncTaints, toldToLeave } from './node-taints.ts';
import { ZoneEvictions } from './zone-evictions.ts';
import type { EvictionLimits } from './zone-state.ts';
import { DEFAULT_LIMITS, readyStatus } from './zone-state.ts';

const LEASE_NAMESPACE = 'kube-node-lease';
/** A node that has been silent for so long is not known to be alive (`nodeMonitorGracePeriod`). */
const GRACE_PERIOD_MS = 50_000;
/** One that has never said how it is gets longer (`nodeStartupGracePeriod`). */
const STARTUP_GRACE_PERIOD_MS = 60_000;
const MONITOR_PERIOD_MS = 5_000;

type NodeCondition = NonNullable<NonNullable<Node['status']>['conditions']>[number];

/** What a run of the controller keeps in mind of a node. */
interface Watched {
  /** Of the node that it has told of. */
  uid: string | undefined;
  silence: NodeSilence | undefined;
  /** Pods that it has marked, or need not mark, since the node is not ready: their uids. */
  marked: Set<string>;
}

interface Memory {
  watched: Map<string, Watched>;
  zones: ZoneEvictions;
  /** When all nodes were looked at last. */
  lookedMs: number;
}

export function nodeLifecycleController(limits: Partial<EvictionLimits> = {}): Controller {
  const zones = new ZoneEvictions({ ...DEFAULT_LIMITS, ...limits });
  const memory: Memory = { watched: new Map(), zones, lookedMs: -Infinity };
  return defineController<Node>({
    name: 'node-controller',
    for: nodes,
    reads: [leases, pods],
    writes: [nodes, pods],
    indexes: [PODS_BY_NODE],
    workers: 4,
    async reconcile({ name }, context) {
      const observed = context.lister<Node>(nodes).get('', name);
      if (observed === undefined) sayGoodbye(name, memory, context);
      if (observed === undefined || observed.metadata.deletionTimestamp !== undefined) return undefined;
      const own = memory.watched.get(name) ?? { uid: undefined, silence: undefined, marked: new Set() };
      memory.watched.set(name, own);
      greet(observed, own, context);
      lookAtZones(memory, context);
      const lease = context.lister<Lease>(leases).get(LEASE_NAMESPACE, name);
      own.silence = listenAgain(own.silence, signOfLife(observed, lease), context.now());
      const mayEvict = mayTellToLeave(observed, memory, context);
      const node = await markSilent(observed, own.silence, context);
      const tainted = await syncTaints(node, mayEvict, context);
      if (readyStatus(tainted) === 'True') own.marked.clear();
      else await markPodsNotReady(tainted, own.marked, context);
      return { requeueAfterMs: Math.min(MONITOR_PERIOD_MS, zones.waitMs(name, context.now())) };
    },
  });
}

/**
 * Whether the node has, or is to have, the taint that has its pods leave. One taint gives way to the other at once;
 * who has none waits for its turn.
 */
function mayTellToLeave(node: Node, { zones }: Memory, { now }: ControllerContext): boolean {
  const name = node.metadata.name!;
  const ready = readyStatus(node);
  const isReady = ready !== 'False' && ready !== 'Unknown';
  const isTold = toldToLeave(node);
  if (isReady || isTold) zones.forget(name);
  if (isReady || isTold) return isTold && !isReady && !zones.isTotal;
  return zones.isTurnOf(node, now());
}

/** All zones at once, no oftener than each node is looked at. */
function lookAtZones(memory: Memory, { lister, now, log }: ControllerContext): void {
  const sinceMs = now() - memory.lookedMs;
  if (sinceMs >= 0 && sinceMs < MONITOR_PERIOD_MS) return;
  memory.lookedMs = now();
  const look = memory.zones.look({ present: lister<Node>(nodes).list(), nowMs: now() });
  for (const [zone, state] of look.now.states) {
    const before = look.before.states.get(zone) ?? 'Normal';
    if (before !== state) log.info('a zone is in another state', { zone: zone.replace(':\0:', '/'), before, state });
  }
  if (look.now.isTotal && !look.before.isTotal) log.info('no node is ready: no pods are told to leave', {});
  if (look.now.isTotal || !look.before.isTotal) return;
  // It may have been us who were cut off: everybody gets the whole time again.
  log.info('some nodes are ready again', {});
  for (const own of memory.watched.values()) own.silence = undefined;
}

function sayGoodbye(name: string, { watched, zones }: Memory, context: ControllerContext): void {
  const uid = watched.get(name)?.uid;
  watched.delete(name);
  zones.forget(name);
  if (uid !== undefined)
    recordNodeEvent({ name, uid }, ['RemovingNode', `Removing Node ${name} from Controller`], context);
}

/** Each run tells once of every node. */
function greet({ metadata: { name = '', uid = '' } }: Node, own: Watched, context: ControllerContext): void {
  if (own.uid === uid) return;
  own.uid = uid;
  recordNodeEvent({ name, uid }, ['RegisteredNode', `Registered Node ${name} in Controller`], context);
}

/** As `RecordNodeEvent` words it. */
function recordNodeEvent(
  metadata: { name: string; uid: string },
  [reason, message]: [string, string],
  { events }: ControllerContext,
): void {
  const node = { apiVersion: 'v1', kind: 'Node', metadata };
  events.event(node, 'Normal', reason, `Node ${metadata.name} event: ${message}`);
}

/** Changes with every sign of life: of the lease, and of the kubelet's status. */
function signOfLife({ metadata, status }: Node, lease: Lease | undefined): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return [metadata.uid, lease?.spec?.renewTime, ready?.lastHeartbeatTime].join();
}

const STOPPED_POSTING = { reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' };
const NEVER_POSTED = { reason: 'NodeStatusNeverUpdated', message: 'Kubelet never posted node status.' };

/** What a kubelet says of its node; the other conditions are others' to change. */
const OF_THE_KUBELET = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/** Conditions of a node that has gone silent: all of the kubelet's are Unknown (`tryUpdateNodeHealth`). */
export function silentConditions(node: Node, nowMs: number): NodeCondition[] {
  const now = formatTime(nowMs);
  const existing = node.status?.conditions ?? [];
  const changed = existing.map((condition) =>
    condition.status === 'Unknown' || !OF_THE_KUBELET.includes(condition.type ?? '')
      ? condition
      : { ...condition, status: 'Unknown', ...STOPPED_POSTING, lastTransitionTime: now },
  );
  const missing = OF_THE_KUBELET.filter((type) => !existing.some((condition) => condition.type === type));
  const lastHeartbeatTime = node.metadata.creationTimestamp ?? now;
  const added = missing.map((type) => ({
    type,
    status: 'Unknown',
    ...NEVER_POSTED,
    lastHeartbeatTime,
    lastTransitionTime: now,
  }));
  return [...changed, ...added];
}

async function markSilent(node: Node, silence: NodeSilence, context: ControllerContext): Promise<Node> {
  const ready = readyStatus(node);
  const graceMs = ready === undefined ? STARTUP_GRACE_PERIOD_MS : GRACE_PERIOD_MS;
  if (silence.silentMs < graceMs || ready === 'Unknown') return node;
  const wasReady = ready === 'True';
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

/**
 * Pods of a node that is not ready take no more traffic. A kubelet that is there may say otherwise of its pods later on,
 * and is believed; one that is silent may have said it long ago.
 */
async function markPodsNotReady(node: Node, marked: Set<string>, context: ControllerContext): Promise<void> {
  const isSilent = readyStatus(node) === 'Unknown';
  for (const pod of podsOnNode(node.metadata.name!, context)) {
    const { uid = '' } = pod.metadata;
    if (podCondition(pod, 'Ready')?.status === 'True' && (isSilent || !marked.has(uid)))
      await markNotReady(pod, context);
    marked.add(uid);
  }
}

async function markNotReady(pod: Pod, { client, events, now }: ControllerContext): Promise<void> {
  const conditions = pod.status!.conditions!.map((condition) =>
    condition.type === 'Ready' ? { ...condition, status: 'False', lastTransitionTime: formatTime(now()) } : condition,
  );
  await client.update<Pod>(pods, { ...pod, status: { ...pod.status, conditions } }, { subresource: 'status' });
  events.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
}
