/**
 * Makes a checked tree executable: every node becomes a function of a frame. Costs are charged as cel-go's runtime
 * charges them (interpreter/runtimecost.go): names and selections 1, literals that are not constant 10 to 40.
 */
import { hasField, select, selectOptional } from './access.ts';
import { adapterOf } from './adapt.ts';
import type { ComprehensionExpr, Expr, ListExpr, MapExpr, SelectExpr, StructExpr } from './ast.ts';
import { CelError } from './cel.ts';
import { type CheckedExpr, checkedType } from './checked.ts';
import { compileCall } from './compile-calls.ts';
import { compileFold } from './compile-fold.ts';
import type { Compiler, Local } from './compiler.ts';
import type { Frame, Step } from './frame.ts';
import type { CallCosts } from './runtime-cost.ts';
import { DYN, type ObjectType } from './types.ts';
import { keyOf, LiteralMap, ListValue, MapValue, ObjectValue, OptionalValue, type Value } from './values.ts';

const SELECT_COST = 1;
const LIST_COST = 10;
const MAP_COST = 30;
const STRUCT_COST = 40;

export class TreeCompiler implements Compiler {
  readonly checked: CheckedExpr;
  readonly costs: CallCosts;
  /** Variables of the activation that the expression reads. */
  readonly reads = new Set<string>();
  readonly #locals: Local[] = [];

  constructor(checked: CheckedExpr, costs: CallCosts) {
    this.checked = checked;
    this.costs = costs;
  }

  compile(expr: Expr): Step {
    switch (expr.kind) {
      case 'literal': {
        const { value } = expr;
        return () => value;
      }
      case 'ident':
        return this.#ident(expr, expr.name);
      case 'select':
        return this.#select(expr);
      case 'call':
        return compileCall(this, expr);
      case 'list':
        return this.#list(expr);
      case 'map':
        return this.#map(expr);
      case 'struct':
        return this.#struct(expr);
      case 'comprehension':
        return this.#fold(expr);
    }
  }

  constant(expr: Expr): Value | undefined {
    if (expr.kind === 'literal') {
      return expr.value;
    }
    if (expr.kind === 'list' && expr.optional.size === 0) {
      const items = expr.elements.map((element) => this.constant(element));
      return items.includes(undefined) ? undefined : new ListValue(items);
    }
    if (expr.kind === 'map' && expr.entries.length > 0 && !expr.entries.some((entry) => entry.optional)) {
      return this.#constantMap(expr);
    }
    return undefined;
  }

