import { expect, it } from '@jest/globals';
import { normalize } from './behavior.ts';
import { Memory } from './memory.ts';

const HOUR_MS = 3_600_000;
const WINDOW_MS = 300_000;

it('Memory has a stabilization window end when it should, though the clock was set back by an hour', () => {
  const memory = new Memory();
  const ask = (nowMs: number): number => {
    const request = {
      currentReplicas: 5,
      desiredReplicas: 2,
      minReplicas: 1,
      maxReplicas: 9,
      behavior: undefined,
      nowMs,
    };
    const { replicas, history } = normalize(request, memory.historyOf('default/web', 5, nowMs));
    memory.setHistory('default/web', history);
    return replicas;
  };
  expect(ask(2 * HOUR_MS)).toBe(5);
  expect(ask(HOUR_MS)).toBe(5);
  expect(ask(HOUR_MS + WINDOW_MS)).toBe(5);
  expect(ask(HOUR_MS + WINDOW_MS + 1)).toBe(2);
});
