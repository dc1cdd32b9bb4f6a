import { describe, expect, it } from '@jest/globals';
import { callEtcd } from './etcd-call.ts';

const UNREACHED = new Error('14 UNAVAILABLE: No connection established. Last error: null. Resolution note: ');
const BROKEN = Object.assign(new Error('14 UNAVAILABLE: the stream broke'), { name: 'GRPCUnavailableError' });

/** Fails so often before it succeeds. */
function failing(times: number, error: Error): { call: () => Promise<string>; calls: () => number } {
  let calls = 0;
  return {
    calls: () => calls,
    call: () => (++calls > times ? Promise.resolve('done') : Promise.reject(error)),
  };
}

describe('callEtcd()', () => {
  it('goes on to another member where none was reached, also with a write', async () => {
    const { call, calls } = failing(20, UNREACHED);
    expect(await callEtcd(call, { mayRepeat: false })).toBe('done');
    expect(calls()).toBe(21);
  });

  it('ends when no member can be reached, and says so', async () => {
    const { call } = failing(Infinity, UNREACHED);
    await expect(callEtcd(call, { mayRepeat: true })).rejects.toMatchObject({
      code: 'unavailable',
      message: 'etcd: 14 UNAVAILABLE: No connection established. Last error: null',
    });
  });

  it('repeats a broken call five times at most, and only one that may be repeated', async () => {
    const read = failing(4, BROKEN);
    expect(await callEtcd(read.call, { mayRepeat: true })).toBe('done');
    const again = failing(Infinity, BROKEN);
    await expect(callEtcd(again.call, { mayRepeat: true })).rejects.toMatchObject({ code: 'unavailable' });
    const write = failing(1, BROKEN);
    await expect(callEtcd(write.call, { mayRepeat: false })).rejects.toMatchObject({ code: 'unavailable' });
    expect([read.calls(), again.calls(), write.calls()]).toEqual([5, 5, 1]);
  });
});
