/**
 * The rules of one schema (`x-kubernetes-validations`) as programs, compiled once for as long as the schema lives
 * (apiextensions `apiserver/schema/cel/compilation.go`).
 */
import type { Compiled, Environment, Program } from '../../cel/cel.ts';
import { createEnvironment } from '../../cel/environment.ts';
import type { CelSchema } from '../../cel/schema-type.ts';
import { schemaType } from '../../cel/schema-type.ts';
import type { CelType } from '../../cel/types.ts';
import { optionalOf } from '../../cel/types.ts';
import { isEmbeddedResource, isIntOrString, itemsOf } from './structural.ts';
import type { JsonSchemaProps, ValidationRule } from './types.ts';

export interface CompiledRule {
  rule: ValidationRule;
  compiled: Compiled;
  /** Of `messageExpression`. */
  message?: Compiled;
  /** It reads `oldSelf`, hence says nothing of a value that was not there before. */
  isTransition: boolean;
}

export interface RulePrograms {
  /** Undefined where expressions cannot see values of the schema. */
  self: CelType | undefined;
  rules: readonly CompiledRule[];
}

const NO_RULES: RulePrograms = { self: undefined, rules: [] };
const ofRoots = new WeakMap<JsonSchemaProps, RulePrograms>();
const ofParts = new WeakMap<JsonSchemaProps, RulePrograms>();
let kubernetes: Environment | undefined;

/** `isRoot`: of the whole object, which has apiVersion, kind and metadata. */
export function rulePrograms(schema: JsonSchemaProps, isRoot: boolean): RulePrograms {
  const rules = schema['x-kubernetes-validations'] ?? [];
  if (rules.length === 0) return NO_RULES;
  const known = isRoot ? ofRoots : ofParts;
  let programs = known.get(schema);
  if (programs === undefined) known.set(schema, (programs = compileAll(schema, isRoot, rules)));
  return programs;
}

function compileAll(schema: JsonSchemaProps, isRoot: boolean, rules: readonly ValidationRule[]): RulePrograms {
  const self = schemaType(celSchema(schema), { root: isRoot || isEmbeddedResource(schema) });
  if (self === undefined) return NO_RULES;
  kubernetes ??= createEnvironment();
  const plain = kubernetes.extend({ variables: { self, oldSelf: self } });
  const optional = kubernetes.extend({ variables: { self, oldSelf: optionalOf(self) } });
  return {
    self,
    rules: rules.map((rule) => compileRule(rule, rule.optionalOldSelf === true ? optional : plain)),
  };
}

function compileRule(rule: ValidationRule, environment: Environment): CompiledRule {
  const compiled = environment.compile(rule.rule);
  const { messageExpression = '' } = rule;
  return {
    rule,
    compiled,
    ...(messageExpression === '' ? {} : { message: environment.compile(messageExpression) }),
    isTransition: readsOldSelf(compiled.program),
  };
}

function readsOldSelf(program: Program | undefined): boolean {
  return program?.reads('oldSelf') === true;
}

/** What CEL needs to know of a structural schema. */
function celSchema(props: JsonSchemaProps): CelSchema {
  const { properties, additionalProperties, required, default: value } = props;
  const { maxLength, maxItems, maxProperties, enum: allowed, format } = props;
  const items = itemsOf(props);
  const listType = props['x-kubernetes-list-type'] as CelSchema['listType'];
  const listMapKeys = props['x-kubernetes-list-map-keys'];
  const schema: Record<string, unknown> = {
    type: isIntOrString(props) ? undefined : props.type,
    intOrString: isIntOrString(props) ? true : undefined,
    format,
    maxLength,
    maxItems,
    maxProperties,
    required,
    listType,
    listMapKeys,
    enum: allowed,
    default: value,
    embeddedResource: isEmbeddedResource(props) ? true : undefined,
    items: items && celSchema(items),
    additionalProperties: typeof additionalProperties === 'object' ? celSchema(additionalProperties) : undefined,
    properties:
      properties && Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, celSchema(field)])),
  };
  // An absent keyword is not one that is undefined.
  return Object.fromEntries(Object.entries(schema).filter(([, keyword]) => keyword !== undefined)) as CelSchema;
}
