/**
 * NodeTtl: tells kubelets by an annotation of their node how long they may keep secrets and config maps before asking
 * again: the longer, the larger the cluster (upstream `pkg/controller/ttl/ttl_controller.go`).
 */
import type { Node } from '../api/core/v1/node.ts';
import { nodes } from '../api/core/v1/node.ts';
import type { Controller } from '../client/controller.ts';
import { defineController } from '../client/controller.ts';

const TTL_ANNOTATION = 'node.alpha.kubernetes.io/ttl';

interface Step {
  /** The step below holds again under `fewest` nodes, the one above from more than `most`. */
  fewest: number;
  most: number;
  seconds: number;
}

/** They overlap, so that a node more or less does not have every node written (`ttlBoundaries`). */
const STEPS: readonly Step[] = [
  { fewest: 0, most: 100, seconds: 0 },
  { fewest: 90, most: 500, seconds: 15 },
  { fewest: 450, most: 1000, seconds: 30 },
  { fewest: 900, most: 2000, seconds: 60 },
  { fewest: 1800, most: Infinity, seconds: 300 },
];

/** The step for so many nodes, coming from another. */
export function nextStep(step: number, count: number): number {
  let next = step;
  while (count > STEPS[next]!.most) next += 1;
  while (count < STEPS[next]!.fewest) next -= 1;
  return next;
}

/** A node is written when it changes next, not all at once when their number passes a step's bounds. */
export function nodeTtlController(): Controller {
  const present = new Set<string>();
  let step = 0;
  return defineController<Node>({
    name: 'ttl-controller',
    for: nodes,
    watches: [
      {
        resource: nodes,
        // Only whether it is there counts.
        isRelevant: () => false,
        map({ metadata: { name = '' } }, cache) {
          if (cache.lister<Node>(nodes).get('', name) === undefined) present.delete(name);
          else present.add(name);
          step = nextStep(step, present.size);
          return [];
        },
      },
    ],
    writes: [nodes],
    workers: 5,
    async reconcile({ name }, context) {
      const node = context.lister<Node>(nodes).get('', name);
      if (node === undefined) return undefined;
      const wanted = String(STEPS[step]!.seconds);
      if (node.metadata.annotations?.[TTL_ANNOTATION] === wanted) return undefined;
      const body = { metadata: { uid: node.metadata.uid, annotations: { [TTL_ANNOTATION]: wanted } } };
      await context.client.patch<Node>(nodes, { name }, { type: 'strategic', body });
      return undefined;
    },
  });
}
