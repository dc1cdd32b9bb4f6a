/** Affinity between pods, by the API's documentation. Slow on purpose: every pod against every pod. */
import type { V1PodAffinityTerm } from '@kubernetes/client-node';
import type { Node } from '../../../api/core/v1/node.ts';
import type { Pod } from '../../../api/core/v1/pod.ts';
import type { InterPodAffinityArgs } from '../../../scheduler/plugin-args.ts';
import type { Cluster } from '../random-cluster.ts';
import { matchesSelector } from './matching.ts';

type Kind = 'podAffinity' | 'podAntiAffinity';

function required({ spec }: Pod, kind: Kind): V1PodAffinityTerm[] {
  return spec.affinity?.[kind]?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

function preferred({ spec }: Pod, kind: Kind): { weight: number; podAffinityTerm: V1PodAffinityTerm }[] {
  return spec.affinity?.[kind]?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
}

/** Whether `owner`'s term is about `other`. */
function isAbout(term: V1PodAffinityTerm, owner: Pod, { other, cluster }: { other: Pod; cluster: Cluster }): boolean {
  const { namespaces = [], namespaceSelector, labelSelector } = term;
  const own = namespaces.length === 0 && namespaceSelector === undefined ? [owner.metadata.namespace!] : namespaces;
  const found = cluster.namespaces.find(({ metadata }) => metadata.name === other.metadata.namespace);
  const inNamespace =
    own.includes(other.metadata.namespace!) || matchesSelector(namespaceSelector, found?.metadata.labels ?? {});
  return inNamespace && matchesSelector(labelSelector, other.metadata.labels);
}

function domainOf(node: Node | undefined, key: string): string | undefined {
  return node?.metadata.labels?.[key];
}

/** Pods on nodes with the node's own domain of this key. */
function podsInDomain(cluster: Cluster, node: Node, key: string): Pod[] {
  const domain = domainOf(node, key);
  if (domain === undefined) return [];
  return cluster.placed
    .filter(({ nodeName }) => domainOf(nodeNamed(cluster, nodeName), key) === domain)
    .map(({ pod }) => pod);
}

function nodeNamed({ nodes }: Cluster, name: string): Node | undefined {
  return nodes.find(({ metadata }) => metadata.name === name);
}

/** Every term needs a pod in the domain that matches all terms; nobody to be with excuses the first of a group. */
function isContent(pod: Pod, node: Node, cluster: Cluster): boolean {
  const terms = required(pod, 'podAffinity');
  const isWanted = (other: Pod): boolean => terms.every((term) => isAbout(term, pod, { other, cluster }));
  if (terms.some(({ topologyKey }) => domainOf(node, topologyKey) === undefined)) return false;
  if (terms.every(({ topologyKey }) => podsInDomain(cluster, node, topologyKey).some(isWanted))) return true;
  const anywhere = cluster.nodes.some((one) =>
    terms.some(({ topologyKey }) => podsInDomain(cluster, one, topologyKey).some(isWanted)),
  );
  return !anywhere && isWanted(pod);
}

export function interPodReasons(pod: Pod, node: Node, cluster: Cluster): string | undefined {
  if (!isContent(pod, node, cluster)) return "node(s) didn't match pod affinity rules";
  const avoided = required(pod, 'podAntiAffinity').some((term) =>
    podsInDomain(cluster, node, term.topologyKey).some((other) => isAbout(term, pod, { other, cluster })),
  );
  if (avoided) return "node(s) didn't match pod anti-affinity rules";
  const hostile = cluster.placed.some(({ pod: owner }) =>
    required(owner, 'podAntiAffinity').some(
      (term) =>
        podsInDomain(cluster, node, term.topologyKey).includes(owner) && isAbout(term, owner, { other: pod, cluster }),
    ),
  );
  return hostile ? "node(s) didn't satisfy existing pods anti-affinity rules" : undefined;
}

/** The weights of all preferences that pods in the node's domains meet or have. */
export function interPodScore(
  pod: Pod,
  node: Node,
  { cluster, args }: { cluster: Cluster; args: InterPodAffinityArgs },
): number {
  const hasOwn = preferred(pod, 'podAffinity').length + preferred(pod, 'podAntiAffinity').length > 0;
  let score = 0;
  const weigh = (owner: Pod, other: Pod, sign: number): void => {
    const kind = sign > 0 ? 'podAffinity' : 'podAntiAffinity';
    const near = owner === pod ? other : owner;
    for (const { weight, podAffinityTerm: term } of preferred(owner, kind)) {
      const inDomain = podsInDomain(cluster, node, term.topologyKey).includes(near);
      if (inDomain && isAbout(term, owner, { other, cluster })) score += sign * weight;
    }
  };
  for (const { pod: existing } of cluster.placed) {
    weigh(pod, existing, 1);
    weigh(pod, existing, -1);
    if (args.ignorePreferredTermsOfExistingPods === true && !hasOwn) continue;
    weigh(existing, pod, 1);
    weigh(existing, pod, -1);
    for (const term of required(existing, 'podAffinity')) {
      const inDomain = podsInDomain(cluster, node, term.topologyKey).includes(existing);
      if (inDomain && isAbout(term, existing, { other: pod, cluster })) score += args.hardPodAffinityWeight ?? 1;
    }
  }
  return score;
}
