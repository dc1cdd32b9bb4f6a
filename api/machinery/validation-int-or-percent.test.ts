import { describe, expect, it } from '@jest/globals';
import { fieldPath, formatFieldError } from './field-error.ts';
import {
  isNotMoreThan100Percent,
  isZeroIntOrPercent,
  scaledIntOrPercent,
  validatePositiveIntOrPercent,
} from './validation-int-or-percent.ts';

const path = fieldPath('x');

describe('counts and percentages', () => {
  it.each([0, 3, '0%', '250%'])('%p is one', (value) => {
    expect(validatePositiveIntOrPercent(value, path)).toEqual([]);
  });

  it.each([-1, '-1%', '5', '', '1.5%', '10%\n'])('%p is none', (value) => {
    expect(validatePositiveIntOrPercent(value, path)).toHaveLength(1);
  });

  it('isNotMoreThan100Percent() bounds percentages only', () => {
    expect(isNotMoreThan100Percent(500, path)).toEqual([]);
    expect(isNotMoreThan100Percent('100%', path)).toEqual([]);
    expect(isNotMoreThan100Percent('101%', path).map(formatFieldError)).toEqual([
      'x: Invalid value: "101%": must not be greater than 100%',
    ]);
  });

  it('scaledIntOrPercent() rounds as asked', () => {
    expect(scaledIntOrPercent('25%', 10, 'up')).toBe(3);
    expect(scaledIntOrPercent('25%', 10, 'down')).toBe(2);
    expect(scaledIntOrPercent(7, 10, 'down')).toBe(7);
    expect(() => scaledIntOrPercent('7', 10, 'up')).toThrow('invalid value for IntOrString');
    expect([isZeroIntOrPercent('0%'), isZeroIntOrPercent(0), isZeroIntOrPercent('x'), isZeroIntOrPercent(1)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
