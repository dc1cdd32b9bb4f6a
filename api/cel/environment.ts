/** Makes environments, and programs of what they compile. */
import {
  type Activation,
  CelError,
  type Compiled,
  type CompileOptions,
  type CostRange,
  type Environment,
  type EnvironmentOptions,
  type EvaluateOptions,
  type Evaluated,
  type Program,
} from './cel.ts';
import { type CheckedExpr, checkedType } from './checked.ts';
import { check } from './checker.ts';
import { TreeCompiler } from './compile.ts';
import { Declared } from './declared.ts';
import { Frame, type Step } from './frame.ts';
import { KUBERNETES_LIBRARIES } from './library/kubernetes.ts';
import { STANDARD_LIBRARIES } from './library/standard.ts';
import { parse } from './parser.ts';
import { kubernetesCosts } from './runtime-cost.ts';
import { issuesOf, type Problem } from './source.ts';
import { estimateCost } from './static-cost.ts';
import { type CelType, formatType } from './types.ts';
import { isDynamic, isExact } from './unify.ts';
import { literalProblems } from './validators.ts';

export function createEnvironment(options: EnvironmentOptions = {}): Environment {
  const libraries = [...STANDARD_LIBRARIES, ...(options.libraries ?? KUBERNETES_LIBRARIES)];
  const declared = new Declared(options.container ?? '', libraries, options.resolveType);
  const language = { mixedLiterals: options.mixedLiterals ?? false, quotedFields: options.quotedFields ?? false };
  return environment(declared.extended(options.variables ?? {}, options.types ?? []), language);
}

type Language = Required<Pick<EnvironmentOptions, 'mixedLiterals' | 'quotedFields'>>;

function environment(declared: Declared, language: Language): Environment {
  return {
    compile: (text, options = {}) => compile(text, { declared, ...language, ...options }),
    extend: (more) => environment(declared.extended(more.variables ?? {}, more.types ?? []), language),
  };
}

interface Request extends CompileOptions, Language {
  readonly declared: Declared;
}

function compile(text: string, request: Request): Compiled {
  const { declared, mixedLiterals, quotedFields } = request;
  const refuse = (problems: readonly Problem[]): Compiled => ({ issues: issuesOf(text, problems) });
  const parsed = parse(text, { macros: declared.macros, quotedFields });
  if (parsed.root === undefined) {
    return refuse(parsed.problems);
  }
  const lenient = request.unchecked ?? false;
  const { checked, problems } = check(parsed.root, declared, { mixedLiterals, lenient });
  if (problems.length > 0) {
    return refuse(problems);
  }
  const literals = lenient ? [] : literalProblems(checked);
  const found = literals.length > 0 ? literals : resultProblems(checked, request.result);
  return found.length > 0 ? refuse(found) : { program: new CompiledProgram(text, checked) };
}

function resultProblems(checked: CheckedExpr, wanted: CompileOptions['result']): readonly Problem[] {
  if (wanted === undefined) {
    return [];
  }
  const types: readonly CelType[] = Array.isArray(wanted) ? (wanted as readonly CelType[]) : [wanted as CelType];
  const found = checkedType(checked, checked.root);
  if (isDynamic(found) || types.some((type) => isExact(type, found))) {
    return [];
  }
  const names = types.map(formatType);
  const reason = types.length === 1 ? `${names[0]} but got ${formatType(found)}` : `one of [${names.join(' ')}]`;
  return [{ at: 0, message: `must evaluate to ${reason}` }];
}

class CompiledProgram implements Program {
  readonly text: string;
  readonly resultType: CelType;
  readonly #checked: CheckedExpr;
  readonly #step: Step;
  readonly #reads: ReadonlySet<string>;

  constructor(text: string, checked: CheckedExpr) {
    const compiler = new TreeCompiler(checked, kubernetesCosts);
    this.text = text;
    this.resultType = checkedType(checked, checked.root);
    this.#checked = checked;
    this.#step = compiler.compile(checked.root);
    this.#reads = compiler.reads;
  }

  estimateCost(): CostRange {
    return estimateCost(this.#checked);
  }

  reads(variable: string): boolean {
    return this.#reads.has(variable);
  }

  evaluate(activation: Activation, options: EvaluateOptions = {}): Evaluated {
    const frame = new Frame(activation, options);
    try {
      return { value: this.#step(frame), cost: frame.cost };
    } catch (error) {
      // Data may be nested deeper than any expression.
      const failure = error instanceof RangeError ? new CelError('value is nested too deeply') : error;
      if (failure instanceof CelError) {
        failure.cost = frame.cost;
      }
      throw failure;
    }
  }
}
