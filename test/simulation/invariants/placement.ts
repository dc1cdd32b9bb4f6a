/** A pod is bound once, to a node that has room for it, and runs there and nowhere else. */
import type { Pod } from '../../../api/core/v1/pod.ts';
import { isActive } from '../state.ts';
import type { Invariant } from './invariant.ts';

const nodeOf = (pod: Pod | undefined): string => pod?.spec.nodeName ?? '';

const cpusOf = ({ spec }: Pod): number => Number(spec.containers[0]?.resources?.requests?.['cpu'] ?? 0);

export const placement: Invariant = ({ cluster, violated, plan }) => ({
  onChange({ kind, name, object, previous }) {
    if (kind !== 'pods' || object === undefined) return;
    const before = nodeOf(previous as Pod | undefined);
    const after = nodeOf(object as Pod);
    if (before === after) return;
    if (before !== '') violated(`pod ${name} moved from ${before} to ${after}`);
    const there = cluster.state.all<Pod>('pods').filter((pod) => nodeOf(pod) === after && isActive(pod));
    const ports = there.flatMap((pod) => pod.spec.containers[0]!.ports ?? []).map(({ hostPort }) => hostPort);
    if (new Set(ports).size < ports.length) violated(`two pods on ${after} have the same host port, one is ${name}`);
    const asked = there.reduce((sum, pod) => sum + cpusOf(pod), 0);
    if (asked > plan.cpus) violated(`${after} has ${plan.cpus} CPUs, and its pods ask for ${asked}`);
  },
  onMachines() {
    const seen = new Map<string, string>();
    for (const { name, machine } of cluster.nodes) {
      for (const { uid, namespace, name: pod } of machine.all()) {
        const other = seen.get(uid);
        if (other !== undefined) violated(`pod ${namespace}/${pod} runs on ${other} and on ${name}`);
        seen.set(uid, name);
      }
    }
  },
});
