/** What every plugin says about every node for one pod: the scheduler itself stops at a node's first rejection. */
import type { Cycle, Plugin, PluginRejection, Rejection } from './framework.ts';
import type { NodeInfo } from './node-info.ts';

export interface NodeVerdict {
  node: NodeInfo;
  /** In the plugins' order; none when the pod fits. */
  rejections: readonly PluginRejection[];
}

export interface Verdicts {
  /** What keeps the pod from every node, whatever the nodes are like. */
  outright: readonly PluginRejection[];
  nodes: readonly NodeVerdict[];
}

/** Of the plugins' `preFilter` and `filter`. The cycle's state is used up. */
export function verdictsOf(cycle: Cycle, plugins: readonly Plugin[]): Verdicts {
  const outright: PluginRejection[] = [];
  const filters: { plugin: Plugin; only: ReadonlySet<string> | undefined }[] = [];
  for (const plugin of plugins) {
    const result = plugin.preFilter?.(cycle) ?? { type: 'continue' as const };
    if (result.type === 'reject') outright.push({ ...result.rejection, plugin: plugin.name });
    else if (result.type === 'continue') filters.push({ plugin, only: result.nodeNames });
  }
  const nodes = cycle.snapshot.nodes.map((node) => {
    const rejections = filters.flatMap(({ plugin, only }) => {
      const rejection = isLeftOut(node, only) ? leftOutBy(plugin) : plugin.filter?.(cycle, node);
      return rejection === undefined ? [] : [{ ...rejection, plugin: plugin.name }];
    });
    return { node, rejections };
  });
  return { outright, nodes };
}

function isLeftOut({ name }: NodeInfo, only: ReadonlySet<string> | undefined): boolean {
  return only?.has(name) === false;
}

function leftOutBy({ name }: Plugin): Rejection {
  return { code: 'UnschedulableAndUnresolvable', reasons: [`node(s) didn't satisfy plugin(s) [${name}]`] };
}
