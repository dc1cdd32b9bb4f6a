/**
 * Why a node does not take a pod that is bound to it (upstream `pkg/kubelet/lifecycle/predicate.go` and the scheduler's
 * `AdmissionCheck`): pure. Who binds by hand, or from an old view of the node, is told here. The texts are upstream's.
 */
import { requiredNodes } from '../../api/core/v1/node-matcher.ts';
import type { Node } from '../../api/core/v1/node.ts';
import { hostPortsOf, isSamePort } from '../../api/core/v1/pod/host-ports.ts';
import { amountOf, podRequests } from '../../api/core/v1/pod/resources.ts';
import type { Pod } from '../../api/core/v1/pod/types.ts';
import { toleratesAny } from '../../api/core/v1/tolerations.ts';
import { ZERO_QUANTITY } from '../../api/machinery/quantity.ts';
import type { Quantity } from '../../api/machinery/quantity.ts';

type MisfitReason = `OutOf${string}` | 'NodeAffinity' | 'NodeName' | 'NodePorts' | 'TaintToleration';

/** In the status of a pod that is refused, for these and for other reasons, and of its event. */
export type RefusalReason =
  MisfitReason | 'SysctlForbidden' | 'PodOSNotSupported' | 'SupplementalGroupsPolicyNotSupported';

export interface Misfit {
  reason: MisfitReason;
  message: string;
  /** Another view of the node might say otherwise. */
  isOfNode?: boolean;
}

export interface NodeFitQuestion {
  pod: Pod;
  /** Every other pod that holds something of the node, as it is held. */
  others: readonly Pod[];
  nodeName: string;
  /** Quantities by resource name. */
  allocatable: Readonly<Record<string, string>>;
  /** Labels and taints of a node that nobody knows are not looked at. */
  node: Node | undefined;
}

/** In upstream's order; none for a pod that the node takes. */
export function misfitsOf(question: NodeFitQuestion): Misfit[] {
  return [...missingResources(question), ...wrongPlaces(question)];
}

/** The order in which `NodeResourcesFit` looks; the others come after these. */
const FIRST = ['cpu', 'memory', 'ephemeral-storage'];

function missingResources({ pod, others, allocatable }: NodeFitQuestion): Misfit[] {
  const misfits: Misfit[] = [];
  const most = amountOf(allocatable, 'pods').value();
  if (others.length + 1 > most) misfits.push(outOf('pods', [1, others.length, most]));
  const requests = podRequests(pod);
  const names = [...FIRST, ...[...requests.keys()].filter((name) => !FIRST.includes(name))];
  const wanted = names.filter((name) => requests.get(name)?.isZero() === false);
  if (wanted.length === 0) return misfits;
  const held = others.map((other) => podRequests(other, { useStatusResources: true }));
  for (const name of wanted) {
    // Of what the node does not have at all, others take care: drivers, or whoever counts it for the whole cluster.
    if (!Object.hasOwn(allocatable, name) && name.includes('/')) continue;
    const requested = requests.get(name)!;
    const used = held.reduce((sum, one) => sum.add(one.get(name) ?? ZERO_QUANTITY), ZERO_QUANTITY);
    const capacity = amountOf(allocatable, name);
    if (requested.add(used).cmp(capacity) <= 0) continue;
    const units = (quantity: Quantity): number => (name === 'cpu' ? quantity.milliValue() : quantity.value());
    misfits.push(outOf(name, [units(requested), units(used), units(capacity)]));
  }
  return misfits;
}

function outOf(name: string, [requested, used, capacity]: readonly [number, number, number]): Misfit {
  const numbers = `requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return { reason: `OutOf${name}`, message: `Node didn't have enough resource: ${name}, ${numbers}` };
}

function* wrongPlaces({ pod, others, nodeName, node }: NodeFitQuestion): Iterable<Misfit> {
  if (node !== undefined && requiredNodes(pod)?.matches(node) === false)
    yield { ...failed('NodeAffinity', "node(s) didn't match Pod's node affinity/selector"), isOfNode: true };
  if (pod.spec.nodeName !== nodeName) yield failed('NodeName', "node(s) didn't match the requested node name");
  const taken = others.flatMap(hostPortsOf);
  if (hostPortsOf(pod).some((port) => taken.some((other) => isSamePort(port, other))))
    yield failed('NodePorts', "node(s) didn't have free ports for the requested pod ports");
  const taints = (node?.spec.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
  if (taints.some((taint) => !toleratesAny(pod.spec.tolerations, taint)))
    yield { ...failed('TaintToleration', "node(s) had taints that the pod didn't tolerate"), isOfNode: true };
}

function failed(reason: MisfitReason, description: string): Misfit {
  return { reason, message: `Predicate ${reason} failed: ${description}` };
}
