import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseQuantity, Quantity, QuantityError, tryParseQuantity, ZERO_QUANTITY } from './quantity.ts';

describe('parseQuantity()', () => {
  it.each([
    ['100m', '100m', 1, 100],
    ['128Mi', '128Mi', 134217728, 134217728000],
    ['1', '1', 1, 1000],
    ['0', '0', 0, 0],
    ['1000m', '1', 1, 1000],
    ['1500m', '1500m', 2, 1500],
    ['1.5', '1500m', 2, 1500],
    ['0.1', '100m', 1, 100],
    ['1024Ki', '1Mi', 1048576, 1048576000],
    ['1.5Gi', '1536Mi', 1610612736, 1610612736000],
    ['1024', '1024', 1024, 1024000],
    ['1000', '1k', 1000, 1000000],
    ['10000k', '10M', 1e7, 1e10],
    ['1e3', '1e3', 1000, 1e6],
    ['12E2', '1200', 1200, 1.2e6],
    ['1e+3', '1e+3', 1000, 1e6],
    ['100u', '100u', 1, 1],
    ['1n', '1n', 1, 1],
    ['0.1n', '1n', 1, 1],
    ['-1.1n', '-2n', -1, -1],
    ['-0.5', '-500m', -1, -500],
    ['0.5Ki', '512', 512, 512000],
    ['0.0001Ki', '102400u', 1, 103],
    ['16Ei', '9223372036854775807', 2 ** 63, 2 ** 63 * 1000],
    ['1E', '1E', 1e18, 1e21],
    ['1000E', '1000E', 1e21, 1e24],
    ['.5', '500m', 1, 500],
    ['5.', '5.', 5, 5000],
    ['1.500', '1.500', 2, 1500],
  ])('reads %s as %s', (text, canonical, value, milli) => {
    const quantity = parseQuantity(text);
    expect(quantity.toString()).toBe(canonical);
    expect(quantity.value()).toBe(value);
    expect(quantity.milliValue()).toBe(milli);
  });

  it('takes JSON numbers', () => {
    expect(parseQuantity(2).toString()).toBe('2');
    expect(parseQuantity(0.25).toString()).toBe('250m');
    expect(parseQuantity(1e21).value()).toBe(1e21);
  });

  it.each([
    ['', /must match the regular expression/],
    ['abc', /must match the regular expression/],
    ['1 Gi', /must match the regular expression/],
    ['1.2.3', /must match the regular expression/],
    ['1Kb', /must match the regular expression/],
    ['1ki', /suffix/],
    ['1mm', /suffix/],
    ['1e', /suffix/],
    ['1e999999999', /suffix/],
    ['9'.repeat(300), /numeric/],
  ])('refuses %j', (text, message) => {
    expect(() => parseQuantity(text)).toThrow(QuantityError);
    expect(() => parseQuantity(text)).toThrow(message);
    expect(tryParseQuantity(text)).toBeUndefined();
  });

  it('refuses long hostile text', () => {
    expect(() => parseQuantity(`${'1'.repeat(100_000)}x`)).toThrow(QuantityError);
  });
});

describe('Quantity', () => {
  const suffixes = fc.constantFrom('', 'm', 'u', 'n', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'Ti', 'e3', 'E-2');
  const texts = fc
    .tuple(fc.constantFrom('', '-'), fc.nat({ max: 99_999_999 }), fc.option(fc.nat({ max: 999 })), suffixes)
    .map(([sign, whole, part, suffix]) => `${sign}${whole}${part === null ? '' : `.${part}`}${suffix}`);

  it('keeps its amount through its canonical text', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const quantity = parseQuantity(text);
        const canonical = new Quantity(quantity.nano, quantity.format).toString();
        expect(parseQuantity(canonical).nano).toBe(quantity.nano);
        expect(parseQuantity(canonical).toString()).toBe(canonical);
      }),
    );
  });

  it('adds and subtracts exactly', () => {
    fc.assert(
      fc.property(texts, texts, (left, right) => {
        const [a, b] = [parseQuantity(left), parseQuantity(right)];
        expect(a.add(b).sub(b).cmp(a)).toBe(0);
        expect(a.cmp(b) + b.cmp(a)).toBe(0);
      }),
    );
  });

  it('takes the format of what is added to zero', () => {
    expect(ZERO_QUANTITY.add(parseQuantity('1Gi')).toString()).toBe('1Gi');
    expect(parseQuantity('1Gi').add(parseQuantity('1G')).toString()).toBe('2073741824');
    expect(parseQuantity('1G').add(parseQuantity('1Gi')).toString()).toBe('2073741824');
    expect(parseQuantity('100m').add(parseQuantity('900m')).toString()).toBe('1');
  });

  it('rounds up to thousandths', () => {
    expect(parseQuantity('100u').roundUpToMilli().toString()).toBe('1m');
    expect(parseQuantity('-100u').roundUpToMilli().toString()).toBe('-1m');
    expect(parseQuantity('2').roundUpToMilli().toString()).toBe('2');
  });
});
