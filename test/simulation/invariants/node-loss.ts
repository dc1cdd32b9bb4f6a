/**
 * What is lost with a node, and what is not: while a node is well, nobody but its kubelet says that a pod on it is not
 * ready (controllers that were cut off cannot tell who is silent, and say so of all: upstream's stop no more than the
 * evictions then), and a pod's object goes only after its container has ended. Of a node that stays silent, the pods are told to
 * leave in time.
 */
import type { Pod } from '../../../api/core/v1/pod.ts';
import { NodeHealth } from '../health.ts';
import { isReady } from '../state.ts';
import type { CheckContext, Check, Invariant } from './invariant.ts';
import { LAG_MS } from './recent.ts';

/** `nodeMonitorGracePeriod` and the toleration that pods are given. */
const EVICTION_MS = 50_000 + 300_000;

export const nodeLoss: Invariant = (context) => {
  const health = new NodeHealth(context.cluster);
  const told = new Set<string>();
  return {
    onChange({ kind, object, previous }) {
      if (kind !== 'pods' || previous === undefined) return;
      checkLoss(object as Pod | undefined, previous as Pod, { health, context });
    },
    onStep() {
      health.look();
      checkEviction({ health, context, told });
    },
  } satisfies Check;
};

interface Known {
  health: NodeHealth;
  context: CheckContext;
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

function checkEviction({ health, context, told }: Known & { told: Set<string> }): void {
  const { cluster, violated } = context;
  // The watch, and a controller that was away, come on top.
  const patienceMs = EVICTION_MS + LAG_MS;
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
