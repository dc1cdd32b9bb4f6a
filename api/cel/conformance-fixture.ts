/** Runs the public conformance cases of the language (cel-spec) and says which do not apply: those of messages. */
import type { Environment } from './cel.ts';
import type { Library, Overload } from './declarations.ts';
import { createEnvironment } from './environment.ts';
import { equal } from './equality.ts';
import { EXTENSION_LIBRARIES, KUBERNETES_LIBRARIES } from './library/kubernetes.ts';
import { parseDuration, parseTimestamp } from './time.ts';
import {
  ANY,
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DURATION,
  DYN,
  formatType,
  INT,
  listOf,
  mapOf,
  NULL,
  opaque,
  parameter,
  STRING,
  TIMESTAMP,
  typeOf,
  UINT,
} from './types.ts';
import {
  ListValue,
  type MapKey,
  mapOfEntries,
  type Value,
  Duration,
  OptionalValue,
  Timestamp,
  TypeValue,
  typeNameOf,
  Uint,
} from './values.ts';

export interface ConformanceSuite {
  readonly name: string;
  readonly suites?: readonly ConformanceSuite[];
  readonly tests?: readonly SuiteTest[];
}

interface SuiteTest {
  readonly original: object;
  /** The type that cel-go finds. */
  readonly type?: string;
}

/** One case, as the suite's JSON has it. */
interface Case {
  readonly name?: string;
  readonly expr: string;
  readonly container?: string;
  readonly disableCheck?: boolean;
  readonly checkOnly?: boolean;
  readonly typeEnv?: readonly Json[];
  readonly bindings?: Record<string, { value: Json }>;
  readonly value?: Json;
  readonly evalError?: Json;
  readonly typedResult?: { result?: Json; deducedType?: Json };
}

// The JSON of messages: looked into, not typed.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any;

export interface Outcome {
  readonly name: string;
  readonly result: 'pass' | 'fail' | 'not applicable';
  readonly detail?: string;
}

/** Cases that need protocol buffer messages, enums or wrappers, or macros for optimizers. */
const MESSAGES =
  /TestAllTypes|google\.protobuf\.(?:\w*Value|Any|Struct|Empty|FieldMask)\b|Enum|TestRequired|cel\.(?:block|index|iterVar)|\bwrapper"|proto\.(?:has|get)Ext|"messageType"/;

export function runConformance(suite: ConformanceSuite): readonly Outcome[] {
  const outcomes: Outcome[] = [];
  const walk = (current: ConformanceSuite, path: string): void => {
    for (const { original } of current.tests ?? []) {
      outcomes.push(runCase(original as Case, path));
    }
    for (const child of current.suites ?? []) {
      walk(child, `${path}/${child.name}`);
    }
  };
  for (const child of suite.suites ?? []) {
    walk(child, child.name);
  }
  return outcomes;
}

/** Cases without declarations whose type the checker finds otherwise than cel-go, and how many there are in all. */
export function compareTypes(suite: ConformanceSuite): { compared: number; different: readonly string[] } {
  const environment = environmentOf({ expr: '' });
  const different: string[] = [];
  let compared = 0;
  const compare = ({ original, type }: SuiteTest): void => {
    const { expr, typeEnv, container } = original as Case;
    const program = typeEnv === undefined && container === undefined ? environment.compile(expr).program : undefined;
    if (program === undefined || type === undefined) {
      return;
    }
    compared++;
    const found = formatType(program.resultType).replaceAll(
      /google\.protobuf\.(Timestamp|Duration)/g,
      (_name, last: string) => last.toLowerCase(),
    );
    if (found !== type) {
      different.push(`${expr}: ${found}, not ${type}`);
    }
  };
  const walk = (current: ConformanceSuite): void => {
    current.tests?.forEach(compare);
    current.suites?.forEach(walk);
  };
  walk(suite);
  return { compared, different };
}

