/** How good each plugin finds the nodes that are left, 0 to 100, by upstream's documented formulas. Slow on purpose. */
import type { V1PreferredSchedulingTerm } from '@kubernetes/client-node';
import type { Node } from '../../../api/core/v1/node.ts';
import type { Pod } from '../../../api/core/v1/pod.ts';
import type { ResourceSpec, UtilizationShapePoint } from '../../../scheduler/plugin-args.ts';
import { interPodScore } from './affinity.ts';
import { requestsOf, scoredRequestsOf, takenOn } from './amounts.ts';
import type { Context } from './filters.ts';
import { amountOf, isTolerated, matchesNodeTerm } from './matching.ts';
import { spreadScores } from './spread.ts';

/** One score for each candidate. */
export type Scores = (pod: Pod, candidates: readonly Node[], context: Context) => number[];

export const SCORES: Record<string, Scores> = {
  TaintToleration(pod, candidates) {
    const soft = (pod.spec.tolerations ?? []).filter(({ effect }) => !effect || effect === 'PreferNoSchedule');
    const counts = candidates.map(
      ({ spec }) =>
        (spec.taints ?? []).filter((taint) => taint.effect === 'PreferNoSchedule' && !isTolerated(taint, soft)).length,
    );
    const most = Math.max(...counts);
    return counts.map((count) => 100 - (most === 0 ? 0 : Math.floor((100 * count) / most)));
  },
  NodeAffinity(pod, candidates, { args }) {
    const terms = [...preferences(args.NodeAffinity?.addedAffinity), ...preferences(pod.spec.affinity?.nodeAffinity)];
    const sums = candidates.map((node) =>
      terms.reduce((sum, { weight, preference }) => sum + (matchesNodeTerm(preference, node) ? weight : 0), 0),
    );
    const most = Math.max(...sums);
    return sums.map((sum) => (most === 0 ? 0 : Math.floor((100 * sum) / most)));
  },
  NodeResourcesFit: (pod, candidates, context) => candidates.map((node) => fitScore(pod, node, context)),
  PodTopologySpread: (pod, candidates, { cluster, args }) =>
    spreadScores(pod, candidates, { cluster, args: args.PodTopologySpread ?? {} }),
  InterPodAffinity(pod, candidates, { cluster, args }) {
    const raw = candidates.map((node) => interPodScore(pod, node, { cluster, args: args.InterPodAffinity ?? {} }));
    const [low, high] = [Math.min(...raw), Math.max(...raw)];
    return raw.map((score) => (high === low ? 0 : Math.floor(100 * ((score - low) / (high - low)))));
  },
  NodeResourcesBalancedAllocation: (pod, candidates, context) =>
    candidates.map((node) => balancedScore(pod, node, context)),
  ImageLocality: (pod, candidates, { cluster }) => candidates.map((node) => imageScore(pod, node, cluster.nodes)),
};

function preferences(
  affinity: { preferredDuringSchedulingIgnoredDuringExecution?: V1PreferredSchedulingTerm[] } | undefined,
): V1PreferredSchedulingTerm[] {
  return affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
}

const DEFAULT_RESOURCES: ResourceSpec[] = [{ name: 'cpu' }, { name: 'memory' }];

interface Use {
  weight: number;
  total: number;
  before: number;
  after: number;
}

/** Of each resource that the node has, and, if it is no plain one, that the pod asks for. */
function usesOf(
  pod: Pod,
  node: Node,
  { cluster, resources, of }: Context & { resources: ResourceSpec[]; of: typeof requestsOf },
): Use[] {
  const allocatable = (node.status?.allocatable ?? {}) as Record<string, string>;
  const wanted = of(pod);
  const taken = takenOn(cluster, node.metadata.name!, (other) => of(other));
  return resources.flatMap(({ name, weight = 1 }) => {
    const total = amountOf(name, allocatable[name]);
    const asked = wanted[name] ?? 0;
    if (total === 0 || (name.includes('/') && asked === 0)) return [];
    const before = taken[name] ?? 0;
    return [{ weight, total, before, after: before + asked }];
  });
}

