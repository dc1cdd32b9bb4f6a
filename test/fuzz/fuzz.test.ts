/** A short run of the fuzzer, and that it finds what has been planted. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { configMaps } from '../../api/core/v1/config-map.ts';
import type { Strategy } from '../../api/machinery/resource.ts';
import { forbiddenError } from '../../api/machinery/errors.ts';
import type { Plant } from './fuzz-server.ts';
import { Choices } from '../choices.ts';
import { encodeHostile, placeholder } from './hostile-text.ts';
import type { FuzzReport } from './fuzzer.ts';
import { fuzz } from './fuzzer.ts';
import { mutateBytes, mutateValue } from './mutate.ts';

const strategy = configMaps.strategy as Strategy<ApiObject>;
const original = { ...strategy };
afterEach(() => {
  for (const key of Object.keys(strategy)) delete strategy[key as keyof typeof strategy];
  Object.assign(strategy, original);
});

type Data = ApiObject & { data?: Record<string, string>; immutable?: boolean };

/** Few replays: each costs a server. */
const run = (seed: number, plant?: Plant): Promise<FuzzReport> =>
  fuzz({ seed, seconds: 20, plurals: ['configmaps'], shrinkBudget: 1, ...(plant && { plant }) });

describe('fuzz()', () => {
  it('finds nothing in a short run over every kind', async () => {
    const { failures, requests, counts } = await fuzz({ seed: 7, seconds: 2, shrinkBudget: 8 });
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(50);
    expect(counts['2xx']).toBeGreaterThan(0);
    expect(counts['4xx']).toBeGreaterThan(0);
  });

  it('finds a strategy that throws, and says what is enough for it', async () => {
    strategy.validate = (object) => {
      if ((object as Data).immutable !== undefined) throw new TypeError('planted');
      return original.validate?.(object) ?? [];
    };
    const { failures, seed } = await run(11);
    expect(failures).toEqual([expect.objectContaining({ what: 'no 5xx', detail: expect.stringContaining('planted') })]);
    expect(failures[0]!.reproduction).toContain('"immutable":');
    expect(seed).toBe(11);
  });

  it('finds a validation that takes quadratic time', async () => {
    strategy.validate = (object) => {
      const keys = Object.keys((object as Data).data ?? {});
      let equal = 0;
      for (const one of keys) for (const other of keys) if (`${one}/x` === `${other}/x`) equal++;
      return equal < 0 ? [] : (original.validate?.(object) ?? []);
    };
    const { failures } = await run(24);
    expect(failures.map(({ what }) => what)).toEqual(['processor time']);
  });

  it('finds a default that changes with every reading', async () => {
    let count = 0;
    strategy.default = (object) => void ((object as Data).data = { ...(object as Data).data, count: String(count++) });
    const { failures } = await run(13);
    expect(failures.map(({ what }) => what)).toEqual([
      expect.stringMatching(/^(read back|update as it is|apply twice)$/),
    ]);
  });
});

describe('a planted refusal', () => {
  it('is found when it leaves something behind', async () => {
    let count = 0;
    const { failures } = await run(14, ({ store, kinds, storage }) => {
      const kind = kinds.find(({ resource }) => resource === (configMaps as unknown))!;
      store.addHook(kind, {
        async beforeCreate(object) {
          await storage.create(`/registry/left/${count++}`, Buffer.from('{}'));
          throw forbiddenError({ group: '', resource: 'configmaps' }, object.metadata.name ?? '', 'planted');
        },
      });
    });
    expect(failures.map(({ what }) => what)).toEqual(['a refused request changes nothing']);
  });
});

describe('Choices', () => {
  it('decides the same for the same seed', () => {
    const decide = (seed: number): number[] => {
      const choices = new Choices(seed);
      return Array.from({ length: 20 }, () => choices.below(1000));
    };
    expect(decide(1)).toEqual(decide(1));
    expect(decide(1)).not.toEqual(decide(2));
  });
});

describe('mutations', () => {
  it('change a copy', () => {
    const value = { metadata: { name: 'a' }, list: [1, { b: true }] };
    const before = JSON.stringify(value);
    const choices = new Choices(3);
    const mutants = Array.from({ length: 200 }, () => encodeHostile(mutateValue(value, choices, 1)));
    expect(JSON.stringify(value)).toBe(before);
    expect(new Set(mutants).size).toBeGreaterThan(50);
    expect(mutateBytes(Buffer.from(before), choices)).not.toEqual(Buffer.from(before));
  });

  it('write what JavaScript cannot hold', () => {
    const value = [placeholder('NUMBER', '1e999'), placeholder('DEEP', 3), placeholder('LONG', 2)];
    expect(encodeHostile(value)).toBe('[1e999,[[[]]],"aa!"]');
  });
});
