/** What pods ask for and nodes have, by the API's documentation on resources. Slow on purpose. */
import type { Container, Pod } from '../../../api/core/v1/pod.ts';
import type { Cluster } from '../random-cluster.ts';
import { amountOf } from './matching.ts';

/** By resource: thousandths for cpu, else whole. */
export type Amounts = Record<string, number>;

const MEBIBYTE = 2 ** 20;
/** What a container that asks for nothing counts with in scores. */
const ASSUMED: Amounts = { cpu: 100, memory: 200 * MEBIBYTE };

function sum(a: Amounts, b: Amounts): Amounts {
  const total = { ...a };
  for (const [name, amount] of Object.entries(b)) total[name] = (total[name] ?? 0) + amount;
  return total;
}

function larger(a: Amounts, b: Amounts): Amounts {
  const most = { ...a };
  for (const [name, amount] of Object.entries(b)) most[name] = Math.max(most[name] ?? 0, amount);
  return most;
}

function parsed(list: Record<string, string> | undefined): Amounts {
  return Object.fromEntries(Object.entries(list ?? {}).map(([name, text]) => [name, amountOf(name, text)]));
}

/**
 * Containers and sidecars run together; init containers one by one, beside the sidecars before them. Pod-level
 * requests take the place of the containers' for cpu, memory and huge pages; the overhead comes on top.
 */
export function requestsOf({ spec }: Pod, assumed: Amounts = {}): Amounts {
  const of = ({ resources }: Container): Amounts => ({ ...assumed, ...parsed(resources?.requests) });
  let running = (spec.containers ?? []).map(of).reduce(sum, {});
  let sidecars: Amounts = {};
  let peak: Amounts = {};
  for (const container of spec.initContainers ?? []) {
    if (container.restartPolicy === 'Always') {
      sidecars = sum(sidecars, of(container));
      running = sum(running, of(container));
    } else {
      peak = larger(peak, sum(sidecars, of(container)));
    }
  }
  const total = { ...larger(running, peak), ...parsed(spec.resources?.requests) };
  return sum(total, parsed(spec.overhead));
}

export function scoredRequestsOf(pod: Pod): Amounts {
  return requestsOf(pod, ASSUMED);
}

export function podsOn({ placed }: Cluster, nodeName: string | undefined): Pod[] {
  return placed.filter((one) => one.nodeName === nodeName).map(({ pod }) => pod);
}

export function takenOn(cluster: Cluster, nodeName: string, of: (pod: Pod) => Amounts = requestsOf): Amounts {
  return podsOn(cluster, nodeName)
    .map((pod) => of(pod))
    .reduce(sum, {});
}
