import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build, cannotRun, Pod } from './pod-fixture.ts';

const suite = cannotRun === undefined ? describe : describe.skip;

/** Beyond 32 bits, with a low word of 5. */
const LARGE = 2 ** 33 + 5;
const SIZES = [4, 5, 6, LARGE, LARGE + 1];

suite('native seccomp: a profile compares whole arguments', () => {
  let pod: Pod;
  beforeAll(async () => {
    build();
    pod = await new Pod().start();
  }, 120_000);
  afterAll(() => pod.stop());

  /** Those sizes that `ftruncate`, whose second argument they are, is refused. */
  async function refusedBy(args: object[]): Promise<number[]> {
    const syscalls = [{ names: ['ftruncate'], action: 'SCMP_ACT_ERRNO', errnoRet: 122, args }];
    const script = SIZES.map((size) => `busybox truncate -s ${size} /tmp/f 2>/dev/null || echo ${size}`).join('\n');
    const seccomp = { defaultAction: 'SCMP_ACT_ALLOW', syscalls };
    return (await pod.shell(`${script}\ntrue`, { seccomp })).stdout.trim().split('\n').filter(Boolean).map(Number);
  }

  it.each<[string, number, (size: number, value: number) => boolean]>(
    [5, LARGE].flatMap((value): [string, number, (size: number, value: number) => boolean][] => [
      ['EQ', value, (size) => size === value],
      ['NE', value, (size) => size !== value],
      ['GT', value, (size) => size > value],
      ['GE', value, (size) => size >= value],
      ['LT', value, (size) => size < value],
      ['LE', value, (size) => size <= value],
    ]),
  )('%s %d', async (op, value, holds) => {
    expect(await refusedBy([{ index: 1, value, op: `SCMP_CMP_${op}` }])).toEqual(
      SIZES.filter((size) => holds(size, value)),
    );
  });

  it('under a mask, and several at once', async () => {
    const odd = { index: 1, value: 1, valueTwo: 1, op: 'SCMP_CMP_MASKED_EQ' };
    expect(await refusedBy([odd])).toEqual([5, LARGE]);
    const notFive = { index: 1, value: 5, op: 'SCMP_CMP_NE' };
    const above = { index: 1, value: 4, op: 'SCMP_CMP_GT' };
    expect(await refusedBy([notFive, above])).toEqual([6, LARGE, LARGE + 1]);
  });
});
