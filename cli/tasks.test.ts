import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '../base/log.ts';
import { createTask } from './tasks.ts';

describe('createTask()', () => {
  const failing = (): Promise<void> => Promise.reject(new Error('out of ideas'));

  it('tells why its work has ended', async () => {
    const errors: unknown[] = [];
    const log = { ...silentLogger, error: (...args: unknown[]) => void errors.push(args) };
    const task = createTask('scheduler', failing(), { log, signal: new AbortController().signal });
    expect(task.problem()).toBeUndefined();
    await task.ended;
    expect(task.problem()).toBe('Error: out of ideas');
    expect(errors).toEqual([['a component has ended by itself', { name: 'scheduler', reason: 'Error: out of ideas' }]]);
  });

  it('has no problem when it was told to end', async () => {
    const stop = new AbortController();
    const task = createTask('scheduler', failing(), { log: silentLogger, signal: stop.signal });
    stop.abort();
    await task.ended;
    expect(task.problem()).toBeUndefined();
  });
});