function fitScore(pod: Pod, node: Node, context: Context): number {
  const {
    type = 'LeastAllocated',
    resources = DEFAULT_RESOURCES,
    ...rest
  } = context.args.NodeResourcesFit?.scoringStrategy ?? {};
  const shape = rest.requestedToCapacityRatio?.shape ?? [];
  let [sum, weights] = [0, 0];
  for (const { weight, total, after } of usesOf(pod, node, { ...context, resources, of: scoredRequestsOf })) {
    const inUse = Math.min(after, total);
    let score = Math.floor((100 * inUse) / total);
    if (type === 'LeastAllocated') score = Math.floor((100 * (total - inUse)) / total);
    if (type === 'RequestedToCapacityRatio') score = onShape(shape, score);
    if (type === 'RequestedToCapacityRatio' && score === 0) continue;
    sum += weight * score;
    weights += weight;
  }
  if (weights === 0) return 0;
  return type === 'RequestedToCapacityRatio' ? Math.round(sum / weights) : Math.floor(sum / weights);
}

/** Points score 0 to 10; whole numbers on the lines between them. */
function onShape(shape: readonly UtilizationShapePoint[], utilization: number): number {
  const first = shape[0]!;
  const last = shape.at(-1)!;
  if (utilization <= first.utilization) return first.score * 10;
  if (utilization > last.utilization) return last.score * 10;
  const i = shape.findIndex((point) => utilization <= point.utilization);
  const [from, to] = [shape[i - 1]!, shape[i]!];
  const rise = (to.score - from.score) * 10;
  return from.score * 10 + Math.trunc((rise * (utilization - from.utilization)) / (to.utilization - from.utilization));
}

/** 50 for a pod that changes nothing; more for one that evens out, less for one that does the opposite. */
function balancedScore(pod: Pod, node: Node, context: Context): number {
  const resources = context.args.NodeResourcesBalancedAllocation?.resources ?? DEFAULT_RESOURCES;
  const wanted = requestsOf(pod);
  if (resources.every(({ name }) => (wanted[name] ?? 0) === 0)) return 0;
  const uses = usesOf(pod, node, { ...context, resources, of: (one) => requestsOf(one) });
  const evenness = (shares: number[]): number => Math.floor(100 * (1 - deviation(shares)));
  const withPod = evenness(uses.map(({ after, total }) => Math.min(1, after / total)));
  const without = evenness(uses.map(({ before, total }) => Math.min(1, before / total)));
  return 50 + Math.trunc((50 + withPod - without) / 2);
}

function deviation(shares: readonly number[]): number {
  if (shares.length < 2) return 0;
  if (shares.length === 2) return Math.abs(shares[0]! - shares[1]!) / 2;
  const mean = shares.reduce((sum, share) => sum + share) / shares.length;
  return Math.sqrt(shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / shares.length);
}

const MEBIBYTE = 2 ** 20;

/** Bytes of the pod's images on the node, the more worth the more nodes have the image: 23 MiB to 1000 MiB for each. */
function imageScore({ spec }: Pod, node: Node, nodes: readonly Node[]): number {
  const images = [...(spec.initContainers ?? []), ...(spec.containers ?? [])].map(({ image = '' }) =>
    image.split('/').at(-1)!.includes(':') ? image : `${image}:latest`,
  );
  let bytes = 0;
  for (const image of images) {
    const having = nodes.filter((one) => sizeOn(one, image) !== undefined).length;
    bytes += Math.floor((sizeOn(node, image) ?? 0) * (having / nodes.length));
  }
  const [least, most] = [23 * MEBIBYTE, 1000 * MEBIBYTE * images.length];
  return Math.floor((100 * (Math.min(Math.max(bytes, least), most) - least)) / (most - least));
}

function sizeOn(node: Node, image: string): number | undefined {
  return node.status?.images?.find(({ names = [] }) => names.includes(image))?.sizeBytes;
}
