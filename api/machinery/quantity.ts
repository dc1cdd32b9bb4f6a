/**
 * Resource quantities (`100m`, `128Mi`, `1e3`) with Go's arithmetic, rounding and canonical form
 * (apimachinery `api/resource/quantity.go`). A quantity is a whole number of nano units; smaller parts round away from
 * 0.
 */
export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

/** Texts of `resource.ErrFormatWrong`, `ErrNumeric` and `ErrSuffix`. */
const FORMAT_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const NUMERIC_WRONG = 'unable to parse numeric part of quantity';
const SUFFIX_WRONG = "unable to parse quantity's suffix";

/** Thrown by `parseQuantity`; the message is upstream's. */
export class QuantityError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'QuantityError';
  }
}

const DECIMAL_EXPONENTS: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const DECIMAL_SUFFIXES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(DECIMAL_EXPONENTS).map(([suffix, exponent]) => [exponent, suffix]),
);
const BINARY_SUFFIXES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const;

/** Longer texts and exponents would cost time for nothing anyone means. */
const MAX_TEXT_LENGTH = 256;
const MAX_EXPONENT = 256;

const NANO = 1_000_000_000n;
const MILLI_IN_NANO = 1_000_000n;
const MAX_INT64 = 2n ** 63n - 1n;
const PARTS = /^([+-]?)0*(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)$/;

/** An immutable quantity. */
export class Quantity {
  /** The amount in units of 10⁻⁹. */
  readonly nano: bigint;
  readonly format: QuantityFormat;
  #text: string | undefined;
  #milli: number | undefined;

