/**
 * NodeIpam: gives nodes that have no range of pod addresses a part of the cluster's
 * (upstream `pkg/controller/nodeipam/ipam/range_allocator.go`). Kubelets of this cluster bring their own.
 */
import type { Node } from '../api/core/v1/node.ts';
import { nodes } from '../api/core/v1/node.ts';
import { isConflict, isNotFound } from '../api/machinery/errors.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { CacheReader, Controller, ControllerContext, IndexDeclaration } from '../client/controller.ts';
import { defineController } from '../client/controller.ts';
import { NodeRanges } from './node-ranges.ts';

export interface NodeIpamOptions {
  /** The range of all pods, IPv4. */
  clusterCidr: string;
  /** Where it lies in the other, its addresses are nobody's. */
  serviceCidr: string;
  /** How many parts, from the first one, belong to kubelets that choose for themselves. */
  reservedParts: number;
  /** Whether the node of this name is of such a kubelet. */
  choosesItself(nodeName: string): boolean;
}

/** How long a node waits without a part at most, should nothing be heard of one that is free. */
const RETRY_MS = 300_000;

/** What one run keeps in mind. */
interface Memory {
  /** What was given away and the cache may not show yet, by node. */
  given: Map<string, number>;
  /** Nodes for which there was nothing left. */
  waiting: Set<string>;
  /** Looking for a free part takes longest when there is none: until then nobody looks, unless a node goes. */
  fullUntilMs: number;
}

/** Acts as the node controller. */
export function nodeIpamController(options: NodeIpamOptions): Controller {
  const ranges = new NodeRanges(options.clusterCidr);
  const never = new Set(ranges.partsOf(options.serviceCidr));
  const memory: Memory = { given: new Map(), waiting: new Set(), fullUntilMs: 0 };
  const byPart: IndexDeclaration = {
    resource: nodes,
    name: 'podRangePart',
    fn: (node) => ((node as Node).spec.podCIDRs ?? []).flatMap((cidr) => ranges.partsOf(cidr)).map(String),
  };
  const takePart = (cache: CacheReader): number | undefined => {
    const coming = comingParts(memory, cache);
    return ranges.take(
      (part) =>
        part < options.reservedParts ||
        never.has(part) ||
        coming.has(part) ||
        cache.byIndex<Node>(nodes, byPart.name, String(part)).length > 0,
    );
  };

  return defineController<Node>({
    name: 'node-controller',
    component: 'cidrAllocator',
    for: nodes,
    watches: [{ resource: nodes, isRelevant: () => false, map: (node, cache) => whoIsNext(node, memory, cache) }],
    indexes: [byPart],
    writes: [nodes],
    // One after the other: each must see what the one before took.
    workers: 1,
    async reconcile({ name }, context) {
      // Observe
      const node = context.lister<Node>(nodes).get('', name);
      const hasWaited = memory.waiting.delete(name);
      if (node === undefined || hasRange(node)) memory.given.delete(name);
      if (node === undefined || hasRange(node) || options.choosesItself(name)) return undefined;

      // Decide
      const isFull = context.now() < memory.fullUntilMs;
      const part = memory.given.get(name) ?? (isFull ? undefined : takePart(context));

      // Act
      if (part === undefined) {
        memory.waiting.add(name);
        if (!isFull) memory.fullUntilMs = context.now() + RETRY_MS;
        if (!hasWaited) report(node, 'CIDRNotAvailable', context);
        return { requeueAfterMs: RETRY_MS };
      }
      memory.given.set(name, part);
      await assign(node, ranges.rangeOf(part), context);
      return undefined;
    },
  });
}

/** When a node goes, its part is free for one of those that wait. */
function whoIsNext({ metadata: { name = '' } }: ApiObject, memory: Memory, cache: CacheReader): string[] {
  if (cache.lister<Node>(nodes).get('', name) !== undefined) return [];
  memory.waiting.delete(name);
  memory.fullUntilMs = 0;
  const [first] = memory.waiting;
  if (first === undefined) return [];
  memory.waiting.delete(first);
  return [first];
}

function hasRange({ spec }: Node): boolean {
  return (spec.podCIDRs ?? []).length > 0;
}

/** Given, and not to be seen with the nodes yet. What was given to nodes that went since is free. */
function comingParts({ given }: Memory, { lister }: CacheReader): Set<number> {
  const all = lister<Node>(nodes);
  return new Set([...given].flatMap(([name, part]) => (all.get('', name) === undefined ? [] : [part])));
}

/** A failed write leaves the range with the node: nobody knows whether it got through. The next try gives the same. */
async function assign(node: Node, range: string, context: ControllerContext): Promise<void> {
  const { name = '', uid } = node.metadata;
  const body = { metadata: { uid }, spec: { podCIDR: range, podCIDRs: [range] } };
  try {
    await context.client.patch<Node>(nodes, { name }, { type: 'strategic', body });
  } catch (error) {
    // Gone, or another of its name: the cache will say.
    if (isNotFound(error) || isConflict(error)) return;
    report(node, 'CIDRAssignmentFailed', context);
    throw error;
  }
}

/** As `RecordNodeStatusChange` words it. */
function report(node: Node, reason: string, { events }: ControllerContext): void {
  events.event(node, 'Normal', reason, `Node ${node.metadata.name} status is now: ${reason}`);
}
