/**
 * Whether a node can give a pod what it asks for now (upstream `pkg/kubelet/lifecycle/predicate.go` and
 * `allocation_manager.go canResizePod`): pure. The messages are upstream's.
 */
import { amountOf, podRequests } from '../../api/core/v1/pod/resources.ts';
import type { ResourceAmounts } from '../../api/core/v1/pod/resources.ts';
import type { Pod } from '../../api/core/v1/pod/types.ts';
import { ZERO_QUANTITY } from '../../api/machinery/quantity.ts';
import type { Quantity } from '../../api/machinery/quantity.ts';
import type { Resizable } from './container-resources.ts';

export interface ResizeVerdict {
  /** Never on this node, or not now. */
  reason: 'Infeasible' | 'Deferred';
  message: string;
}

export interface ResizeQuestion {
  /** As its author wants it. */
  wanted: Pod;
  /** As it was granted last. */
  granted: Pod;
  /** Every other pod of the node, as it is held (`asHeld`). */
  others: readonly Pod[];
  allocatable: Readonly<Record<string, string>>;
}

/** Undefined when the node can. */
export function judgeResize({ wanted, granted, others, allocatable }: ResizeQuestion): ResizeVerdict | undefined {
  const requests = podRequests(wanted);
  for (const name of ['memory', 'cpu'] as const) {
    const [requested, capacity] = [amount(requests, name), amountOf(allocatable, name)];
    if (requested.cmp(capacity) <= 0) continue;
    const detail = `${name}, requested: ${units(requested, name)}, capacity: ${units(capacity, name)}`;
    return { reason: 'Infeasible', message: `Node didn't have enough capacity: ${detail}` };
  }
  const before = podRequests(granted);
  const held = others.map((pod) => podRequests(pod, { useStatusResources: true }));
  for (const name of ['cpu', 'memory'] as const) {
    const requested = amount(requests, name);
    // Who asks for no more than before always fits, however full the node is.
    if (requested.cmp(amount(before, name)) <= 0) continue;
    const used = held.reduce((sum, one) => sum.add(amount(one, name)), ZERO_QUANTITY);
    const capacity = amountOf(allocatable, name);
    if (requested.add(used).cmp(capacity) <= 0) continue;
    const numbers = [requested, used, capacity].map((quantity) => units(quantity, name));
    const detail = `${name}, requested: ${numbers[0]}, used: ${numbers[1]}, capacity: ${numbers[2]}`;
    return { reason: 'Deferred', message: `Node didn't have enough resource: ${detail}` };
  }
  return undefined;
}

/** Whether more is asked for than was granted. */
export function isIncreasing(wanted: Pod, granted: Pod): boolean {
  const [after, before] = [podRequests(wanted), podRequests(granted)];
  return (['cpu', 'memory'] as const).some((name) => amount(after, name).cmp(amount(before, name)) > 0);
}

function amount(amounts: ResourceAmounts, name: Resizable): Quantity {
  return amounts.get(name) ?? ZERO_QUANTITY;
}

/** Thousandths of a core, or bytes. */
function units(quantity: Quantity, name: Resizable): number {
  return name === 'cpu' ? quantity.milliValue() : quantity.value();
}
