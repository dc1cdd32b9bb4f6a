/**
 * What really runs on a node, whoever knows of it: containers start, run, end and stop in their own time. It outlives
 * a kubelet, not a crash.
 */
import type { Clock } from '../../base/clock.ts';
import type { SeededRandom } from './seeded-random.ts';

/** One pod's container. */
export interface Process {
  uid: string;
  namespace: string;
  name: string;
  state: 'starting' | 'running' | 'stopping' | 'exited';
  exitCode: number;
  restarts: number;
  startedMs: number;
}

/** How the pod's container behaves. */
export interface Behaviour {
  /** Ends by itself after this time; undefined: never. */
  runMs: number | undefined;
  exitCode: number;
}

export interface MachineOptions {
  clock: Clock;
  random: SeededRandom;
  onChange(uid: string): void;
}

const MAX_START_MS = 2_000;
/** Of pods that end when they are told to. */
const MAX_STOP_MS = 1_500;

export class Machine {
  readonly #options: MachineOptions;
  readonly #processes = new Map<string, Process>();
  /** Starting and stopping take so many times longer. */
  slowness = 1;
  /** Grows whenever what `all` tells has changed. */
  version = 0;

  constructor(options: MachineOptions) {
    this.#options = options;
  }

  get(uid: string): Process | undefined {
    return this.#processes.get(uid);
  }

  all(): IterableIterator<Process> {
    return this.#processes.values();
  }

  start(pod: { uid: string; namespace: string; name: string }, behaviour: Behaviour): void {
    const { clock, random } = this.#options;
    const before = this.#processes.get(pod.uid);
    const restarts = before === undefined ? 0 : before.restarts + 1;
    const { uid, namespace, name } = pod;
    const process: Process = { uid, namespace, name, state: 'starting', exitCode: 0, restarts, startedMs: clock.now() };
    this.#processes.set(uid, process);
    this.version++;
    this.#after(process, MAX_START_MS * random.float() * this.slowness, () => {
      if (process.state !== 'starting') return;
      process.state = 'running';
      process.startedMs = clock.now();
      this.#options.onChange(uid);
      if (behaviour.runMs === undefined) return;
      this.#after(process, behaviour.runMs, () => this.#exit(process, behaviour.exitCode));
    });
  }

  /** Within the grace period, or not before its end. */
  stop(uid: string, graceMs: number): void {
    const process = this.#processes.get(uid);
    if (process === undefined || process.state === 'stopping' || process.state === 'exited') return;
    process.state = 'stopping';
    const { random } = this.#options;
    const stopMs = MAX_STOP_MS * random.float() * this.slowness;
    this.#after(process, Math.min(graceMs, stopMs), () => this.#exit(process, stopMs < graceMs ? 0 : 137));
  }

  forget(uid: string): void {
    this.#processes.delete(uid);
    this.version++;
  }

  /** The power fails. */
  crash(): void {
    this.#processes.clear();
    this.version++;
  }

  #exit(process: Process, exitCode: number): void {
    if (process.state === 'exited') return;
    process.state = 'exited';
    process.exitCode = exitCode;
    this.version++;
    this.#options.onChange(process.uid);
  }

  /** Unless the process is another one by then. */
  #after(process: Process, delayMs: number, then: () => void): void {
    this.#options.clock.setTimeout(() => {
      if (this.#processes.get(process.uid) === process) then();
    }, delayMs);
  }
}
