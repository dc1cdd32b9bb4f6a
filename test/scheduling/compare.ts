/**
 * Runs the scheduler's plugins and the reference over a random cluster that changes from pod to pod, and tells the
 * first difference.
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import { realClock } from '../../base/clock.ts';
import { ClusterCache } from '../../scheduler/cluster-cache.ts';
import { fitErrorMessage } from '../../scheduler/fit-error.ts';
import { CycleState } from '../../scheduler/framework.ts';
import type { Cycle, Plugin, ProfileEntry } from '../../scheduler/framework.ts';
import { NodeSearch } from '../../scheduler/node-search.ts';
import type { NodeInfo } from '../../scheduler/node-info.ts';
import { listerOf } from '../../scheduler/objects-for-tests.ts';
import type { PluginArgs } from '../../scheduler/plugin-args.ts';
import { PluginRunner } from '../../scheduler/plugin-runner.ts';
import { imageLocality } from '../../scheduler/plugins/image-locality.ts';
import { interPodAffinity } from '../../scheduler/plugins/inter-pod-affinity.ts';
import { nodeAffinity } from '../../scheduler/plugins/node-affinity.ts';
import { nodeName } from '../../scheduler/plugins/node-name.ts';
import { nodePorts } from '../../scheduler/plugins/node-ports.ts';
import { nodeResourcesBalancedAllocation } from '../../scheduler/plugins/node-resources-balanced-allocation.ts';
import { nodeResourcesFit } from '../../scheduler/plugins/node-resources-fit.ts';
import { nodeUnschedulable } from '../../scheduler/plugins/node-unschedulable.ts';
import { podTopologySpread } from '../../scheduler/plugins/pod-topology-spread.ts';
import { taintToleration } from '../../scheduler/plugins/taint-toleration.ts';
import { podInfoOf } from '../../scheduler/pod-info.ts';
import { TimeSlice } from '../../scheduler/time-slice.ts';
import { Choices } from '../choices.ts';
import { randomArgs, randomClusterOf, randomNode, randomPlacedPod } from './random-cluster.ts';
import type { Cluster } from './random-cluster.ts';
import { randomPod } from './random-pod.ts';
import { FILTERS } from './reference/filters.ts';
import type { Context } from './reference/filters.ts';
import { verdictOn } from './reference/verdict.ts';
import type { Verdict } from './reference/verdict.ts';

/** Changes a profile before it is compared: for planted errors. */
export type Planting = (profile: readonly ProfileEntry[]) => readonly ProfileEntry[];

const PODS_PER_CLUSTER = 4;

/** The plugins that need no storage, with the weights of the default profile. */
export function profileOver(cluster: Cluster, args: PluginArgs): ProfileEntry[] {
  const groups = {
    services: listerOf(cluster.services),
    replicationControllers: listerOf([]),
    replicaSets: listerOf(cluster.replicaSets),
    statefulSets: listerOf([]),
  };
  return [
    { plugin: nodeUnschedulable },
    { plugin: nodeName },
    { plugin: taintToleration, weight: 3 },
    { plugin: nodeAffinity(args.NodeAffinity), weight: 2 },
    { plugin: nodePorts },
    { plugin: nodeResourcesFit(args.NodeResourcesFit), weight: 1 },
    { plugin: podTopologySpread(groups, args.PodTopologySpread), weight: 2 },
    { plugin: interPodAffinity(listerOf(cluster.namespaces), args.InterPodAffinity), weight: 2 },
    { plugin: nodeResourcesBalancedAllocation(args.NodeResourcesBalancedAllocation), weight: 1 },
    { plugin: imageLocality, weight: 1 },
  ];
}

