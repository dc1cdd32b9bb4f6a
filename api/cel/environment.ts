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
import { issuesOf, type Problem, SyntaxProblem } from './source.ts';
import { estimateCost } from './static-cost.ts';
import { type CelType, formatType } from './types.ts';
import { isDynamic, isExact } from './unify.ts';
import { literalProblems } from './validators.ts';

export function createEnvironment(options: EnvironmentOptions = {}): Environment {
  const libraries = [...STANDARD_LIBRARIES, ...(options.libraries ?? KUBERNETES_LIBRARIES)];
  const declared = new Declared(options.container ?? '', libraries, options.resolveType);
  return environment(declared.extended(options.variables ?? {}, options.types ?? []), options.mixedLiterals ?? false);
}

function environment(declared: Declared, mixedLiterals: boolean): Environment {
  return {
    compile: (text, options = {}) => compile(text, { declared, mixedLiterals, ...options }),
    extend: (more) => environment(declared.extended(more.variables ?? {}, more.types ?? []), mixedLiterals),
  };
}

interface Request extends CompileOptions {
  readonly declared: Declared;
  readonly mixedLiterals: boolean;
}

function compile(text: string, request: Request): Compiled {
  const refuse = (problems: readonly Problem[]): Compiled => ({ issues: issuesOf(text, problems) });
  try {
    const root = parse(text, request.declared.macros);
    const lenient = request.unchecked ?? false;
    const { checked, problems } = check(root, request.declared, { mixedLiterals: request.mixedLiterals, lenient });
    if (problems.length > 0) {
      return refuse(problems);
    }
    const literals = lenient ? [] : literalProblems(checked);
    const found = literals.length > 0 ? literals : resultProblems(checked, request.result);
    return found.length > 0 ? refuse(found) : { program: new CompiledProgram(text, checked) };
  } catch (error) {
    if (error instanceof SyntaxProblem) {
      return refuse([{ at: error.at, message: error.message }]);
    }
    throw error;
  }
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
      if (error instanceof CelError) {
        error.cost = frame.cost;
      }
      throw error;
    }
  }
}
