/** One evaluation: its variables, the values that folds bind, and what it has cost so far. */
import { type Activation, CelError, CostLimitExceeded, type EvaluateOptions } from './cel.ts';
import type { Value } from './values.ts';

/** A node made executable. */
export type Step = (frame: Frame) => Value;

/** Makes a value of what an activation has for a variable. */
export type Adapt = (raw: unknown) => Value;

const STEPS_BETWEEN_CHECKS = 100;

export class Frame {
  /** What folds bind, by the depth of the fold; an error stands for an accumulator that failed. */
  readonly locals: (Value | CelError | undefined)[] = [];
  cost = 0;
  readonly #limit: number;
  readonly #signal: AbortSignal | undefined;
  readonly #activation: Activation;
  readonly #variables = new Map<string, Value>();
  #steps = 0;

  constructor(activation: Activation, options: EvaluateOptions) {
    this.#activation = activation;
    this.#limit = options.costLimit ?? Number.POSITIVE_INFINITY;
    this.#signal = options.signal;
  }

  spend(cost: number): void {
    this.cost += cost;
    if (this.cost > this.#limit) {
      throw new CostLimitExceeded();
    }
  }

  /** Called for each step of a fold. */
  step(): void {
    if (++this.#steps % STEPS_BETWEEN_CHECKS === 0 && this.#signal?.aborted === true) {
      throw new CostLimitExceeded('operation interrupted');
    }
  }

  variable(name: string, adapt: Adapt): Value {
    const before = this.#variables.get(name);
    if (before !== undefined) {
      return before;
    }
    // Once: it may be computed when it is read.
    const raw = Object.hasOwn(this.#activation, name) ? this.#activation[name] : undefined;
    if (raw === undefined) {
      throw new CelError(`no such attribute(s): ${name}`);
    }
    const value = adapt(raw);
    this.#variables.set(name, value);
    return value;
  }
}

/** Whether evaluation may go on after it: a failed operand, not a limit. */
export function isAbsorbable(error: unknown): error is CelError {
  return error instanceof CelError && !(error instanceof CostLimitExceeded);
}
