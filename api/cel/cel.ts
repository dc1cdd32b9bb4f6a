/**
 * The contract of the CEL engine: environments compile text into programs, programs are estimated and evaluated.
 * Everything is synchronous and pure. `createEnvironment` is in environment.ts, types from schemas in schema-type.ts,
 * limits in limits.ts, values in values.ts, `plainOf` (values to JSON) and `lazyObject` in plain.ts, `authorizerValue` in
 * library/authorizer.ts.
 *
 *     const environment = createEnvironment({ variables: { self: schemaType(schema, { root: true }) } });
 *     const compiled = environment.compile('self.spec.replicas <= 5', { result: BOOL });
 *     if (compiled.program === undefined) throw new Error(compiled.issues.text);
 *     const { value, cost } = compiled.program.evaluate({ self: object }, { costLimit: PER_CALL_LIMIT });
 */
import type { Library } from './declarations.ts';
import type { CelType, ObjectType } from './types.ts';
import type { Value } from './values.ts';

export interface EnvironmentOptions {
  /** Variables by name; a dotted name is one variable. */
  readonly variables?: Readonly<Record<string, CelType>>;
  /** Default: those of Kubernetes v1.36 (`KUBERNETES_LIBRARIES`). The standard library is always there. */
  readonly libraries?: readonly Library[];
  /** Names are looked up in it, innermost first. */
  readonly container?: string;
  /** Object types that expressions name, to construct (`JSONPatch{op: 'add'}`) or compare with. */
  readonly types?: readonly ObjectType[];
  /** Finds further object types by their whole name (`Object.spec`), where they are too many to list. */
  readonly resolveType?: (name: string) => ObjectType | undefined;
  /** Literal lists and maps may mix types, as CEL allows and Kubernetes does not. Default: false. */
  readonly mixedLiterals?: boolean;
  /** Fields may be written in backticks (``a.`b-c` ``), which Kubernetes does not allow. Default: false. */
  readonly quotedFields?: boolean;
}

export interface Environment {
  /** Parses and checks; never throws for what `text` says. */
  compile(text: string, options?: CompileOptions): Compiled;
  /** This environment with further variables and types. */
  extend(options: Pick<EnvironmentOptions, 'variables' | 'types'>): Environment;
}

export interface CompileOptions {
  /** The types that the result may have (`dyn` always may); others are an issue. */
  readonly result?: CelType | readonly CelType[];
  /** Parse only: types are `dyn` and errors show when evaluated. For conformance cases. */
  readonly unchecked?: boolean;
}

export type Compiled = { readonly program: Program; readonly issues?: never } | CompileFailure;

export interface CompileFailure {
  readonly program?: never;
  readonly issues: Issues;
}

export interface Issues {
  readonly list: readonly Issue[];
  /** cel-go's text of all issues: `ERROR: <input>:1:5: undeclared reference to 'x' (in container '')\n | …`. */
  readonly text: string;
}

export interface Issue {
  /** From 1; -1 where the whole text is what is wrong. */
  readonly line: number;
  /** From 1, in code points; 0 where the whole text is. */
  readonly column: number;
  readonly message: string;
}

export interface Program {
  readonly text: string;
  readonly resultType: CelType;
  /** Fewest and most cost units, by the sizes that the variables' types declare. At most 2^64 - 1. */
  estimateCost(): CostRange;
  /** Whether the expression reads this variable (`oldSelf`: a transition rule). */
  reads(variable: string): boolean;
  /** Throws CelError, or CostLimitExceeded once the cost passes the limit. */
  evaluate(activation: Activation, options?: EvaluateOptions): Evaluated;
}

export interface CostRange {
  readonly min: number;
  readonly max: number;
}

/**
 * Variables by name: plain JSON values, adapted lazily by the variable's declared type (for an optional, null is none),
 * or values of the engine (results of other programs, `authorizerValue()`, `lazyObject()`). A missing one is an error
 * only when it is read.
 */
export type Activation = Readonly<Record<string, unknown>>;

export interface EvaluateOptions {
  /** Default: none. */
  readonly costLimit?: number;
  /** Looked at every hundred steps of a comprehension. */
  readonly signal?: AbortSignal;
}

export interface Evaluated {
  readonly value: Value;
  /** What was really spent. */
  readonly cost: number;
}

/** The expression failed: `no such key: x`, `division by zero`, … */
export class CelError extends Error {
  override readonly name: string = 'CelError';
  /** What was spent until then. */
  cost = 0;

  constructor(message: string) {
    // A stack says nothing about an expression, and takes longer than the expression that fails for every item.
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = limit;
  }
}

/** The evaluation was stopped: its cost passed the limit, or its signal was aborted. Nothing absorbs it. */
export class CostLimitExceeded extends CelError {
  override readonly name = 'CostLimitExceeded';

  constructor(message = 'operation cancelled: actual cost limit exceeded') {
    super(message);
  }
}
