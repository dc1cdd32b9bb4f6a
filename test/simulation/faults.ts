/** What goes wrong in a run: drawn from the seed as data, then brought about and mended. */
import type { Cluster, NodeSeat, Seat } from './cluster.ts';
import { FAIR } from './link.ts';
import type { Weather } from './link.ts';
import type { SeededRandom } from './seeded-random.ts';

/** `who`: `managers`, `scheduler`, or the number of a node. */
export type Fault = { atMs: number; who: 'managers' | 'scheduler' | number } &
  /** Power off: what runs there is lost. Of the control plane, the process. */
  (
    | { type: 'crash'; forMs: number }
    /** The process ends after so many more writes, and comes back. */
    | { type: 'restart'; afterWrites: number; forMs: number }
    /** Another instance leads from now on; writes that this one has sent before arrive up to so much later. */
    | { type: 'takeover'; heldMs: number }
    /** Nothing passes between it and the API server. */
    | { type: 'cut'; forMs: number }
    | { type: 'weather'; forMs: number; weather: Weather }
    | { type: 'watches'; how: 'broken' | 'expired' }
    /** Containers start and stop slowly. */
    | { type: 'slow'; forMs: number; times: number }
    | { type: 'clock'; byMs: number }
  );

export function drawFaults(
  random: SeededRandom,
  { nodeCount, calmMs }: { nodeCount: number; calmMs: number },
): Fault[] {
  const faults: Fault[] = [];
  // Long enough that its pods are told to leave.
  if (calmMs > LOSS_MS && random.chance(0.7)) faults.push(drawLoss(random, nodeCount, calmMs));
  for (let count = random.below(6); count > 0; count--) {
    const atMs = 5_000 + random.below(calmMs - 5_000);
    const forMs = Math.min(calmMs - atMs, random.pick([3_000, 15_000, 60_000, 120_000]));
    faults.push(
      random.chance(0.5) ? drawNodeFault(random, { nodeCount, atMs, forMs }) : drawOther(random, atMs, forMs),
    );
  }
  return faults.sort((a, b) => a.atMs - b.atMs);
}

const LOSS_MS = 450_000;

function drawLoss(random: SeededRandom, nodeCount: number, calmMs: number): Fault {
  const atMs = random.below(calmMs - LOSS_MS);
  return { type: random.pick(['crash', 'cut'] as const), atMs, who: random.below(nodeCount), forMs: calmMs - atMs };
}

function drawNodeFault(
  random: SeededRandom,
  { nodeCount, atMs, forMs }: { nodeCount: number; atMs: number; forMs: number },
): Fault {
  const who = random.below(nodeCount);
  const type = random.weighted([
    [3, 'crash'],
    [3, 'cut'],
    [2, 'restart'],
    [1, 'slow'],
    [1, 'watches'],
    [1, 'clock'],
  ] as const);
  if (type === 'restart') return { type, atMs, who, forMs: 1_000 + random.below(3_000), afterWrites: random.below(10) };
  if (type === 'slow') return { type, atMs, who, forMs, times: 5 + random.below(20) };
  if (type === 'watches') return { type, atMs, who, how: random.pick(['broken', 'expired'] as const) };
  if (type === 'clock') return { type, atMs, who, byMs: drawJump(random) };
  return { type, atMs, who, forMs };
}

function drawOther(random: SeededRandom, atMs: number, forMs: number): Fault {
  const who = random.chance(0.8) ? 'managers' : 'scheduler';
  const type = random.weighted([
    [4, 'restart'],
    [3, 'takeover'],
    [1, 'cut'],
    [3, 'weather'],
    [2, 'watches'],
    [1, 'clock'],
  ] as const);
  const shortMs = Math.min(forMs, 30_000);
  if (type === 'restart') return { type, atMs, who, forMs: random.below(5_000), afterWrites: random.below(20) };
  if (type === 'takeover') return { type, atMs, who, heldMs: 1_000 + random.below(20_000) };
  if (type === 'weather') return { type, atMs, who, forMs, weather: drawWeather(random) };
  if (type === 'watches') return { type, atMs, who, how: random.pick(['broken', 'expired'] as const) };
  if (type === 'clock') return { type, atMs, who, byMs: drawJump(random) };
  return { type, atMs, who, forMs: shortMs };
}

function drawWeather(random: SeededRandom): Weather {
  return {
    requestMs: random.pick([10, 200, 2_000]),
    watchMs: random.pick([30, 1_000, 5_000]),
    lostRequests: random.pick([0, 0.1]),
    lostAnswers: random.pick([0, 0.1]),
    refusals: random.pick([0, 0.1, 0.3]),
  };
}

function drawJump(random: SeededRandom): number {
  return random.pick([-3_600_000, -30_000, -1_000, 1_000, 30_000, 3_600_000]);
}

/** Brings the fault about, and sees to its end. */
export function bringAbout(fault: Fault, cluster: Cluster): void {
  const seat = seatOf(fault, cluster);
  switch (fault.type) {
    case 'crash':
      seat.stop();
      if (typeof fault.who === 'number') (seat as NodeSeat).machine.crash();
      return later(cluster, fault.forMs, () => seat.current ?? seat.start());
    case 'restart':
      return restartAfterWrites(seat, fault, cluster);
    case 'takeover':
      return takeOver(seat, fault.heldMs, cluster);
    case 'cut':
      return cut(seat, fault.forMs, cluster);
    case 'weather':
      if (seat.current !== undefined) seat.current.link.weather = fault.weather;
      return later(cluster, fault.forMs, () => seat.current !== undefined && (seat.current.link.weather = FAIR));
    case 'watches':
      return seat.current?.link.breakWatches(fault.how);
    case 'slow': {
      const { machine } = seat as NodeSeat;
      machine.slowness = fault.times;
      return later(cluster, fault.forMs, () => (machine.slowness = 1));
    }
    case 'clock':
      seat.clock.offsetMs += fault.byMs;
  }
}

function seatOf({ who }: Fault, cluster: Cluster): Seat {
  return typeof who === 'number' ? cluster.nodes[who]! : cluster[who];
}

function later(cluster: Cluster, delayMs: number, then: () => unknown): void {
  cluster.time.setTimeout(() => void then(), delayMs);
}

function cut(seat: Seat, forMs: number, cluster: Cluster): void {
  const link = seat.current?.link;
  if (link === undefined) return;
  link.isCut = true;
  later(cluster, forMs, () => link.heal());
}

/** How long the old leader goes on before it knows that it is not the leader any more. */
const RENEWAL_MS = 3_000;

function takeOver(seat: Seat, heldMs: number, cluster: Cluster): void {
  const process = seat.current;
  if (process === undefined) return;
  process.link.weather = { ...FAIR, requestMs: heldMs };
  later(cluster, RENEWAL_MS, () => seat.current === process && seat.start());
}

function restartAfterWrites(seat: Seat, fault: Fault & { type: 'restart' }, cluster: Cluster): void {
  const process = seat.current;
  if (process === undefined) return;
  let left = fault.afterWrites;
  const restart = (): void => {
    if (seat.current !== process) return;
    seat.stop();
    later(cluster, fault.forMs, () => seat.current ?? seat.start());
  };
  process.link.onWrite = () => {
    if (left-- === 0) restart();
  };
}