function runCase(test: Case, path: string): Outcome {
  const name = `${path}/${test.name ?? test.expr}`;
  const inMessages = test.container === 'google.protobuf' && /Value\{/.test(test.expr);
  if (inMessages || MESSAGES.test(JSON.stringify(test))) {
    return { name, result: 'not applicable' };
  }
  const detail = problemOf(test);
  return detail === undefined ? { name, result: 'pass' } : { name, result: 'fail', detail: `${test.expr}: ${detail}` };
}

function environmentOf(test: Case): Environment {
  const declared = Object.keys(test.bindings ?? {}).map((name): [string, CelType] => [name, DYN]);
  const typed = (test.typeEnv ?? []).flatMap((entry): [string, CelType][] =>
    entry.ident === undefined ? [] : [[entry.name, readType(entry.ident.type)]],
  );
  return createEnvironment({
    variables: Object.fromEntries([...declared, ...typed]),
    libraries: [...EXTENSION_LIBRARIES, ...KUBERNETES_LIBRARIES, declaredFunctions(test)],
    container: test.container ?? '',
    mixedLiterals: true,
    quotedFields: true,
  });
}

/** Functions that a case declares, to be checked and not called. */
function declaredFunctions(test: Case): Library {
  const functions = (test.typeEnv ?? []).filter((entry) => entry.function !== undefined);
  return {
    name: 'declared',
    functions: functions.map((entry) => ({
      name: entry.name,
      overloads: entry.function.overloads.map((overload: Json): Overload => ({
        id: overload.overloadId,
        member: overload.isInstanceFunction === true,
        args: (overload.params ?? []).map(readType),
        result: readType(overload.resultType),
        call: () => null,
      })),
    })),
  };
}

function problemOf(test: Case): string | undefined {
  const wantsError = test.evalError !== undefined;
  try {
    const compiled = environmentOf(test).compile(test.expr, { unchecked: test.disableCheck === true });
    if (compiled.program === undefined) {
      return wantsError ? undefined : compiled.issues.text;
    }
    const type = formatType(compiled.program.resultType);
    const wantedType = test.typedResult?.deducedType && formatType(readType(test.typedResult.deducedType));
    if (wantedType !== undefined && wantedType !== type) {
      return `type ${type}, not ${wantedType}`;
    }
    if (test.checkOnly === true) {
      return undefined;
    }
    const bindings = Object.entries(test.bindings ?? {}).map(([key, { value }]) => [key, readValue(value)]);
    const { value } = compiled.program.evaluate(Object.fromEntries(bindings));
    return wantsError ? `no error but ${show(value)}` : compareWith(test, value);
  } catch (error) {
    return wantsError ? undefined : String(error);
  }
}

function compareWith(test: Case, value: Value): string | undefined {
  const given = test.value ?? test.typedResult?.result;
  const wanted = given === undefined ? true : readValue(given);
  const same = isNaNValue(wanted)
    ? isNaNValue(value)
    : typeNameOf(wanted) === typeNameOf(value) && equal(wanted, value);
  return same ? undefined : `${show(value)}, not ${show(wanted)}`;
}

function isNaNValue(value: Value): boolean {
  return typeof value === 'number' && Number.isNaN(value);
}

function show(value: Value): string {
  return `${typeNameOf(value)} ${JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? `${part}` : part))}`;
}

const PRIMITIVES: Readonly<Record<string, CelType>> = {
  BOOL,
  INT64: INT,
  UINT64: UINT,
  DOUBLE,
  STRING,
  BYTES,
};
const WELL_KNOWN: Readonly<Record<string, CelType>> = { ANY, DURATION, TIMESTAMP };

function readType(type: Json): CelType {
  if (type.primitive !== undefined) {
    return PRIMITIVES[type.primitive] as CelType;
  }
  if (type.wellKnown !== undefined) {
    return WELL_KNOWN[type.wellKnown] as CelType;
  }
  if (type.listType !== undefined) {
    return listOf(readType(type.listType.elemType ?? { dyn: {} }));
  }
  if (type.mapType !== undefined) {
    return mapOf(readType(type.mapType.keyType), readType(type.mapType.valueType));
  }
  if (type.abstractType !== undefined) {
    return opaque(type.abstractType.name, ...(type.abstractType.parameterTypes ?? []).map(readType));
  }
  return otherType(type);
}

function otherType(type: Json): CelType {
  if (type.type !== undefined) {
    return typeOf(readType(type.type));
  }
  if (type.typeParam !== undefined) {
    return parameter(type.typeParam);
  }
  return 'null' in type ? NULL : DYN;
}

const READERS: Readonly<Record<string, (value: Json) => Value>> = {
  nullValue: () => null,
  boolValue: (value) => value,
  int64Value: (value) => BigInt(value),
  uint64Value: (value) => new Uint(BigInt(value)),
  doubleValue: (value) => Number(value),
  stringValue: (value) => value,
  bytesValue: (value) => new Uint8Array(Buffer.from(value, 'base64')),
  listValue: (value) => new ListValue((value.values ?? []).map(readValue)),
  mapValue: (value) =>
    mapOfEntries((value.entries ?? []).map((entry: Json) => [readValue(entry.key) as MapKey, readValue(entry.value)])),
  typeValue: (value) => new TypeValue(value),
  objectValue: (value) => readObject(value),
};

function readValue(value: Json): Value {
  const [kind = '', inner] = Object.entries(value)[0] ?? [];
  const read = READERS[kind];
  if (read === undefined) {
    throw new Error(`cannot read ${JSON.stringify(value)}`);
  }
  return read(inner);
}

function readObject(value: Json): Value {
  const type = String(value['@type']);
  if (type.endsWith('Timestamp')) {
    return parseTimestamp(value.value) ?? new Timestamp(0n);
  }
  if (type.endsWith('Duration')) {
    return parseDuration(value.value) ?? new Duration(0n);
  }
  return OptionalValue.none;
}
