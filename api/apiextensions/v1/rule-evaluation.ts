/**
 * Whether a custom object keeps the rules of its schema (apiextensions `apiserver/schema/cel/validation.go`). Runs on
 * objects that fit their schema otherwise; what all rules together may cost is bounded.
 */
import { adapterOf } from '../../cel/adapt.ts';
import type { Activation, Program } from '../../cel/cel.ts';
import { CelError, CostLimitExceeded } from '../../cel/cel.ts';
import { MAX_MESSAGE_EXPRESSION_BYTES, PER_CALL_LIMIT, RUNTIME_COST_BUDGET } from '../../cel/limits.ts';
import { OptionalValue } from '../../cel/values.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import { duplicate, FieldPath, forbidden, invalid, required } from '../../machinery/field-error.ts';
import { equalJson, isObject } from '../../patch/json-value.ts';
import { correlatedItem } from './correlation.ts';
import type { CompiledRule, RulePrograms } from './rule-programs.ts';
import { rulePrograms } from './rule-programs.ts';
import { findField } from './schema-field-path.ts';
import { someSchema } from './schema-walk.ts';
import { fieldOf, itemsOf } from './structural.ts';
import type { JsonSchemaProps, ValidationRule } from './types.ts';

type Json = Readonly<Record<string, unknown>>;

/** `previous` is the object before an update: rules that compare see it, and what has not changed is not judged anew. */
export function validateByRules(object: Json, schema: JsonSchemaProps, previous?: Json): FieldError[] {
  return walkRules(object, schema, { previous, judges: 'changes' });
}

/** What an update is not refused for, since it was there before. */
export function brokenBefore(object: Json, schema: JsonSchemaProps, previous: Json): FieldError[] {
  return walkRules(object, schema, { previous, judges: 'the rest' });
}

function walkRules(
  object: Json,
  schema: JsonSchemaProps,
  { previous, judges }: { previous: Json | undefined; judges: RuleWalk['judges'] },
): FieldError[] {
  if (!hasRules(schema)) return [];
  const walk = new RuleWalk(judges);
  walk.visit(object, schema, { path: new FieldPath(), previous, isRoot: true });
  return walk.errors;
}

const withRules = new WeakMap<JsonSchemaProps, boolean>();

/** Of the schema or any in it. */
export function hasRules(schema: JsonSchemaProps): boolean {
  let has = withRules.get(schema);
  if (has === undefined) {
    has = someSchema(schema, (part) => (part['x-kubernetes-validations'] ?? []).length > 0);
    withRules.set(schema, has);
  }
  return has;
}

interface Place {
  path: FieldPath;
  previous: unknown;
  isRoot?: boolean;
}

/** How a rule ended: it held, it was broken or failed, or nothing more can be judged. */
type Verdict = { errors: FieldError[]; isLast?: boolean };

class RuleWalk {
  /** Rules on what has changed and rules that compare, or all others. */
  readonly judges: 'changes' | 'the rest';
  readonly errors: FieldError[] = [];
  #budget = RUNTIME_COST_BUDGET;
  #isOver = false;

  constructor(judges: RuleWalk['judges']) {
    this.judges = judges;
  }

  visit(value: unknown, schema: JsonSchemaProps, place: Place): void {
    if (this.#isOver || value === null || value === undefined || !hasRules(schema)) return;
    const programs = rulePrograms(schema, place.isRoot === true);
    const isUnchanged = place.previous !== undefined && equalJson(value, place.previous);
    for (const rule of programs.rules) {
      if (this.#isOver) return;
      if ((isUnchanged && !rule.isTransition) !== (this.judges === 'the rest')) continue;
      this.#judge(rule, value, { programs, schema, place });
    }
    this.#visitParts(value, schema, place);
  }

  #visitParts(value: unknown, schema: JsonSchemaProps, { path, previous }: Place): void {
    if (Array.isArray(value)) {
      const items = itemsOf(schema);
      if (items === undefined || !hasRules(items)) return;
      const correlate = correlatedItem(schema, previous);
      value.forEach((item, i) => this.visit(item, items, { path: path.index(i), previous: correlate(item) }));
    } else if (isObject(value)) {
      const before = isObject(previous) ? previous : {};
      for (const key of Object.keys(value)) {
        const field = fieldOf(schema, key);
        const old = Object.hasOwn(before, key) ? before[key] : undefined;
        if (field !== undefined) this.visit(value[key], field, { path: path.child(key), previous: old });
      }
    }
  }

  #judge(
    compiled: CompiledRule,
    value: unknown,
    { programs, schema, place }: { programs: RulePrograms; schema: JsonSchemaProps; place: Place },
  ): void {
    const { rule, isTransition } = compiled;
    const { program } = compiled.compiled;
    const isOptional = rule.optionalOldSelf === true;
    // A rule that compares says nothing of what was not there before.
    if (program === undefined || (isTransition && place.previous === undefined && !isOptional)) return;
    const activation = activationOf(value, place.previous, { self: programs.self!, isOptional });
    const verdict = this.#run(program, activation, { compiled, schema, path: place.path });
    this.errors.push(...verdict.errors);
    this.#isOver = verdict.isLast === true;
  }

