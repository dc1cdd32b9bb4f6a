/**
 * Checks a policy's expressions against the types of the kinds that it names, which its evaluation does without
 * (apiserver `pkg/admission/plugin/policy/validating/typechecking.go`).
 */
import { schemaType } from '../../cel/schema-type.ts';
import type { CelType } from '../../cel/types.ts';
import { apiVersionOf } from '../../machinery/resource.ts';
import type { Resource } from '../../machinery/resource.ts';
import type { SchemaTable } from '../../schema/schema.ts';
import type { CompiledExpression } from './expressions.ts';
import { COMPILATION_FAILED, ExpressionCompiler } from './expressions.ts';
import { listOf } from './group.ts';
import type { Rule } from './rule-validation.ts';
import type { ValidatingAdmissionPolicySpec } from './validating-admission-policy.ts';

export interface ExpressionWarning {
  fieldRef: string;
  warning: string;
}

export interface KindSource {
  resources: readonly Resource[];
  schemas: SchemaTable;
}

const MAX_KINDS = 10;

/** One warning for each expression that fails for some kind. Kinds that are not known, or named by `*`, are left out. */
export function typeWarnings(spec: ValidatingAdmissionPolicySpec, source: KindSource): ExpressionWarning[] {
  const texts = new Map<string, string>();
  for (const resource of kindsOf(listOf(spec.matchConstraints?.resourceRules), source.resources)) {
    const object = typeOf(resource, source.schemas);
    if (object === undefined) continue;
    const params = paramsType(spec, source);
    const compiler = new ExpressionCompiler({
      hasParams: Boolean(spec.paramKind),
      known: { object, ...(params && { params }) },
    });
    for (const [fieldRef, { problem = '' }] of compiledBy(spec, compiler)) {
      if (!problem.startsWith(COMPILATION_FAILED)) continue;
      const text = `${goKind(resource)}: ${problem.slice(COMPILATION_FAILED.length)}\n`;
      const before = texts.get(fieldRef);
      texts.set(fieldRef, before === undefined ? text : `${before}\n${text}`);
    }
  }
  return [...texts].map(([fieldRef, warning]) => ({ fieldRef, warning }));
}

function* compiledBy(
  spec: ValidatingAdmissionPolicySpec,
  compiler: ExpressionCompiler,
): Iterable<[string, CompiledExpression]> {
  for (const [i, { name, expression }] of listOf(spec.variables).entries())
    yield [`spec.variables[${i}].expression`, compiler.addVariable(name, expression)];
  for (const [i, { expression, messageExpression = '' }] of listOf(spec.validations).entries()) {
    yield [`spec.validations[${i}].expression`, compiler.compile(expression, 'validation')];
    if (messageExpression.trim() !== '')
      yield [`spec.validations[${i}].messageExpression`, compiler.compile(messageExpression, 'messageExpression')];
  }
}

function kindsOf(rules: readonly Rule[], resources: readonly Resource[]): Resource[] {
  const named = resources.filter(({ group, version, names }) =>
    rules.some(
      (rule) =>
        listOf(rule.apiGroups).includes(group) &&
        listOf(rule.apiVersions).includes(version) &&
        listOf(rule.resources).includes(names.plural),
    ),
  );
  return named.sort((a, b) => (goKind(a) < goKind(b) ? -1 : 1)).slice(0, MAX_KINDS);
}

function paramsType({ paramKind }: ValidatingAdmissionPolicySpec, source: KindSource): CelType | undefined {
  if (!paramKind) return undefined;
  const { apiVersion, kind } = paramKind;
  const found = source.resources.find((one) => apiVersionOf(one) === apiVersion && one.names.kind === kind);
  return found && typeOf(found, source.schemas);
}

function typeOf({ schema }: Resource, table: SchemaTable): CelType | undefined {
  const definition = table.get(schema);
  return definition && schemaType(definition, { table });
}

/** `apps/v1, Kind=Deployment` */
function goKind({ group, version, names }: Resource): string {
  return `${group}/${version}, Kind=${names.kind}`;
}
