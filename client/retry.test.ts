import { describe, expect, it } from '@jest/globals';
import { conflict, notFound } from '../api/machinery/errors.ts';
import { ManualClock } from './manual-clock.ts';
import { retryOnConflict } from './retry.ts';

const resource = { group: '', resource: 'pods' };
const random = { uuid: () => '', bytes: (size: number) => new Uint8Array(size), float: () => 0 };

async function attempts(failWith: (attempt: number) => Error | undefined): Promise<{ count: number; error: unknown }> {
  const clock = new ManualClock();
  let count = 0;
  const running = retryOnConflict({ clock, random }, () => {
    const error = failWith(++count);
    return error === undefined ? Promise.resolve() : Promise.reject(error);
  });
  const outcome = running.then(
    () => undefined,
    (error: unknown) => error,
  );
  await clock.run(1_000);
  return { count, error: await outcome };
}

describe('retryOnConflict()', () => {
  const lost = conflict(resource, 'a', 'changed');
  it('tries until there is no conflict', async () => {
    expect(await attempts((attempt) => (attempt < 3 ? lost : undefined))).toEqual({ count: 3, error: undefined });
  });
  it('throws the fifth conflict', async () => {
    expect(await attempts(() => lost)).toEqual({ count: 5, error: lost });
  });
  it('throws other errors at once', async () => {
    const gone = notFound(resource, 'a');
    expect(await attempts(() => gone)).toEqual({ count: 1, error: gone });
  });
});
