/** What a run of the watch model does, as data made from a seed: rounds of operations that overlap. */

export type OperationName =
  | 'create'
  | 'update'
  | 'delete'
  | 'get'
  | 'list'
  | 'page'
  | 'nextPage'
  | 'watch'
  | 'stop'
  | 'stall'
  | 'resume'
  | 'tick'
  | 'rawList'
  | 'compact'
  | 'failCommit'
  | 'breakWatch'
  | 'restart';

export interface Operation {
  do: OperationName;
  /** Turns of the microtask queue after the round's start at which it begins. */
  hops: number;
  /** Numbers in [0, 1) that choose among what there is when it begins. */
  dice: readonly [number, number, number, number];
}

export type Plan = readonly (readonly Operation[])[];

export interface PlanSize {
  rounds: number;
  /** The most operations of one round. */
  width: number;
}

const WEIGHTS: Record<OperationName, number> = {
  create: 60,
  update: 90,
  delete: 45,
  get: 15,
  list: 30,
  page: 15,
  nextPage: 30,
  watch: 25,
  stop: 6,
  stall: 10,
  resume: 20,
  tick: 15,
  rawList: 6,
  compact: 6,
  failCommit: 5,
  breakWatch: 5,
  restart: 3,
};
const NAMES = Object.keys(WEIGHTS) as OperationName[];
/** What ends many watches at once: as often per round however wide that is. */
const DISTURBANCES = new Set<OperationName>(['failCommit', 'breakWatch', 'restart', 'stall']);
const NARROW = 16;
const MAX_HOPS = 60;

/** Mulberry32: the same numbers in [0, 1) for the same seed. */
export function seededFloats(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function makePlan(seed: number, { rounds, width }: PlanSize): Plan {
  const float = seededFloats(seed);
  const weights = NAMES.map((name) => WEIGHTS[name] * (DISTURBANCES.has(name) ? Math.min(1, NARROW / width) : 1));
  return Array.from({ length: rounds }, () =>
    Array.from({ length: 1 + Math.floor(float() * width) }, () => makeOperation(float, weights)),
  );
}

function makeOperation(float: () => number, weights: readonly number[]): Operation {
  let rest = float() * weights.reduce((sum, weight) => sum + weight, 0);
  const name = NAMES[weights.findIndex((weight) => (rest -= weight) < 0)] ?? 'create';
  return { do: name, hops: Math.floor(float() * MAX_HOPS), dice: [float(), float(), float(), float()] };
}

/** Makes a failing plan smaller while `fails` says that it still fails. Asks at most `attempts` times. */
export async function shrinkPlan(plan: Plan, fails: (plan: Plan) => Promise<boolean>, attempts = 200): Promise<Plan> {
  let left = attempts;
  const tries = async (smaller: Plan): Promise<boolean> => left-- > 0 && (await fails(smaller));
  let smallest = await withoutChunks(plan, tries);
  for (let at = 0; at < smallest.length && left > 0; at++) {
    const fit = async (round: readonly Operation[]): Promise<boolean> => tries(smallest.with(at, round));
    smallest = smallest.with(at, await withoutChunks(smallest[at]!, fit));
  }
  return smallest;
}

/** Leaves out half, then quarters and so on, whatever is not needed. */
async function withoutChunks<T>(
  items: readonly T[],
  fails: (items: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let kept = items;
  for (let size = Math.ceil(items.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = kept.length - size; at > -size; at -= size) {
      const start = Math.max(0, at);
      const smaller = [...kept.slice(0, start), ...kept.slice(start + size)];
      if (smaller.length < kept.length && (await fails(smaller))) kept = smaller;
    }
  }
  return kept;
}
