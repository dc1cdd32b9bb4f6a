/**
 * Makes the tries of checks beside the reconciles, so that a slow answer delays no abort. Bounded: one try of a check
 * at a time, so many tries of all together, each with a time limit.
 */
import type { Clock } from '../../base/clock.ts';
import { realClock } from '../../base/clock.ts';
import { tryTarget } from './check-request.ts';
import type { Outcome } from './check-request.ts';
import type { Target } from './check-target.ts';
import type { CheckResult } from './checks.ts';
import type { HttpCheck } from './types.ts';

const MAX_UNDER_WAY = 16;
const MAX_TRY_SECONDS = 60;
/** Versions whose results nobody came for are forgotten, the oldest first. */
const MAX_KEPT = 1000;

export interface Try {
  /** Of the Rollout and its version: results of another are never mixed in. */
  owner: string;
  name: string;
  when: string;
  /** All must be good. */
  targets: readonly Target[];
  expected: Pick<HttpCheck, 'expectedStatus' | 'bodyPattern'>;
  timeoutSeconds: number;
}

export class CheckRunner {
  readonly #clock: Clock;
  readonly #underWay = new Map<string, AbortController>();
  readonly #results = new Map<string, Map<string, CheckResult>>();

  constructor(clock: Clock = realClock) {
    this.#clock = clock;
  }

  /** What has ended and was not forgotten. */
  results(owner: string): CheckResult[] {
    return [...(this.#results.get(owner)?.values() ?? [])];
  }

  /** To be called once the results have been noted. */
  forget(owner: string, results: readonly CheckResult[]): void {
    const kept = this.#results.get(owner);
    for (const { when, name } of results) kept?.delete(`${when}/${name}`);
    if (kept?.size === 0) this.#results.delete(owner);
  }

  /** Whether it was begun, or is under way already; when not, there are too many: ask again later. */
  begin(one: Try, signal: AbortSignal): boolean {
    const key = `${one.owner}/${one.when}/${one.name}`;
    if (this.#underWay.has(key)) return true;
    if (this.#underWay.size >= MAX_UNDER_WAY) return false;
    const abort = new AbortController();
    this.#underWay.set(key, abort);
    const timer = this.#clock.setTimeout(() => abort.abort(), Math.min(one.timeoutSeconds, MAX_TRY_SECONDS) * 1000);
    void this.#run(one, AbortSignal.any([abort.signal, signal])).then((outcome) => {
      timer();
      this.#underWay.delete(key);
      this.#keep(one, outcome);
    });
    return true;
  }

  /** Of a try that could not be made, since there is nothing to ask. */
  refuse(one: Pick<Try, 'owner' | 'name' | 'when'>, message: string): void {
    this.#keep(one, { ok: false, message });
  }

  async #run({ targets, expected }: Try, signal: AbortSignal): Promise<Outcome> {
    const outcomes = await Promise.all(targets.map((target) => tryTarget(target, expected, signal)));
    return outcomes.find(({ ok }) => !ok) ?? outcomes[0]!;
  }

  #keep({ owner, name, when }: Pick<Try, 'owner' | 'name' | 'when'>, outcome: Outcome): void {
    const kept = this.#results.get(owner) ?? new Map<string, CheckResult>();
    kept.set(`${when}/${name}`, { name, when, ...outcome });
    this.#results.delete(owner);
    this.#results.set(owner, kept);
    if (this.#results.size > MAX_KEPT) this.#results.delete(this.#results.keys().next().value!);
  }
}