  #run(
    program: Program,
    activation: Activation,
    about: { compiled: CompiledRule; schema: JsonSchemaProps; path: FieldPath },
  ): Verdict {
    const { compiled, schema, path } = about;
    const type = schema.type ?? '';
    try {
      const { value, cost } = program.evaluate(activation, { costLimit: PER_CALL_LIMIT });
      if (!this.#spend(cost)) return { errors: [invalid(path, type, OUT_OF_BUDGET)], isLast: true };
      if (value === true) return { errors: [] };
      const detail = this.#message(compiled, activation) ?? ruleMessage(compiled.rule);
      return { errors: [brokenRule(compiled.rule, path, { type, detail, schema })] };
    } catch (error) {
      if (!(error instanceof CelError)) throw error;
      return failedRule(error, compiled.rule, { path, type });
    }
  }

  #spend(cost: number): boolean {
    this.#budget -= cost;
    return this.#budget >= 0;
  }

  /** Undefined when there is none, or none that can be shown. */
  #message({ message }: CompiledRule, activation: Activation): string | undefined {
    if (message?.program === undefined) return undefined;
    try {
      const { value, cost } = message.program.evaluate(activation, { costLimit: PER_CALL_LIMIT });
      this.#budget -= cost;
      if (typeof value !== 'string' || /[\n\r]/.test(value)) return undefined;
      const text = value.trim();
      return text === '' || Buffer.byteLength(text) > MAX_MESSAGE_EXPRESSION_BYTES ? undefined : text;
    } catch (error) {
      if (error instanceof CelError) return undefined;
      throw error;
    }
  }
}

const OUT_OF_BUDGET = 'validation failed due to running out of cost budget, no further validation rules will be run';

function activationOf(
  self: unknown,
  previous: unknown,
  { self: type, isOptional }: { self: NonNullable<RulePrograms['self']>; isOptional: boolean },
): Activation {
  if (!isOptional) return { self, oldSelf: previous };
  return { self, oldSelf: previous === undefined ? OptionalValue.none : new OptionalValue(adapterOf(type)(previous)) };
}

function ruleMessage({ rule, message = '' }: ValidationRule): string {
  return message === '' ? `failed rule: ${rule.trim()}` : message.trim();
}

function brokenRule(
  { reason, fieldPath = '' }: ValidationRule,
  path: FieldPath,
  { type, detail, schema }: { type: string; detail: string; schema: JsonSchemaProps },
): FieldError {
  const at = fieldPath === '' ? path : below(path, fieldPath, schema);
  switch (reason) {
    case 'FieldValueForbidden':
      return forbidden(at, detail);
    case 'FieldValueRequired':
      return required(at, detail);
    case 'FieldValueDuplicate':
      return duplicate(at, type);
    default:
      return invalid(at, type, detail);
  }
}

function below(path: FieldPath, text: string, schema: JsonSchemaProps): FieldPath {
  const found = findField(text, schema, { allowsBrackets: true });
  if ('problem' in found) return path;
  const prefix = path.toString();
  return prefix === '<nil>' ? found.path : new FieldPath(`${prefix}.${found.path.toString()}`);
}

function failedRule(error: CelError, rule: ValidationRule, { path, type }: { path: FieldPath; type: string }): Verdict {
  const words = ruleMessage(rule);
  if (error instanceof CostLimitExceeded) {
    const detail = `'${error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${words}`;
    return { errors: [invalid(path, type, detail)], isLast: true };
  }
  const detail = error.message.startsWith('no such overload')
    ? `'${error.message}': call arguments did not match a supported operator, function or macro signature for rule: ${words}`
    : `'${error.message}': evaluating rule: ${words}`;
  return { errors: [invalid(path, type, detail)] };
}