  #constantMap(expr: MapExpr): MapValue | undefined {
    const map = new LiteralMap();
    for (const entry of expr.entries) {
      const key = this.constant(entry.key);
      const value = this.constant(entry.value);
      const mapKey = key === undefined || typeof key === 'number' ? undefined : keyOf(key);
      if (mapKey === undefined || value === undefined || map.has(mapKey)) {
        return undefined;
      }
      map.set(mapKey, value);
    }
    return new MapValue(map);
  }

  local(name: string): Local | undefined {
    return this.#locals.findLast((local) => local.name === name);
  }

  within<T>(locals: readonly Omit<Local, 'slot'>[], compile: (slots: number[]) => T): T {
    const depth = this.#locals.length;
    const slots = locals.map((local, index) => {
      this.#locals.push({ ...local, slot: depth + index });
      return depth + index;
    });
    const result = compile(slots);
    this.#locals.length = depth;
    return result;
  }

  #ident(expr: Expr, name: string): Step {
    const local = this.local(name);
    return local === undefined ? this.#named(expr, name) : readLocal(local);
  }

  #named(expr: Expr, name: string): Step {
    const declared = this.checked.names.get(expr.id);
    if (declared?.kind === 'constant') {
      const { value } = declared;
      return () => value;
    }
    const variable = declared?.name ?? name;
    const adapt = adapterOf(declared?.type ?? DYN);
    this.reads.add(variable);
    return (frame) => {
      frame.spend(SELECT_COST);
      return frame.variable(variable, adapt);
    };
  }

  #select(expr: SelectExpr): Step {
    const { field } = expr;
    if (this.checked.names.has(expr.id)) {
      return this.#named(expr, '');
    }
    const operand = this.compile(expr.operand);
    if (expr.test) {
      return (frame) => hasField(operand(frame), field);
    }
    return (frame) => {
      const value = operand(frame);
      frame.spend(SELECT_COST);
      return select(value, field);
    };
  }

  optionalSelect(operand: Step, field: string): Step {
    return (frame) => {
      const value = operand(frame);
      frame.spend(SELECT_COST);
      return selectOptional(value, field);
    };
  }

  #list(expr: ListExpr): Step {
    const constant = this.constant(expr);
    if (constant !== undefined && expr.elements.length > 0) {
      return () => constant;
    }
    const items = expr.elements.map((element) => this.compile(element));
    const { optional } = expr;
    return (frame) => {
      const values: Value[] = [];
      items.forEach((item, index) => {
        const value = item(frame);
        const kept = optional.has(index) ? unwrap(value) : value;
        if (kept !== undefined) {
          values.push(kept);
        }
      });
      frame.spend(LIST_COST);
      return new ListValue(values);
    };
  }

  #map(expr: MapExpr): Step {
    const constant = this.constant(expr);
    if (constant !== undefined) {
      return () => constant;
    }
    const entries = expr.entries.map((entry) => ({
      key: this.compile(entry.key),
      value: this.compile(entry.value),
      optional: entry.optional,
    }));
    return (frame) => {
      const map = new LiteralMap();
      for (const entry of entries) {
        const key = mapKey(entry.key(frame));
        const given = entry.value(frame);
        const value = entry.optional ? unwrap(given) : given;
        if (map.has(key)) {
          throw new CelError(`Failed with repeated key`);
        }
        if (value !== undefined) {
          map.set(key, value);
        }
      }
      frame.spend(MAP_COST);
      return new MapValue(map);
    };
  }

  #struct(expr: StructExpr): Step {
    const type = checkedType(this.checked, expr);
    if (type.kind !== 'object') {
      throw new CelError(`unknown type: ${expr.name}`);
    }
    const fields = expr.fields.map((field) => ({ ...field, step: this.compile(field.value) }));
    return (frame) => {
      const values = new Map<string, Value>();
      for (const field of fields) {
        const given = field.step(frame);
        const value = field.optional ? unwrap(given) : given;
        if (value !== undefined) {
          values.set(field.name, value);
        }
      }
      frame.spend(STRUCT_COST);
      return constructed(type, values);
    };
  }

  #fold(expr: ComprehensionExpr): Step {
    return compileFold(this, expr);
  }
}

/** An object of the type with these fields. */
export function constructed(type: ObjectType, values: ReadonlyMap<string, Value>): ObjectValue {
  return new ObjectValue(type, {
    size: values.size,
    get: (field) => values.get(field),
    has: (field) => values.has(field),
  });
}

function mapKey(value: Value): Exclude<ReturnType<typeof keyOf>, undefined> {
  const key = typeof value === 'number' ? undefined : keyOf(value);
  if (key === undefined) {
    throw new CelError('unsupported key type');
  }
  return key;
}

/** An optional entry's value; undefined: there is none. */
function unwrap(value: Value): Value | undefined {
  if (!(value instanceof OptionalValue)) {
    throw new CelError('cannot initialize optional entry with a non-optional value');
  }
  return value.value;
}

function readLocal(local: Local): Step {
  const { slot, lazy } = local;
  return (frame) => {
    frame.spend(SELECT_COST);
    const value = frame.locals[slot];
    if (value === undefined && lazy !== undefined) {
      return bindLazily(frame, slot, lazy);
    }
    if (value instanceof CelError) {
      throw value;
    }
    return value as Value;
  };
}

function bindLazily(frame: Frame, slot: number, lazy: Step): Value {
  const value = lazy(frame);
  frame.locals[slot] = value;
  return value;
}
