/** What a scheduler of the default plugins should make of a pod: the reference that it is compared with. */
import type { Node } from '../../../api/core/v1/node.ts';
import type { Pod } from '../../../api/core/v1/pod.ts';
import { FILTERS, namedNodes } from './filters.ts';
import type { Context, Refusal } from './filters.ts';
import { SCORES } from './scores.ts';

export interface Verdict {
  /** By plugin and node, whatever other plugins say. */
  refusals: Record<string, Record<string, Refusal | undefined>>;
  feasible: Node[];
  /** By plugin, in the order of `feasible`. */
  scores: Record<string, number[]>;
  /** When no node is feasible. */
  message: string;
}

export function verdictOn(pod: Pod, context: Context): Verdict {
  const { nodes } = context.cluster;
  const refusals: Verdict['refusals'] = {};
  for (const [plugin, filter] of Object.entries(FILTERS)) {
    refusals[plugin] = Object.fromEntries(nodes.map((node) => [node.metadata.name!, filter(pod, node, context)]));
  }
  const named = namedNodes(pod);
  const looked = nodes.filter(({ metadata }) => named?.has(metadata.name!) ?? true);
  const first = looked.map((node) => firstRefusal(refusals, node.metadata.name!));
  const feasible = looked.filter((_, i) => first[i] === undefined);
  const scores = Object.fromEntries(
    Object.entries(SCORES).map(([plugin, of]) => [plugin, feasible.length === 0 ? [] : of(pod, feasible, context)]),
  );
  const reasons = first.flatMap((refusal) => refusal?.reasons ?? []);
  const absent = nodes.slice(looked.length).map(() => "node(s) didn't satisfy plugin(s) [NodeAffinity]");
  const isConflict = named?.size === 0;
  const detail = isConflict ? 'pod affinity terms conflict' : counted([...reasons, ...absent]);
  return { refusals, feasible, scores, message: `0/${nodes.length} nodes are available: ${detail}.` };
}

/** The profile's first plugin that refuses speaks for all. */
function firstRefusal(refusals: Verdict['refusals'], nodeName: string): Refusal | undefined {
  return Object.keys(FILTERS)
    .map((plugin) => refusals[plugin]![nodeName])
    .find((refusal) => refusal !== undefined);
}

function counted(reasons: readonly string[]): string {
  const texts = [...new Set(reasons)].map(
    (reason) => `${reasons.filter((other) => other === reason).length} ${reason}`,
  );
  return texts.sort().join(', ');
}
