import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import { fieldPath } from '../../machinery/field-error.ts';
import { ruleCompiler } from './rule-compiler.ts';
import { brokenBefore, validateByRules } from './rule-evaluation.ts';
import type { JsonSchemaProps, ValidationRule } from './types.ts';

const withSpec = (spec: JsonSchemaProps): JsonSchemaProps => ({ type: 'object', properties: { spec } });

function withRules(...rules: ValidationRule[]): JsonSchemaProps {
  return withSpec({
    type: 'object',
    properties: {
      min: { type: 'integer' },
      max: { type: 'integer' },
      name: { type: 'string', maxLength: 64 },
      tags: { type: 'array', maxItems: 10, items: { type: 'string', maxLength: 20 } },
    },
    'x-kubernetes-validations': rules,
  });
}

type Spec = Record<string, unknown>;

const judged = (schema: JsonSchemaProps, spec: Spec, previous?: Spec): string[] =>
  validateByRules({ spec }, schema, previous && { spec: previous }).map(formatFieldError);

describe('rules of custom kinds [A30]', () => {
  it('are told as their authors word them', () => {
    const rule = 'self.min <= self.max';
    expect(judged(withRules({ rule }), { min: 1, max: 2 })).toEqual([]);
    expect(judged(withRules({ rule }), { min: 3, max: 2 })).toEqual([
      'spec: Invalid value: "object": failed rule: self.min <= self.max',
    ]);
    expect(judged(withRules({ rule, message: 'too small' }), { min: 3, max: 2 })).toEqual([
      'spec: Invalid value: "object": too small',
    ]);
    const messageExpression = "'min ' + string(self.min) + ' is above ' + string(self.max)";
    expect(judged(withRules({ rule, message: 'unused', messageExpression }), { min: 3, max: 2 })).toEqual([
      'spec: Invalid value: "object": min 3 is above 2',
    ]);
    // A message that cannot be made gives way to the other.
    expect(judged(withRules({ rule, message: 'used', messageExpression: 'self.name' }), { min: 3, max: 2 })).toEqual([
      'spec: Invalid value: "object": used',
    ]);
  });

  it('are told, and no more, of what was so before', () => {
    const schema = withRules({ rule: 'self.min <= self.max' }, { rule: 'self.max >= oldSelf.max' });
    const before = { min: 3, max: 2 };
    const told = (spec: Spec): string[] => brokenBefore({ spec }, schema, { spec: before }).map(formatFieldError);
    expect(judged(schema, before, before)).toEqual([]);
    expect(told(before)).toEqual(['spec: Invalid value: "object": failed rule: self.min <= self.max']);
    // What has changed is refused, and not told twice.
    expect(judged(schema, { min: 4, max: 2 }, before)).toHaveLength(1);
    expect(told({ min: 4, max: 2 })).toEqual([]);
  });

  it('name the field and the reason that they give', () => {
    const rule = 'has(self.name)';
    const about = { rule, message: 'give it a name', fieldPath: '.name' };
    expect(judged(withRules({ ...about, reason: 'FieldValueRequired' }), {})).toEqual([
      'spec.name: Required value: give it a name',
    ]);
    expect(judged(withRules({ ...about, reason: 'FieldValueForbidden' }), {})).toEqual([
      'spec.name: Forbidden: give it a name',
    ]);
    expect(judged(withRules({ ...about, reason: 'FieldValueDuplicate' }), {})).toEqual([
      'spec.name: Duplicate value: "object"',
    ]);
  });

  it('compare with what was there before, where something was', () => {
    const schema = withRules({ rule: 'self.name == oldSelf.name', message: 'name is immutable' });
    expect(judged(schema, { name: 'a' })).toEqual([]);
    expect(judged(schema, { name: 'a' }, { name: 'a' })).toEqual([]);
    expect(judged(schema, { name: 'b' }, { name: 'a' })).toEqual(['spec: Invalid value: "object": name is immutable']);
    const optional = withRules({
      rule: "oldSelf.hasValue() || self.name.startsWith('new-')",
      optionalOldSelf: true,
      message: 'begins with new-',
    });
    expect(judged(optional, { name: 'x' })).toEqual(['spec: Invalid value: "object": begins with new-']);
    expect(judged(optional, { name: 'x' }, { name: 'y' })).toEqual([]);
  });

  it('are not asked about what did not change', () => {
    const schema = withRules({ rule: 'self.min <= self.max' });
    const wrong = { min: 3, max: 2 };
    expect(judged(schema, wrong, { ...wrong })).toEqual([]);
    expect(judged(schema, { ...wrong, name: 'x' }, wrong)).toHaveLength(1);
  });

  it('reach into lists and maps, and tell where', () => {
    const item: JsonSchemaProps = {
      type: 'object',
      properties: { name: { type: 'string' }, size: { type: 'integer' } },
      'x-kubernetes-validations': [{ rule: 'self.size > 0' }],
    };
    const schema = withSpec({
      type: 'object',
      properties: {
        list: { type: 'array', items: item, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
        map: { type: 'object', additionalProperties: item },
      },
    });
    const spec = {
      list: [
        { name: 'a', size: 1 },
        { name: 'b', size: 0 },
      ],
      map: { k: { size: -1 } },
    };
    expect(judged(schema, spec)).toEqual([
      'spec.list[1]: Invalid value: "object": failed rule: self.size > 0',
      'spec.map.k: Invalid value: "object": failed rule: self.size > 0',
    ]);
    // An item is the same one wherever in the list it stands.
    const moved = { ...spec, list: [...spec.list].reverse() };
    expect(judged(schema, moved, spec)).toEqual([]);
  });

  it('say what failed', () => {
    expect(judged(withRules({ rule: 'self.tags[5] == "x"' }), { tags: [] })).toEqual([
      `spec: Invalid value: "object": 'index out of bounds: 5': evaluating rule: failed rule: self.tags[5] == "x"`,
    ]);
  });

  it('end when they have cost enough', () => {
    const rule =
      'self.tags.all(a, self.tags.all(b, self.tags.all(c, self.tags.all(d, self.tags.all(e, self.tags.all(f, a + b + c + d + e + f != "x"))))))';
    const tags = Array.from({ length: 40 }, (_, i) => String(i));
    expect(judged(withRules({ rule }, { rule: 'false' }), { tags })).toEqual([
      `spec: Invalid value: "object": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: failed rule: ${rule}`,
    ]);
  });
});

describe('ruleCompiler()', () => {
  const path = fieldPath('schema');
  const compiled = (schema: JsonSchemaProps, place: 'root' | 'property' = 'property'): string[] => {
    const compiler = ruleCompiler(schema, { isUnchanged: false });
    const errors = compiler.compile({ schema, path, place });
    return [...errors, ...compiler.total(path)].map(formatFieldError);
  };
  const spec = (...rules: ValidationRule[]): JsonSchemaProps => withRules(...rules).properties!['spec']!;

  it('accepts rules that compile and are cheap', () => {
    expect(compiled(spec({ rule: 'self.min <= self.max && self.tags.all(tag, tag.size() < 5)' }))).toEqual([]);
  });

  it('says what does not compile, in cel-go’s words', () => {
    const [problem] = compiled(spec({ rule: 'self.mim <= 3' }));
    expect(problem).toBe(
      'schema.x-kubernetes-validations[0].rule: Invalid value: {"rule":"self.mim \\u003c= 3"}: compilation failed: ERROR: <input>:1:5: undefined field \'mim\'\n | self.mim <= 3\n | ....^',
    );
    expect(compiled(spec({ rule: 'self.min' }))).toEqual([
      'schema.x-kubernetes-validations[0].rule: Invalid value: {"rule":"self.min"}: cel expression must evaluate to a bool',
    ]);
    expect(compiled(spec({ rule: 'true', messageExpression: 'self.min' }))).toEqual([
      'schema.x-kubernetes-validations[0].messageExpression: Invalid value: {"rule":"true","messageExpression":"self.min"}: messageExpression must evaluate to a string',
    ]);
    expect(compiled(spec({ rule: 'true', optionalOldSelf: true }))).toEqual([
      'schema.x-kubernetes-validations[0].optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule',
    ]);
  });

  it('refuses what may cost too much', () => {
    const schema: JsonSchemaProps = {
      type: 'array',
      items: { type: 'string' },
      'x-kubernetes-validations': [{ rule: 'self.all(a, self.all(b, a == b))' }],
    };
    const [alone, total] = compiled(schema);
    expect(alone).toMatch(
      /^schema\.x-kubernetes-validations\[0\]\.rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x \(try simplifying the rule/,
    );
    expect(total).toBe(
      'schema.x-kubernetes-validations[0].rule: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema',
    );
  });
});
