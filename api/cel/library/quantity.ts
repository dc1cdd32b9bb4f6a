/** Quantities (`k8s.io/apiserver/pkg/cel/library/quantity.go`). */
import { parseQuantity, Quantity, quantityFromInteger, tryParseQuantity } from '../../machinery/quantity.ts';
import { CelError } from '../cel.ts';
import { globalOverload, type Library, memberOverload } from '../declarations.ts';
import { BOOL, DOUBLE, INT, opaque, STRING } from '../types.ts';
import { OpaqueValue } from '../values.ts';

export const QUANTITY_TYPE = opaque('kubernetes.Quantity');
const NANO = 1_000_000_000n;

class QuantityValue extends OpaqueValue {
  readonly typeName = QUANTITY_TYPE.name;
  readonly quantity: Quantity;

  constructor(quantity: Quantity) {
    super();
    this.quantity = quantity;
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof QuantityValue && other.quantity.cmp(this.quantity) === 0;
  }
}

function toQuantity(text: string): QuantityValue {
  try {
    return new QuantityValue(parseQuantity(text));
  } catch (error) {
    throw new CelError(error instanceof Error ? error.message : String(error));
  }
}

/** The whole number that it is; undefined: it is none, or too large. */
function integerOf({ quantity }: QuantityValue): bigint | undefined {
  const whole = quantity.nano / NANO;
  return quantity.nano % NANO === 0n && BigInt.asIntN(64, whole) === whole ? whole : undefined;
}

function asInteger(value: QuantityValue): bigint {
  const integer = integerOf(value);
  if (integer === undefined) {
    throw new CelError('cannot convert value to integer');
  }
  return integer;
}

const fromInt = (value: bigint): Quantity =>
  BigInt.asIntN(53, value) === value
    ? quantityFromInteger(Number(value), 'DecimalExponent')
    : new Quantity(value * NANO, 'DecimalExponent');

function combine(id: 'add' | 'sub'): NonNullable<Library['functions']>[number] {
  const call = (a: QuantityValue, b: Quantity): QuantityValue => new QuantityValue(a.quantity[id](b));
  return {
    name: id,
    overloads: [
      memberOverload(
        `quantity_${id}`,
        [QUANTITY_TYPE, QUANTITY_TYPE],
        QUANTITY_TYPE,
        (a: QuantityValue, b: QuantityValue) => call(a, b.quantity),
      ),
      memberOverload(`quantity_${id}_int`, [QUANTITY_TYPE, INT], QUANTITY_TYPE, (a: QuantityValue, b: bigint) =>
        call(a, fromInt(b)),
      ),
    ],
  };
}

export const QUANTITY_LIBRARY: Library = {
  name: 'quantity',
  functions: [
    { name: 'quantity', overloads: [globalOverload('string_to_quantity', [STRING], QUANTITY_TYPE, toQuantity)] },
    {
      name: 'isQuantity',
      overloads: [
        globalOverload('is_quantity_string', [STRING], BOOL, (text: string) => tryParseQuantity(text) !== undefined),
      ],
    },
    {
      name: 'sign',
      overloads: [
        memberOverload('quantity_sign', [QUANTITY_TYPE], INT, (a: QuantityValue) => BigInt(a.quantity.sign())),
      ],
    },
    {
      name: 'isGreaterThan',
      overloads: [
        memberOverload(
          'quantity_is_greater_than',
          [QUANTITY_TYPE, QUANTITY_TYPE],
          BOOL,
          (a: QuantityValue, b: QuantityValue) => a.quantity.cmp(b.quantity) > 0,
        ),
      ],
    },
    {
      name: 'isLessThan',
      overloads: [
        memberOverload(
          'quantity_is_less_than',
          [QUANTITY_TYPE, QUANTITY_TYPE],
          BOOL,
          (a: QuantityValue, b: QuantityValue) => a.quantity.cmp(b.quantity) < 0,
        ),
      ],
    },
    {
      name: 'compareTo',
      overloads: [
        memberOverload(
          'quantity_compare_to',
          [QUANTITY_TYPE, QUANTITY_TYPE],
          INT,
          (a: QuantityValue, b: QuantityValue) => BigInt(a.quantity.cmp(b.quantity)),
        ),
      ],
    },
    {
      name: 'asApproximateFloat',
      overloads: [
        memberOverload(
          'quantity_get_float',
          [QUANTITY_TYPE],
          DOUBLE,
          (a: QuantityValue) => Number(a.quantity.nano) / 1e9,
        ),
      ],
    },
    { name: 'asInteger', overloads: [memberOverload('quantity_get_int', [QUANTITY_TYPE], INT, asInteger)] },
    {
      name: 'isInteger',
      overloads: [
        memberOverload('quantity_is_integer', [QUANTITY_TYPE], BOOL, (a: QuantityValue) => integerOf(a) !== undefined),
      ],
    },
    combine('add'),
    combine('sub'),
  ],
};