/** `undefined` when both agree on every pod of the seed's cluster; throws nothing for what they disagree on. */
export async function differenceAt(seed: number, plant: Planting = (profile) => profile): Promise<string | undefined> {
  const choices = new Choices(seed);
  const cluster = randomClusterOf(choices);
  const args = randomArgs(choices);
  const profile = plant(profileOver(cluster, args));
  const cache = cacheOf(cluster);
  const template = randomPod(choices, 'template');
  for (let i = 0; i < PODS_PER_CLUSTER; i++) {
    const pod = choices.chance(0.6) ? renamed(template, `pod-${i}`) : randomPod(choices, `pod-${i}`);
    const verdict = verdictOn(pod, { cluster, args });
    const cycle = (): Cycle => ({
      pod,
      podInfo: podInfoOf(pod),
      state: new CycleState(),
      snapshot: cache.takeSnapshot(),
    });
    const difference =
      pluginDifference(cycle, profile, verdict) ??
      rehearsalDifference(cycle, profile, { context: { cluster, args }, choices }) ??
      (await searchDifference(cycle(), profile, { verdict, choices }));
    if (difference !== undefined) return `seed ${seed}, ${pod.metadata.name}: ${difference}`;
    change({ cluster, cache, choices }, { pod, verdict });
  }
  return undefined;
}

function renamed(template: Pod, name: string): Pod {
  return { ...template, metadata: { ...template.metadata, name, uid: name } };
}

function cacheOf({ nodes, placed }: Cluster): ClusterCache {
  const cache = new ClusterCache();
  for (const node of nodes) cache.setNode(node);
  for (const { pod, nodeName: name } of placed) cache.setPod(podInfoOf(pod), name);
  return cache;
}

/** Each plugin by itself. */
function pluginDifference(
  cycleNow: () => Cycle,
  profile: readonly ProfileEntry[],
  { refusals, feasible, scores }: Verdict,
): string | undefined {
  for (const { plugin } of profile) {
    const cycle = cycleNow();
    const found = filterAll(plugin, cycle);
    for (const [name, refusal] of Object.entries(refusals[plugin.name] ?? {})) {
      const expected = refusal && { reasons: [...refusal.reasons].sort(), mayBeResolved: refusal.mayBeResolved };
      const text = differenceOf(found === undefined ? expected : found(name), expected);
      if (text !== undefined) return `${plugin.name} filters ${name}: ${text}`;
    }
    const nodes = feasible.map(({ metadata }) => cycle.snapshot.get(metadata.name!)!);
    const text = nodes.length === 0 ? undefined : differenceOf(scoreAll(plugin, cycle, nodes), scores[plugin.name]);
    if (text !== undefined) return `${plugin.name} scores ${nodes.map(({ name }) => name).join()}: ${text}`;
  }
  return undefined;
}

/** `undefined` when the plugin has refused the pod outright, which the search compares. */
function filterAll(plugin: Plugin, cycle: Cycle): ((nodeName: string) => unknown) | undefined {
  const outcome = plugin.preFilter?.(cycle);
  if (outcome?.type === 'reject') return undefined;
  return (name) => {
    const rejection = outcome?.type === 'skip' ? undefined : plugin.filter?.(cycle, cycle.snapshot.get(name)!);
    if (rejection === undefined) return undefined;
    return { reasons: [...rejection.reasons].sort(), mayBeResolved: rejection.code === 'Unschedulable' };
  };
}

function scoreAll(plugin: Plugin, cycle: Cycle, nodes: readonly NodeInfo[]): number[] | undefined {
  if (plugin.score === undefined) return undefined;
  if (plugin.preScore?.(cycle, nodes) === 'skip') return nodes.map(() => 0);
  const scores = nodes.map((node) => plugin.score!(cycle, node));
  plugin.normalizeScore?.(cycle, scores);
  return scores;
}

