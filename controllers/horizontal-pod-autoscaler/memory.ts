/** What the controller keeps of every autoscaler between two looks at it; lost when it ends, as upstream's is. */
import type { HorizontalPodAutoscalerSpec } from '../../api/autoscaling/v2/types.ts';
import type { Pod } from '../../api/core/v1/pod/types.ts';
import type { Selector } from '../../api/machinery/label-selector.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import type { History } from './history.ts';
import { newHistory, upTo } from './history.ts';

interface Entry {
  history?: History;
  selector?: Selector;
  /** When it was looked at last, and with which spec. */
  seen?: { atMs: number; spec: HorizontalPodAutoscalerSpec };
}

export class Memory {
  readonly #entries = new Map<string, Entry>();

  /** 0: look at it now, because it is new or its author has changed it, or because it is time. */
  dueInMs(
    key: string,
    spec: HorizontalPodAutoscalerSpec,
    { nowMs, periodMs }: { nowMs: number; periodMs: number },
  ): number {
    const seen = this.#entries.get(key)?.seen;
    if (seen === undefined || !deepEqual(seen.spec, spec)) return 0;
    const elapsedMs = nowMs - seen.atMs;
    // The clock may have been set back.
    return elapsedMs < 0 ? 0 : Math.max(0, periodMs - elapsedMs);
  }

  saw(key: string, spec: HorizontalPodAutoscalerSpec, nowMs: number): void {
    this.#entry(key).seen = { atMs: nowMs, spec };
  }

  historyOf(key: string, currentReplicas: number, nowMs: number): History {
    const entry = this.#entry(key);
    entry.history = entry.history === undefined ? newHistory(currentReplicas, nowMs) : upTo(entry.history, nowMs);
    return entry.history;
  }

  setHistory(key: string, history: History): void {
    this.#entry(key).history = history;
  }

  setSelector(key: string, selector: Selector): void {
    this.#entry(key).selector = selector;
  }

  forgetSelector(key: string): void {
    delete this.#entry(key).selector;
  }

  /** Autoscalers of the namespace that select one of these pods, in the order of their names. */
  keysSelecting(namespace: string, pods: readonly Pod[]): string[] {
    const keys: string[] = [];
    for (const [key, { selector }] of this.#entries) {
      if (selector === undefined || !key.startsWith(`${namespace}/`)) continue;
      if (pods.some(({ metadata }) => selector.matches(metadata.labels))) keys.push(key);
    }
    return keys.sort();
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }

  #entry(key: string): Entry {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = {};
      this.#entries.set(key, entry);
    }
    return entry;
  }
}
