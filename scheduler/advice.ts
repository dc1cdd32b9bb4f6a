/** What would make a pod fit a node that a plugin rejects, in the words of kubectl's users. */
import type { V1NodeSelectorRequirement } from '@kubernetes/client-node';
import type { Taint } from '../api/core/v1/node.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import type { PluginRejection } from './framework.ts';
import { hostPortsOf } from './host-ports.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import { amountIn } from './resource.ts';
import { toleratesAny } from './tolerations.ts';

type Advisor = (podInfo: PodInfo, node: NodeInfo) => string[];

const ADVISORS: Readonly<Record<string, Advisor>> = {
  NodeResourcesFit: (podInfo, node) => [...shortages(podInfo, node), ...crowding(node)],
  TaintToleration: ({ pod }, { hardTaints }) => hardTaints.filter((taint) => !isTolerated(pod, taint)).map(toleration),
  NodeUnschedulable: (_podInfo, { name }) => [`is cordoned: kubectl uncordon ${name}`],
  NodeAffinity: ({ pod }, node) => [...missingLabels(pod, node), ...unmetAffinity(pod)],
  NodePorts: takenPorts,
  NodeName: ({ pod }) => [`the pod asks for the node ${pod.spec.nodeName}`],
};

/** A line for each thing to change; the plugin's own reasons where there is nothing better to say. */
export function adviceFor(rejection: PluginRejection, podInfo: PodInfo, node: NodeInfo): readonly string[] {
  const advisor = Object.hasOwn(ADVISORS, rejection.plugin) ? ADVISORS[rejection.plugin] : undefined;
  const advice = advisor?.(podInfo, node) ?? [];
  return advice.length > 0 ? advice : rejection.reasons;
}

function shortages({ requests }: PodInfo, { allocatable, requested }: NodeInfo): string[] {
  const names = ['cpu', 'memory', 'ephemeral-storage', ...requests.scalars.keys()];
  return names.flatMap((name) => {
    const wanted = amountIn(requests, name);
    const total = amountIn(allocatable, name);
    const missing = wanted - (total - amountIn(requested, name));
    if (wanted <= 0 || missing <= 0) return [];
    const shown = (amount: number): string => formatAmount(name, amount);
    if (wanted <= total) return [`needs ${shown(missing)} more ${name}`];
    return [`too small: has ${shown(total)} ${name} in all, the pod asks for ${shown(wanted)}`];
  });
}

function crowding({ pods, allowedPods }: NodeInfo): string[] {
  return pods.size < allowedPods ? [] : [`full: has ${pods.size} pods of ${allowedPods}`];
}

/** As people write quantities. */
export function formatAmount(name: string, amount: number): string {
  if (name === 'cpu') return amount % 1000 === 0 ? String(amount / 1000) : `${amount}m`;
  if (name !== 'memory' && name !== 'ephemeral-storage' && !name.startsWith('hugepages-')) return String(amount);
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti'];
  let unit = 0;
  let rest = amount;
  for (; rest >= 1024 && unit < units.length - 1; unit++) rest /= 1024;
  return `${Number.isInteger(rest) ? rest : rest.toFixed(1)}${units[unit]}`;
}

function isTolerated({ spec }: Pod, taint: Taint): boolean {
  return toleratesAny(spec.tolerations ?? [], taint);
}

function toleration({ key, value, effect }: Taint): string {
  return `add toleration ${key}${value ? `=${value}` : ''}:${effect}`;
}

function missingLabels({ spec }: Pod, { labels }: NodeInfo): string[] {
  return Object.entries(spec.nodeSelector ?? {}).flatMap(([key, value]) => {
    if (!Object.hasOwn(labels, key)) return [`label ${key}=${value} missing`];
    return labels[key] === value ? [] : [`label ${key} is ${labels[key] || '""'}, the pod wants ${value}`];
  });
}

function unmetAffinity({ spec }: Pod): string[] {
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const wishes = terms.map(({ matchExpressions = [], matchFields = [] }) =>
    [...matchExpressions, ...matchFields].map(requirement).join(' and '),
  );
  return wishes.length === 0 ? [] : [`node affinity wants ${wishes.join(', or ')}`];
}

function requirement({ key, operator, values = [] }: V1NodeSelectorRequirement): string {
  return values.length === 0 ? `${key} ${operator}` : `${key} ${operator} (${values.join(', ')})`;
}

function takenPorts({ hostPorts }: PodInfo, { pods }: NodeInfo): string[] {
  return hostPorts.flatMap(({ port, protocol, ip }) => {
    const clashes = (other: { port: number; protocol: string; ip: string }): boolean =>
      other.port === port &&
      other.protocol === protocol &&
      [ip, other.ip].some((one) => one === '0.0.0.0' || ip === other.ip);
    const user = [...pods.values()].find(({ pod }) => hostPortsOf(pod).some(clashes));
    return user === undefined ? [] : [`host port ${port}/${protocol} is taken by pod ${user.key}`];
  });
}
