/** Amounts of resources as plain numbers, for arithmetic on every node for every pod (`framework.Resource`). */
import type { Quantity } from '../api/machinery/quantity.ts';
import { tryParseQuantity } from '../api/machinery/quantity.ts';

export interface Resource {
  milliCpu: number;
  /** In bytes. */
  memory: number;
  /** In bytes. */
  ephemeralStorage: number;
  /** Huge pages and extended resources by name, in whole units. */
  scalars: ReadonlyMap<string, number>;
}

const NONE: ReadonlyMap<string, number> = new Map();

export const EMPTY_RESOURCE: Readonly<Resource> = { milliCpu: 0, memory: 0, ephemeralStorage: 0, scalars: NONE };

/** `pods` is not among them: a node's room for pods is counted on its own. */
export function resourceOf(amounts: Iterable<[string, Quantity]>): Resource {
  const resource: Resource = { ...EMPTY_RESOURCE };
  let scalars: Map<string, number> | undefined;
  for (const [name, quantity] of amounts) {
    if (name === 'cpu') resource.milliCpu = quantity.milliValue();
    else if (name === 'memory') resource.memory = quantity.value();
    else if (name === 'ephemeral-storage') resource.ephemeralStorage = quantity.value();
    else if (isScalarResource(name)) (scalars ??= new Map()).set(name, quantity.value());
  }
  if (scalars !== undefined) resource.scalars = scalars;
  return resource;
}

/** Of a list as it stands in an object. Quantities that do not parse count as absent. */
export function resourceOfList(list: Readonly<Record<string, string>> | undefined): Resource {
  const amounts: [string, Quantity][] = [];
  for (const [name, text] of Object.entries(list ?? {})) {
    const quantity = tryParseQuantity(text);
    if (quantity !== undefined) amounts.push([name, quantity]);
  }
  return resourceOf(amounts);
}

/** `a + sign * b`. Scalars that come to zero are left out. */
export function sumOf(a: Resource, b: Resource, sign: 1 | -1): Resource {
  return {
    milliCpu: a.milliCpu + sign * b.milliCpu,
    memory: a.memory + sign * b.memory,
    ephemeralStorage: a.ephemeralStorage + sign * b.ephemeralStorage,
    scalars: b.scalars.size === 0 ? a.scalars : sumOfScalars(a.scalars, b.scalars, sign),
  };
}

function sumOfScalars(
  a: ReadonlyMap<string, number>,
  b: ReadonlyMap<string, number>,
  sign: 1 | -1,
): ReadonlyMap<string, number> {
  const sum = new Map(a);
  for (const [name, amount] of b) {
    const total = (sum.get(name) ?? 0) + sign * amount;
    if (total === 0) sum.delete(name);
    else sum.set(name, total);
  }
  return sum;
}

/** By its name as objects write it; in thousandths for `cpu`. */
export function amountIn(resource: Resource, name: string): number {
  if (name === 'cpu') return resource.milliCpu;
  if (name === 'memory') return resource.memory;
  if (name === 'ephemeral-storage') return resource.ephemeralStorage;
  return resource.scalars.get(name) ?? 0;
}

/** `schedutil.IsScalarResourceName`: extended resources, huge pages, and prefixed native and volume resources. */
export function isScalarResource(name: string): boolean {
  return name.includes('/') || name.startsWith('hugepages-') || name.startsWith('attachable-volumes-');
}
