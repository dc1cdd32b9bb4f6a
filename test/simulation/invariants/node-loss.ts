/**
 * What is lost with a node, and what is not: while a node is well, nobody but its kubelet says that a pod on it is not
 * ready (controllers that were cut off cannot tell who is silent, and say so of all: upstream's stop no more than the
 * evictions then), and a pod's object goes only after its container has ended. Of a node that stays silent while most of
 * the others answer, the pods are told to leave in time.
 */
import type { Pod } from '../../../api/core/v1/pod.ts';
import { NodeHealth } from '../health.ts';
import { isReady } from '../state.ts';
import type { CheckContext, Check, Invariant } from './invariant.ts';
import { LAG_MS } from './recent.ts';

/** `nodeMonitorGracePeriod` and the toleration that pods are given. */
const EVICTION_MS = 50_000 + 300_000;
/** Two looks at all nodes, and the turn of a second one (`--node-eviction-rate`). */
const TURN_MS = 10_000 + 20_000;

export const nodeLoss: Invariant = (context) => {
  const health = new NodeHealth(context.cluster);
  const told = new Set<string>();
  const known: Known = { health, context, told, disturbedMs: -Infinity };
  return {
    onChange({ kind, object, previous }) {
      if (kind !== 'pods' || previous === undefined) return;
      checkLoss(object as Pod | undefined, previous as Pod, known);
    },
    onStep() {
      health.look();
      if (isDisturbed(known)) known.disturbedMs = context.cluster.time.elapsedMs;
      checkEviction(known);
    },
  } satisfies Check;
};

interface Known {
  health: NodeHealth;
  context: CheckContext;
  told: Set<string>;
  /** When so many nodes were silent last that nobody may be told to leave. */
  disturbedMs: number;
}

/** As `ComputeZoneState` has it: all of them, or most of more than a few. */
function isDisturbed({ health, context }: Known): boolean {
  const { nodes } = context.cluster;
  const silent = nodes.filter(({ name }) => health.silentForMs(name) > 0).length;
  return silent === nodes.length || (silent > 2 && silent / nodes.length >= 0.55);
}

function checkLoss(pod: Pod | undefined, before: Pod, { health, context }: Known): void {
  const nodeName = before.spec.nodeName ?? '';
  const { uid = '', name } = before.metadata;
  if (health.wellForMs(nodeName) < LAG_MS) return;
  const state = health.node(nodeName)?.machine.get(uid)?.state;
  if (state !== 'running') return;
  if (pod === undefined) context.violated(`${name} is gone while it runs on ${nodeName}, which is well`);
  else if (isReady(before) && !isReady(pod) && health.controllersHearForMs() >= LAG_MS)
    context.violated(`${name} runs on ${nodeName}, which is well: not ready?`);
}

function checkEviction({ health, context, told, disturbedMs }: Known): void {
  const { cluster, violated } = context;
  // The watch, and a controller that was away, come on top.
  const patienceMs = EVICTION_MS + TURN_MS + LAG_MS;
  if (cluster.time.elapsedMs - disturbedMs < patienceMs) return;
  for (const { name } of cluster.nodes) {
    if (health.silentForMs(name) < patienceMs) continue;
    for (const { metadata, spec } of cluster.state.all<Pod>('pods')) {
      // A DaemonSet's pods tolerate that for ever.
      if (metadata.ownerReferences?.some(({ kind }) => kind === 'DaemonSet')) continue;
      if (spec.nodeName !== name || metadata.deletionTimestamp !== undefined || told.has(metadata.uid!)) continue;
      told.add(metadata.uid!);
      violated(`${metadata.name} stays on ${name}, which has been silent for long`);
    }
  }
}