  /** `text` is the form to print when it is already known; else it is worked out on demand. */
  constructor(nano: bigint, format: QuantityFormat = 'DecimalSI', text?: string) {
    this.nano = nano;
    this.format = format;
    this.#text = text;
  }
  /** Rounded away from zero to whole units. */
  value(): number {
    return Number(divideAwayFromZero(this.nano, NANO));
  }
  /** Rounded away from zero to thousandths. */
  milliValue(): number {
    return (this.#milli ??= Number(divideAwayFromZero(this.nano, MILLI_IN_NANO)));
  }
  /** The canonical text. */
  toString(): string {
    return (this.#text ??= canonicalText(this.nano, this.format));
  }
  /** The canonical text, as it is written to JSON. */
  toJSON(): string {
    return this.toString();
  }
  isZero(): boolean {
    return this.nano === 0n;
  }
  sign(): -1 | 0 | 1 {
    return this.nano === 0n ? 0 : this.nano < 0n ? -1 : 1;
  }
  cmp(other: Quantity): -1 | 0 | 1 {
    return this.nano === other.nano ? 0 : this.nano < other.nano ? -1 : 1;
  }
  /** The sum; it takes the format of `other` when this is zero. */
  add(other: Quantity): Quantity {
    return new Quantity(this.nano + other.nano, this.isZero() ? other.format : this.format);
  }
  /** The difference; it takes the format of `other` when this is zero. */
  sub(other: Quantity): Quantity {
    return new Quantity(this.nano - other.nano, this.isZero() ? other.format : this.format);
  }
  neg(): Quantity {
    return new Quantity(-this.nano, this.format);
  }
  mul(factor: number): Quantity {
    return new Quantity(this.nano * BigInt(factor), this.format);
  }
  /** Rounded away from zero to thousandths: what resource lists are stored with. */
  roundUpToMilli(): Quantity {
    if (this.nano % MILLI_IN_NANO === 0n) return this;
    return new Quantity(divideAwayFromZero(this.nano, MILLI_IN_NANO) * MILLI_IN_NANO, this.format);
  }
}

export const ZERO_QUANTITY = new Quantity(0n, 'DecimalSI', '0');

/** Few distinct texts make up nearly all pods: parsed ones are kept, up to this many. */
const MAX_CACHED = 4096;
const cache = new Map<string, Quantity>();

/** Parses a quantity as it stands in JSON; throws `QuantityError`. */
export function parseQuantity(input: string | number): Quantity {
  const text = typeof input === 'number' ? String(input) : input;
  const known = cache.get(text);
  if (known !== undefined) return known;
  const quantity = parseText(text);
  if (cache.size >= MAX_CACHED) cache.clear();
  cache.set(text, quantity);
  return quantity;
}

/** `parseQuantity` for optional and unchecked fields: `undefined` when there is none or it does not parse. */
export function tryParseQuantity(input: unknown): Quantity | undefined {
  if (typeof input !== 'string' && typeof input !== 'number') return undefined;
  try {
    return parseQuantity(input);
  } catch {
    return undefined;
  }
}

export function quantityFromInteger(value: number, format: QuantityFormat = 'DecimalSI'): Quantity {
  return new Quantity(BigInt(value) * NANO, format);
}

export function quantityFromMilli(milli: number, format: QuantityFormat = 'DecimalSI'): Quantity {
  return new Quantity(BigInt(milli) * MILLI_IN_NANO, format);
}

interface Suffix {
  base: 2 | 10;
  exponent: number;
  format: QuantityFormat;
}

function parseText(text: string): Quantity {
  if (text.length > MAX_TEXT_LENGTH) throw new QuantityError(NUMERIC_WRONG);
  const parts = text === '' ? null : PARTS.exec(text);
  if (parts === null) throw new QuantityError(FORMAT_WRONG);
  const [, sign, stripped, fraction = '', suffixText] = parts;
  const suffix = interpretSuffix(suffixText!);
  const whole = stripped === '' ? '0' : stripped!;
  const digits = whole + fraction;
  const magnitude = BigInt(digits);
  const positive =
    suffix.base === 10
      ? shiftDecimal(magnitude, suffix.exponent - fraction.length + 9)
      : shiftDecimal(magnitude << BigInt(suffix.exponent), 9 - fraction.length);
  const limited = suffix.base === 2 && positive > MAX_INT64 * NANO ? MAX_INT64 * NANO : positive;
  const format = suffix.base === 2 && limited > 0n && limited < NANO ? 'DecimalSI' : suffix.format;
  const nano = sign === '-' ? -limited : limited;
  return new Quantity(nano, format, keepsText({ suffix, digits, fraction }) ? text : undefined);
}

/** Go prints what was written when a few quick tests say that it is canonical, though `1.500` is not. */
function keepsText(parsed: { suffix: Suffix; digits: string; fraction: string }): boolean {
  const { suffix, digits, fraction } = parsed;
  if (suffix.base === 2) {
    const precision = 14 - digits.length - Math.trunc((suffix.exponent * 3) / 10);
    return fraction === '' && precision >= 0 && (Number(digits.slice(-3)) & 7) !== 0;
  }
  const scale = suffix.exponent - fraction.length;
  if (digits.length > 18 || scale < -9 || scale % 3 !== 0) return false;
  return !digits.endsWith('000') && digits[0] !== '0';
}

function interpretSuffix(text: string): Suffix {
  const decimal = DECIMAL_EXPONENTS[text];
  if (decimal !== undefined) return { base: 10, exponent: decimal, format: 'DecimalSI' };
  const binary = BINARY_SUFFIXES.indexOf(text as 'Ki');
  if (binary > 0) return { base: 2, exponent: binary * 10, format: 'BinarySI' };
  if (/^[eE][-+]?\d+$/.test(text)) {
    const exponent = Number(text.slice(1));
    if (Math.abs(exponent) <= MAX_EXPONENT) return { base: 10, exponent, format: 'DecimalExponent' };
  }
  throw new QuantityError(SUFFIX_WRONG);
}

function shiftDecimal(magnitude: bigint, places: number): bigint {
  return places >= 0 ? magnitude * 10n ** BigInt(places) : divideAwayFromZero(magnitude, 10n ** BigInt(-places));
}

function divideAwayFromZero(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  if (dividend % divisor === 0n) return quotient;
  return dividend < 0n ? quotient - 1n : quotient + 1n;
}

function canonicalText(nano: bigint, format: QuantityFormat): string {
  if (nano === 0n) return '0';
  const isSmall = nano > -1024n * NANO && nano < 1024n * NANO;
  if (format === 'BinarySI' && !isSmall && nano % NANO === 0n) return binaryText(nano / NANO);
  return decimalText(nano, format === 'DecimalExponent');
}

function binaryText(value: bigint): string {
  let rest = value;
  let step = 0;
  while (step < BINARY_SUFFIXES.length - 1 && rest % 1024n === 0n) {
    rest /= 1024n;
    step++;
  }
  return `${rest}${BINARY_SUFFIXES[step]!}`;
}

function decimalText(nano: bigint, asExponent: boolean): string {
  let mantissa = nano;
  let exponent = -9;
  while (mantissa % 1000n === 0n && (asExponent || exponent < 18)) {
    mantissa /= 1000n;
    exponent += 3;
  }
  if (!asExponent) return `${mantissa}${DECIMAL_SUFFIXES[exponent]!}`;
  return exponent === 0 ? `${mantissa}` : `${mantissa}e${exponent}`;
}
