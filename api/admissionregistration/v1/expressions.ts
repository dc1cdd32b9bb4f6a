/**
 * Where the expressions of webhooks and policies meet the CEL engine: what each may read, and what it must give
 * (apiserver `pkg/admission/plugin/cel/compile.go`, `composition.go`).
 */
import type { Environment, Program } from '../../cel/cel.ts';
import { createEnvironment } from '../../cel/environment.ts';
import { AUTHORIZER_TYPE, RESOURCE_CHECK_TYPE } from '../../cel/library/authorizer.ts';
import { JSON_PATCH_LIBRARY } from '../../cel/library/json-patch.ts';
import { KUBERNETES_LIBRARIES } from '../../cel/library/kubernetes.ts';
import type { CelType, ObjectField, ObjectType } from '../../cel/types.ts';
import { BOOL, DYN, formatType, listOf, NULL, STRING } from '../../cel/types.ts';
import { invalid } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import { JSON_PATCH_TYPE, NAMESPACE_TYPE, objectTypesIn, REQUEST_TYPE } from './expression-types.ts';

export type ExpressionUse =
  | 'matchCondition'
  | 'variable'
  | 'validation'
  | 'messageExpression'
  | 'auditAnnotation'
  | 'jsonPatch'
  | 'applyConfiguration';

export type CompiledExpression = { program: Program; problem?: never } | { program?: never; problem: string };

/** Absent: any type. */
const RESULTS: Readonly<Partial<Record<ExpressionUse, readonly CelType[]>>> = {
  matchCondition: [BOOL],
  validation: [BOOL],
  messageExpression: [STRING],
  auditAnnotation: [STRING, NULL],
  jsonPatch: [listOf(JSON_PATCH_TYPE)],
};

/** What stands before the engine's words. */
export const COMPILATION_FAILED = 'compilation failed: ';

const environments = new Map<string, Environment>();

/** What every expression of a policy with or without parameters sees. Made once for each. */
function environmentOf({ hasParams, hasAuthorizer }: { hasParams: boolean; hasAuthorizer: boolean }): Environment {
  const key = `${hasParams}/${hasAuthorizer}`;
  let environment = environments.get(key);
  if (environment === undefined) {
    const authorizers = { authorizer: AUTHORIZER_TYPE, 'authorizer.requestResource': RESOURCE_CHECK_TYPE };
    environment = createEnvironment({
      libraries: [...KUBERNETES_LIBRARIES, JSON_PATCH_LIBRARY],
      variables: {
        object: DYN,
        oldObject: DYN,
        request: REQUEST_TYPE,
        namespaceObject: NAMESPACE_TYPE,
        ...(hasParams ? { params: DYN } : {}),
        ...(hasAuthorizer ? authorizers : {}),
      },
    });
    environments.set(key, environment);
  }
  return environment;
}

/** Types that are known where a policy is only checked: what it is evaluated on may be of any. */
export interface KnownTypes {
  object?: CelType;
  params?: CelType;
}

/** Compiles the expressions of one policy; variables are seen by what is compiled after them. */
export class ExpressionCompiler {
  readonly #hasParams: boolean;
  readonly #known: Readonly<Record<string, CelType>>;
  readonly #fields = new Map<string, ObjectField>();
  /** The type of `variables`. */
  readonly variablesType: ObjectType = { kind: 'object', name: 'kubernetes.variables', fields: this.#fields };

  constructor({ hasParams, known = {} }: { hasParams: boolean; known?: KnownTypes }) {
    this.#hasParams = hasParams;
    const { object, params } = known;
    this.#known = { ...(object && { object, oldObject: object }), ...(hasParams && params && { params }) };
  }

  addVariable(name: string, text: string): CompiledExpression {
    const compiled = this.compile(text, 'variable');
    this.#fields.set(name, { type: compiled.program?.resultType ?? DYN });
    return compiled;
  }

  /** Never throws for what `text` says. */
  compile(text: string, use: ExpressionUse): CompiledExpression {
    const { program, issues } = this.#environmentFor(text, use).compile(text);
    if (program === undefined) return { problem: `${COMPILATION_FAILED}${issues.text}` };
    const found = formatType(program.resultType);
    const wanted = use === 'applyConfiguration' ? ['Object'] : RESULTS[use]?.map(formatType);
    if (wanted === undefined || wanted.includes(found)) return { program };
    const types = wanted.length === 1 ? wanted[0]! : `one of [${wanted.join(' ')}]`;
    return { problem: `must evaluate to ${types}` };
  }

  #environmentFor(text: string, use: ExpressionUse): Environment {
    const hasAuthorizer = use !== 'messageExpression';
    const base = environmentOf({ hasParams: this.#hasParams, hasAuthorizer });
    const isMutation = use === 'jsonPatch' || use === 'applyConfiguration';
    const seesVariables = use !== 'matchCondition' && (this.#fields.size > 0 || use === 'variable');
    const isTyped = Object.keys(this.#known).length > 0;
    if (!isMutation && !seesVariables && !isTyped) return base;
    return base.extend({
      variables: { ...this.#known, ...(seesVariables ? { variables: this.variablesType } : {}) },
      types: isMutation ? [JSON_PATCH_TYPE, ...objectTypesIn(text)] : [],
    });
  }
}

/** What is wrong with an expression, as a problem of its field. */
export function expressionErrors({ problem }: CompiledExpression, text: string, path: FieldPath): FieldError[] {
  return problem === undefined ? [] : [invalid(path, text, problem)];
}
