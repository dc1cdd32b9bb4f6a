/** All that an environment declares, by name, with the container's rules of looking names up. */
import type { FunctionDeclaration, Library, Macro, Overload } from './declarations.ts';
import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  NULL,
  type ObjectType,
  opaque,
  STRING,
  TIMESTAMP,
  TYPE,
  typeName,
  typeOf,
  UINT,
} from './types.ts';
import { TypeValue, type Value } from './values.ts';

export interface DeclaredConstant {
  readonly type: CelType;
  readonly value: Value;
}

/** What a name means: a variable of the activation, or a constant. */
export type DeclaredName =
  | { readonly kind: 'variable'; readonly name: string; readonly type: CelType }
  | ({ readonly kind: 'constant'; readonly name: string } & DeclaredConstant);

const NAMED_TYPES: readonly CelType[] = [
  BOOL, BYTES, DOUBLE, DURATION, INT, listOf(DYN), mapOf(DYN, DYN), NULL, STRING, TIMESTAMP, TYPE, UINT,
  opaque('optional_type', DYN),
]; // prettier-ignore

type ResolveType = (name: string) => ObjectType | undefined;

export class Declared {
  readonly container: string;
  readonly functions = new Map<string, FunctionDeclaration>();
  readonly macros = new Map<string, Macro[]>();
  readonly objects = new Map<string, ObjectType>();
  readonly #variables = new Map<string, CelType>();
  readonly #constants = new Map<string, DeclaredConstant>();

  readonly #resolveType: ResolveType | undefined;

  constructor(container: string, libraries: readonly Library[], resolveType?: ResolveType) {
    this.container = container;
    this.#resolveType = resolveType;
    for (const type of NAMED_TYPES) {
      this.#constants.set(typeName(type), { type: typeOf(type), value: new TypeValue(typeName(type)) });
    }
    for (const library of libraries) {
      this.#add(library);
    }
  }

  /** A copy with more variables and types; functions are shared. */
  extended(variables: Readonly<Record<string, CelType>>, types: readonly ObjectType[]): Declared {
    const copy = new Declared(this.container, [], this.#resolveType);
    for (const [name, declaration] of this.functions) {
      copy.functions.set(name, declaration);
    }
    for (const [name, macros] of this.macros) {
      copy.macros.set(name, macros);
    }
    for (const [name, constant] of this.#constants) {
      copy.#constants.set(name, constant);
    }
    for (const [name, type] of [...this.#variables, ...Object.entries(variables)]) {
      copy.#variables.set(name, type);
    }
    for (const type of [...this.objects.values(), ...types]) {
      copy.objects.set(type.name, type);
    }
    return copy;
  }

  #add(library: Library): void {
    for (const declaration of library.functions ?? []) {
      const before: readonly Overload[] = this.functions.get(declaration.name)?.overloads ?? [];
      const isNew = (overload: Overload): boolean => !before.some(({ id }) => id === overload.id);
      const overloads = [...before, ...declaration.overloads.filter(isNew)];
      this.functions.set(declaration.name, { name: declaration.name, overloads });
    }
    for (const macro of library.macros ?? []) {
      this.macros.set(macro.name, [...(this.macros.get(macro.name) ?? []), macro]);
    }
    for (const { name, type, value } of library.constants ?? []) {
      this.#constants.set(name, { type, value });
    }
  }

  lookupName(name: string): DeclaredName | undefined {
    for (const candidate of this.#candidates(name)) {
      const found = this.#exactName(candidate);
      if (found !== undefined) {
        return found;
      }
    }
    return undefined;
  }

  lookupFunction(name: string): FunctionDeclaration | undefined {
    for (const candidate of this.#candidates(name)) {
      const found = this.functions.get(candidate);
      if (found !== undefined) {
        return found;
      }
    }
    return undefined;
  }

  #exactName(name: string): DeclaredName | undefined {
    const variable = this.#variables.get(name);
    if (variable !== undefined) {
      return { kind: 'variable', name, type: variable };
    }
    const constant = this.#constants.get(name);
    if (constant !== undefined) {
      return { kind: 'constant', name, ...constant };
    }
    const object = this.objects.get(name) ?? this.#resolveType?.(name);
    return object && { kind: 'constant', name, type: typeOf(object), value: new TypeValue(name) };
  }

  /** Innermost container first; a leading dot means none. */
  *#candidates(name: string): Iterable<string> {
    if (name.startsWith('.')) {
      yield name.slice(1);
      return;
    }
    for (let scope = this.container; scope !== ''; scope = scope.slice(0, Math.max(0, scope.lastIndexOf('.')))) {
      yield `${scope}.${name}`;
    }
    yield name;
  }
}
