/**
 * Assignability of types with parameters, and what parameters stand for (cel-go, checker/types.go). `dyn` is
 * assignable both ways.
 */
import { type CelType, DYN, typeName } from './types.ts';

/** What is known of parameters while one expression is checked; what a failed attempt learnt is forgotten. */
export class Substitutions {
  readonly #types = new Map<string, CelType>();
  readonly #trail: { name: string; before: CelType | undefined }[] = [];

  get(name: string): CelType | undefined {
    return this.#types.get(name);
  }

  set(name: string, type: CelType): void {
    this.#trail.push({ name, before: this.#types.get(name) });
    this.#types.set(name, type);
  }

  /** Whether `attempt` succeeds; what it learnt is kept only then. */
  try(attempt: () => boolean): boolean {
    const mark = this.#trail.length;
    if (attempt()) {
      return true;
    }
    while (this.#trail.length > mark) {
      const { name, before } = this.#trail.pop() as { name: string; before: CelType | undefined };
      if (before === undefined) {
        this.#types.delete(name);
      } else {
        this.#types.set(name, before);
      }
    }
    return false;
  }
}

export function isDynamic(type: CelType): boolean {
  return type.kind === 'dyn' || type.kind === 'any' || type.kind === 'error';
}

/** Whether each type is assignable to its counterpart; all or nothing is learnt. */
export function assignAll(known: Substitutions, from: readonly CelType[], to: readonly CelType[]): boolean {
  return (
    from.length === to.length &&
    known.try(() => from.every((type, index) => assignable(known, type, to[index] as CelType)))
  );
}

function assignable(known: Substitutions, a: CelType, b: CelType): boolean {
  if (b.kind === 'parameter') {
    const tried = substitute1(known, a, b.name);
    if (tried.valid || tried.had) {
      return tried.valid;
    }
  }
  if (a.kind === 'parameter') {
    return substitute1(known, b, a.name).valid;
  }
  if (isDynamic(a) || isDynamic(b)) {
    return true;
  }
  if (a.kind === 'null' || b.kind === 'null') {
    return isNullable(a.kind === 'null' ? b : a);
  }
  return sameShape(known, a, b);
}

function isNullable(type: CelType): boolean {
  return ['null', 'object', 'opaque', 'duration', 'timestamp'].includes(type.kind);
}

function sameShape(known: Substitutions, a: CelType, b: CelType): boolean {
  if (a.kind !== b.kind) {
    return false;
  }
  const partsB = partsOf(b);
  return (
    nameOf(a) === nameOf(b) &&
    partsOf(a).length === partsB.length &&
    partsOf(a).every((part, index) => assignable(known, part, partsB[index] as CelType))
  );
}

/** Tries `type` as what the parameter stands for. */
function substitute1(known: Substitutions, type: CelType, name: string): { valid: boolean; had: boolean } {
  if (type.kind === 'parameter' && type.name === name) {
    return { valid: true, had: true };
  }
  const current = known.get(name);
  if (current === undefined) {
    const free = !occurs(known, name, type);
    if (free) {
      known.set(name, type);
    }
    return { valid: free, had: false };
  }
  if (isExact(type, current)) {
    return { valid: true, had: true };
  }
  if (!assignable(known, type, current)) {
    return { valid: false, had: true };
  }
  const general = mostGeneral(type, current);
  if (!occurs(known, name, general)) {
    known.set(name, general);
  }
  return { valid: true, had: true };
}

function occurs(known: Substitutions, name: string, within: CelType): boolean {
  if (within.kind === 'parameter') {
    const next = known.get(within.name);
    return within.name === name || (next !== undefined && occurs(known, name, next));
  }
  if (within.kind === 'type') {
    return within.of !== undefined && occurs(known, name, within.of);
  }
  return partsOf(within).some((part) => occurs(known, name, part));
}

/** Types that the type is made of. The type in `type(x)` takes no part: all types of types agree. */
function partsOf(type: CelType): readonly CelType[] {
  switch (type.kind) {
    case 'list':
      return [type.element];
    case 'map':
      return [type.key, type.value];
    case 'opaque':
      return type.parameters;
    default:
      return [];
  }
}

function nameOf(type: CelType): string {
  return type.kind === 'object' || type.kind === 'opaque' ? type.name : type.kind;
}

export function isExact(a: CelType, b: CelType): boolean {
  if (a === b) {
    return true;
  }
  const partsB = partsOf(b);
  return (
    a.kind === b.kind &&
    typeName(a) === typeName(b) &&
    partsOf(a).length === partsB.length &&
    partsOf(a).every((part, index) => isExact(part, partsB[index] as CelType))
  );
}

export function mostGeneral(a: CelType, b: CelType): CelType {
  if (a.kind === 'null' || b.kind === 'null') {
    return a.kind === 'null' ? b : a;
  }
  return isLessOrEquallySpecific(a, b) ? a : b;
}

function isLessOrEquallySpecific(a: CelType, b: CelType): boolean {
  if (isDynamic(a) || a.kind === 'parameter') {
    return true;
  }
  if (isDynamic(b) || b.kind === 'parameter' || a.kind !== b.kind) {
    return false;
  }
  const partsB = partsOf(b);
  return (
    nameOf(a) === nameOf(b) &&
    partsOf(a).length === partsB.length &&
    partsOf(a).every((part, index) => isLessOrEquallySpecific(part, partsB[index] as CelType))
  );
}

/** The type with its parameters replaced; unknown ones stay, or become `dyn`. */
export function substitute(known: Substitutions, type: CelType, unknownToDyn: boolean): CelType {
  switch (type.kind) {
    case 'parameter': {
      const found = known.get(type.name);
      return found === undefined ? (unknownToDyn ? DYN : type) : substitute(known, found, unknownToDyn);
    }
    case 'list':
      return keepIfSame(type, { ...type, element: substitute(known, type.element, unknownToDyn) });
    case 'map': {
      const key = substitute(known, type.key, unknownToDyn);
      return keepIfSame(type, { ...type, key, value: substitute(known, type.value, unknownToDyn) });
    }
    case 'opaque': {
      const parameters = type.parameters.map((part) => substitute(known, part, unknownToDyn));
      return keepIfSame(type, { ...type, parameters });
    }
    case 'type':
      return type.of === undefined ? type : { kind: 'type', of: substitute(known, type.of, unknownToDyn) };
    default:
      return type;
  }
}

/** Types keep their identity when nothing changed: adapters are kept by it. */
function keepIfSame(type: CelType, changed: CelType): CelType {
  const before = partsOf(type);
  return partsOf(changed).every((part, index) => part === before[index]) ? type : changed;
}

/** The type with its parameters renamed, so that each call has its own. */
export function instantiate(type: CelType, suffix: string): CelType {
  switch (type.kind) {
    case 'parameter':
      return { kind: 'parameter', name: type.name + suffix };
    case 'list':
      return { ...type, element: instantiate(type.element, suffix) };
    case 'map':
      return { ...type, key: instantiate(type.key, suffix), value: instantiate(type.value, suffix) };
    case 'opaque':
      return { ...type, parameters: type.parameters.map((part) => instantiate(part, suffix)) };
    case 'type':
      return type.of === undefined ? type : { kind: 'type', of: instantiate(type.of, suffix) };
    default:
      return type;
  }
}

/** Whether the type, written out, has more parts than `limit`: variables can double a type with every use. */
export function isLarger(type: CelType, limit: number): boolean {
  let left = limit;
  const count = (part: CelType): boolean => --left < 0 || partsOf(part).some(count);
  return count(type);
}
