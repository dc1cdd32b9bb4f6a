import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import { MANDATORY_PRIORITY_LEVELS, SUGGESTED_PRIORITY_LEVELS } from './bootstrap.ts';
import { priorityLevelConfigurations as kind } from './priority-level-configuration.ts';
import type { PriorityLevel } from './priority-level-configuration.ts';

const named = (name: string, spec: object): PriorityLevel => ({ metadata: { name }, spec }) as PriorityLevel;
const errorsOf = (object: PriorityLevel): string[] => kind.strategy.validate!(object).map(formatFieldError);
const limited = (fields: object): PriorityLevel => named('l', { type: 'Limited', limited: fields });
const queuing = (fields: object): string[] =>
  errorsOf(
    limited({
      limitResponse: { type: 'Queue', queuing: { queues: 64, handSize: 8, queueLengthLimit: 50, ...fields } },
    }),
  );

describe('priority levels', () => {
  it('have defaults', () => {
    const object = limited({ limitResponse: { type: 'Queue', queuing: {} } });
    kind.strategy.default!(object);
    expect(object.spec!.limited).toEqual({
      nominalConcurrencyShares: 30,
      lendablePercent: 0,
      limitResponse: { type: 'Queue', queuing: { queues: 64, handSize: 8, queueLengthLimit: 50 } },
    });
    const zero = limited({ nominalConcurrencyShares: 0, limitResponse: { type: 'Reject' } });
    kind.strategy.default!(zero);
    expect(zero.spec!.limited!.nominalConcurrencyShares).toBe(0);
    const exempt = named('exempt', { type: 'Exempt', exempt: {} });
    kind.strategy.default!(exempt);
    expect(exempt.spec!.exempt).toEqual({ nominalConcurrencyShares: 0, lendablePercent: 0 });
  });

  it('are valid as every cluster begins with them, and no default changes them', () => {
    const all = [...MANDATORY_PRIORITY_LEVELS, ...SUGGESTED_PRIORITY_LEVELS];
    expect(all).toHaveLength(8);
    for (const object of all) {
      const copy = structuredClone(object);
      kind.strategy.default!(copy);
      expect(copy).toEqual(object);
      expect(errorsOf(copy)).toEqual([]);
    }
  });

  it('may not change where they are mandatory', () => {
    const [exempt, catchAll] = MANDATORY_PRIORITY_LEVELS as [PriorityLevel, PriorityLevel];
    const lending = named('exempt', { ...exempt.spec, exempt: { nominalConcurrencyShares: 7, lendablePercent: 10 } });
    expect(errorsOf(lending)).toEqual([]);
    const other = named('catch-all', {
      ...catchAll.spec,
      limited: { ...catchAll.spec!.limited, nominalConcurrencyShares: 6 },
    });
    expect(errorsOf(other)).toEqual([
      expect.stringMatching(/^spec: Invalid value: .*: spec of 'catch-all' must equal the fixed value$/),
    ]);
    expect(errorsOf(named('exempt', { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } }))).toEqual([
      `spec.type: Invalid value: "Limited": type must be 'Exempt' if and only if name is 'exempt'`,
      expect.stringMatching(/: spec of 'exempt' except the 'spec.exempt' field must equal the fixed value$/),
    ]);
  });

  it('check type, shares and percentages', () => {
    expect(errorsOf(named('l', { type: 'Other' }))).toEqual([
      'spec.type: Unsupported value: "Other": supported values: "Exempt", "Limited"',
    ]);
    expect(errorsOf(named('l', { type: 'Limited' }))).toEqual([
      'spec.limited: Required value: must not be empty when type is Limited',
    ]);
    expect(
      errorsOf(
        limited({
          nominalConcurrencyShares: -1,
          lendablePercent: 101,
          borrowingLimitPercent: -1,
          limitResponse: { type: 'X' },
        }),
      ),
    ).toEqual([
      'spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer',
      'spec.limited.limitResponse.type: Unsupported value: "X": supported values: "Queue", "Reject"',
      'spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive',
      'spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer',
    ]);
  });

  it('check queues', () => {
    const at = 'spec.limited.limitResponse.queuing';
    expect(queuing({})).toEqual([]);
    expect(queuing({ queues: 0, queueLengthLimit: -1, handSize: 0 })).toEqual([
      `${at}.queueLengthLimit: Invalid value: -1: must be positive`,
      `${at}.queues: Invalid value: 0: must be positive`,
      `${at}.handSize: Invalid value: 0: must be positive`,
    ]);
    expect(queuing({ handSize: 65 })).toEqual([
      `${at}.handSize: Invalid value: 65: should not be greater than queues (64)`,
    ]);
    expect(queuing({ queues: 512, handSize: 8 })).toEqual([
      `${at}.handSize: Invalid value: 8: required entropy bits of deckSize 512 and handSize 8 should not be greater than 60`,
    ]);
    expect(queuing({ queues: 10_000_001, handSize: 1 })).toEqual([
      `${at}.queues: Invalid value: 10000001: must not be greater than 10000000`,
    ]);
    expect(queuing({ queues: 2_000_000_000, handSize: 1_900_000_000 })).toHaveLength(2);
    expect(errorsOf(limited({ limitResponse: { type: 'Reject', queuing: {} } }))).toEqual([
      `${at}: Forbidden: must be nil if limited.limitResponse.type is not Limited`,
    ]);
    expect(errorsOf(limited({ limitResponse: { type: 'Queue' } }))).toEqual([
      `${at}: Required value: must not be empty if limited.limitResponse.type is Limited`,
    ]);
  });

  it('have each condition once', () => {
    const object = { ...limited({}), status: { conditions: [{ type: 'A' }, { type: 'A' }, {}] } } as PriorityLevel;
    expect(kind.strategy.status!.validateUpdate!(object, object).map(formatFieldError)).toEqual([
      'status.conditions[1].type: Duplicate value: "A"',
      'status.conditions[2].type: Required value: must not be empty',
    ]);
  });

  it('show their limits', () => {
    const cells = (object: PriorityLevel): unknown[] =>
      kind.additionalPrinterColumns.slice(0, 5).map(({ cell }) => cell(object, 0));
    expect(cells(MANDATORY_PRIORITY_LEVELS[0]!)).toEqual(['Exempt', '<none>', '<none>', '<none>', '<none>']);
    expect(cells(MANDATORY_PRIORITY_LEVELS[1]!)).toEqual(['Limited', 5, '<none>', '<none>', '<none>']);
    expect(cells(SUGGESTED_PRIORITY_LEVELS[0]!)).toEqual(['Limited', 30, 64, 6, 50]);
  });
});