/** What if a pod were gone: as preemption asks, of the pod's node. */
function rehearsalDifference(
  cycleNow: () => Cycle,
  profile: readonly ProfileEntry[],
  { context, choices }: { context: Context; choices: Choices },
): string | undefined {
  const { placed, nodes } = context.cluster;
  if (placed.length === 0) return undefined;
  const victim = choices.pick(placed);
  const without = { ...context, cluster: { ...context.cluster, placed: placed.filter((one) => one !== victim) } };
  const objectOfNode = nodes.find(({ metadata }) => metadata.name === victim.nodeName)!;
  for (const { plugin } of profile) {
    const cycle = cycleNow();
    const filter = FILTERS[plugin.name];
    if (filter === undefined || (plugin.preFilter?.(cycle).type ?? 'continue') !== 'continue') continue;
    const node = cycle.snapshot.get(victim.nodeName)!.clone();
    const info = podInfoOf(victim.pod);
    const rehearsal = { ...cycle, state: cycle.state.clone() };
    node.removePod(info.key);
    plugin.removePod?.(rehearsal, info, node);
    const reasons = plugin.filter!(rehearsal, node)?.reasons;
    const text = differenceOf(sorted(reasons), sorted(filter(cycle.pod, objectOfNode, without)?.reasons));
    if (text !== undefined) return `${plugin.name} filters ${node.name} without ${victim.pod.metadata.name}: ${text}`;
    node.addPod(info);
    plugin.addPod?.(rehearsal, info, node);
    const again = differenceOf(
      sorted(plugin.filter!(rehearsal, node)?.reasons),
      sorted(plugin.filter!(cycle, cycle.snapshot.get(node.name)!)?.reasons),
    );
    if (again !== undefined) return `${plugin.name} filters ${node.name} with all pods back: ${again}`;
  }
  return undefined;
}

function sorted(reasons: readonly string[] | undefined): string[] | undefined {
  return reasons === undefined ? undefined : [...reasons].sort();
}

/** All of them together: the node, or why there is none. */
async function searchDifference(
  cycle: Cycle,
  profile: readonly ProfileEntry[],
  { verdict, choices }: { verdict: Verdict; choices: Choices },
): Promise<string | undefined> {
  const random = { float: () => choices.float(), uuid: () => '', bytes: () => new Uint8Array() };
  const runner = new PluginRunner(profile);
  const search = new NodeSearch({ runner, random, slice: new TimeSlice(realClock, 60_000) });
  const result = await search.findNode(cycle);
  const { feasible, scores, message } = verdict;
  if (result.type === 'unfit') {
    return feasible.length > 0 ? 'no node found' : differenceOf(fitErrorMessage(result.diagnosis), message);
  }
  if (result.type !== 'found') return result.type;
  const weights = new Map(profile.map(({ plugin, weight = 1 }) => [plugin.name, weight]));
  const totals = feasible.map((_, i) =>
    Object.entries(scores).reduce((sum, [plugin, list]) => sum + weights.get(plugin)! * list[i]!, 0),
  );
  const chosen = feasible.findIndex(({ metadata }) => metadata.name === result.nodeName);
  return totals[chosen] === Math.max(...totals) ? undefined : `${result.nodeName} is not the best of ${totals.join()}`;
}

/** Something happens in the cluster before the next pod: mostly, the pod is placed. */
function change(
  { cluster, cache, choices }: { cluster: Cluster; cache: ClusterCache; choices: Choices },
  { pod, verdict }: { pod: Pod; verdict: Verdict },
): void {
  const place = (one: Pod, nodeOfPod: string): void => {
    cluster.placed.push({ pod: one, nodeName: nodeOfPod });
    cache.setPod(podInfoOf(one), nodeOfPod);
  };
  if (verdict.feasible.length > 0 && choices.chance(0.7)) place(pod, choices.pick(verdict.feasible).metadata.name!);
  if (choices.chance(0.3) && cluster.placed.length > 0) {
    const [gone] = cluster.placed.splice(choices.between(0, cluster.placed.length - 1), 1);
    cache.removePod(`${gone!.pod.metadata.namespace}/${gone!.pod.metadata.name}`);
  }
  if (choices.chance(0.2)) place(randomPlacedPod(choices, `late-${cluster.placed.length}-${choices.between(0, 1e9)}`), choices.pick(cluster.nodes).metadata.name!); // prettier-ignore
  if (!choices.chance(0.3)) return;
  const i = choices.between(0, cluster.nodes.length - 1);
  const changed = randomNode(choices, cluster.nodes[i]!.metadata.name!);
  cluster.nodes[i] = changed;
  cache.setNode(changed);
}

function differenceOf(actual: unknown, expected: unknown): string | undefined {
  const [found, wanted] = [textOf(actual), textOf(expected)];
  return found === wanted ? undefined : `${found} instead of ${wanted}`;
}

function textOf(value: unknown): string {
  return JSON.stringify(value) ?? 'nothing';
}
