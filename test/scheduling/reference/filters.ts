/** Which nodes each plugin refuses and why, by the API's documentation and upstream's words. Slow on purpose. */
import type { Node } from '../../../api/core/v1/node.ts';
import type { Container, Pod } from '../../../api/core/v1/pod.ts';
import type { PluginArgs } from '../../../scheduler/plugin-args.ts';
import type { Cluster } from '../random-cluster.ts';
import { interPodReasons } from './affinity.ts';
import { podsOn, requestsOf, takenOn } from './amounts.ts';
import { allowsNode, amountOf, isTolerated, matchesNodeTerm, toleratesHardTaints } from './matching.ts';
import { spreadReason } from './spread.ts';

export interface Refusal {
  reasons: string[];
  /** Whether the node would do if pods went. */
  mayBeResolved: boolean;
}

export interface Context {
  cluster: Cluster;
  args: PluginArgs;
}

export type Filter = (pod: Pod, node: Node, context: Context) => Refusal | undefined;

const never = (...reasons: string[]): Refusal => ({ reasons, mayBeResolved: false });
const maybe = (...reasons: string[]): Refusal => ({ reasons, mayBeResolved: true });
/** What the node itself says against pods, in the order of the default profile. */
export const FILTERS: Record<string, Filter> = {
  NodeUnschedulable(pod, node) {
    const taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
    if (node.spec.unschedulable !== true || isTolerated(taint, pod.spec.tolerations)) return undefined;
    return never('node(s) were unschedulable');
  },
  NodeName(pod, node) {
    const wanted = pod.spec.nodeName;
    if (wanted === undefined || wanted === node.metadata.name) return undefined;
    return never("node(s) didn't match the requested node name");
  },
  TaintToleration: (pod, node) =>
    toleratesHardTaints(pod, node) ? undefined : never('node(s) had untolerated taint(s)'),
  NodeAffinity(pod, node, { args }) {
    const added = args.NodeAffinity?.addedAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    if (added !== undefined && !added.nodeSelectorTerms.some((term) => matchesNodeTerm(term, node))) {
      return never("node(s) didn't match scheduler-enforced node affinity");
    }
    return allowsNode(pod, node) ? undefined : never("node(s) didn't match Pod's node affinity/selector");
  },
  NodePorts(pod, node, { cluster }) {
    const taken = podsOn(cluster, node.metadata.name).flatMap(hostPortsOf);
    const clashes = hostPortsOf(pod).some((port) => taken.some((other) => clash(port, other)));
    return clashes ? maybe("node(s) didn't have free ports for the requested pod ports") : undefined;
  },
  NodeResourcesFit: (pod, node, context) => shortage(pod, node, context),
  PodTopologySpread(pod, node, { cluster, args }) {
    const reason = spreadReason(pod, node, { cluster, args: args.PodTopologySpread ?? {} });
    if (reason === undefined) return undefined;
    return reason.endsWith('(missing required label)') ? never(reason) : maybe(reason);
  },
  InterPodAffinity(pod, node, { cluster }) {
    const reason = interPodReasons(pod, node, cluster);
    if (reason === undefined) return undefined;
    return reason.endsWith('pod affinity rules') ? never(reason) : maybe(reason);
  },
};

interface HostPort {
  port: number;
  protocol: string;
  ip: string;
}

/** Of containers and sidecars. */
function hostPortsOf({ spec }: Pod): HostPort[] {
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...(spec.containers ?? []), ...sidecars].flatMap(({ ports = [] }: Container) =>
    ports
      .filter(({ hostPort = 0 }) => hostPort > 0)
      .map(({ hostPort, protocol = 'TCP', hostIP = '0.0.0.0' }) => ({ port: hostPort!, protocol, ip: hostIP })),
  );
}

function clash(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0';
}

function shortage(pod: Pod, node: Node, { cluster, args }: Context): Refusal | undefined {
  const allocatable = (node.status?.allocatable ?? {}) as Record<string, string>;
  const taken = takenOn(cluster, node.metadata.name!);
  const tooMany = podsOn(cluster, node.metadata.name).length + 1 > Number(allocatable.pods);
  const reasons = tooMany ? ['Too many pods'] : [];
  let mayBeResolved = true;
  for (const [name, wanted] of Object.entries(requestsOf(pod))) {
    const total = amountOf(name, allocatable[name]);
    if (wanted === 0 || isIgnored(name, args) || wanted <= total - (taken[name] ?? 0)) continue;
    reasons.push(`Insufficient ${name}`);
    if (wanted > total) mayBeResolved = false;
  }
  return reasons.length === 0 ? undefined : { reasons, mayBeResolved };
}

function isIgnored(name: string, args: PluginArgs): boolean {
  const { ignoredResources = [], ignoredResourceGroups = [] } = args.NodeResourcesFit ?? {};
  return name.includes('/') && (ignoredResources.includes(name) || ignoredResourceGroups.includes(name.split('/')[0]!));
}

/** The nodes that the pod's affinity names, if it names nodes in every term. */
export function namedNodes({ spec }: Pod): Set<string> | undefined {
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  if (terms.length === 0) return undefined;
  const names = new Set<string>();
  for (const { matchFields = [] } of terms) {
    const lists = matchFields.filter(({ operator }) => operator === 'In').map(({ values = [] }) => values);
    if (lists.length === 0) return undefined;
    for (const name of lists[0]!) if (lists.every((list) => list.includes(name))) names.add(name);
  }
  return names;
}
