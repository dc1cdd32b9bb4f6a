import { describe, expect, it } from '@jest/globals';
import { createEnvironment } from './environment.ts';
import { type CelSchema, schemaType } from './schema-type.ts';
import type { CelType } from './types.ts';

function estimate(text: string, schema?: CelSchema): { min: number; max: number } {
  const variables: Record<string, CelType> = {};
  if (schema !== undefined) {
    variables.self = schemaType(schema) as CelType;
    variables.oldSelf = variables.self;
  }
  const { program, issues } = createEnvironment({ variables }).compile(text);
  if (program === undefined) {
    throw new Error(issues.text);
  }
  return program.estimateCost();
}

const text = (maxLength?: number): CelSchema => ({ type: 'string', ...(maxLength === undefined ? {} : { maxLength }) });
const bytes = (maxLength?: number): CelSchema => ({ ...text(maxLength), format: 'byte' });
const list = (items: CelSchema, maxItems?: number): CelSchema => ({
  type: 'array',
  items,
  ...(maxItems === undefined ? {} : { maxItems }),
});
const map = (additionalProperties: CelSchema, maxProperties?: number): CelSchema => ({
  type: 'object',
  additionalProperties,
  ...(maxProperties === undefined ? {} : { maxProperties }),
});
const number: CelSchema = { type: 'number' };
const intOrString: CelSchema = { intOrString: true };
const formatted = (format: string): CelSchema => ({ type: 'string', format });

/** Expected costs of k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/compilation_test.go TestCostEstimation. */
describe('estimateCost() of a rule over a schema', () => {
  it.each<[string, CelSchema, number]>([
    ['self.all(x, true)', map(number), 1348169],
    ['self.all(x, true)', map(number, 10), 32],
    ['self.all(x, true)', map(text()), 1179647],
    ['self.all(x, true)', map({ type: 'boolean' }), 943718],
    ["self.contains('test')", text(), 314574],
    ["self.contains('test')", text(10), 5],
    ["self.startsWith('test')", text(), 2],
    ['size(self + "hello") > size("hello")', text(), 314578],
    ['size(self + "hello") > size("hello")', text(4), 7],
    ['self[1] == 0.0', list(number), 2],
    ['self[1] == self[1]', list(text()), 314577],
    ['self.all(x, self.all(y, true))', list(number, 10), 352],
    ['self.all(x, self.all(y, self.all(z, true)))', list(number, 10), 3552],
    ['self.matches("x")', text(), 314574],
    ['self.matches("x")', text(50), 22],
    ['"".matches("(((((((((())))))))))[0-9]")', text(), 7],
    ['self.matches("")', text(), 1],
    ['self.all(x, x.contains(self[x]))', map(text()), 2752507],
    ['self[3] == 0.0', list(number, 0), 2],
    ['self["x"] == 0.0', map(number, 0), 2],
    ['self == "x"', text(), 2],
    ['self == "x"', text(0), 1],
    ['self == b"x"', bytes(), 2],
    ['self == b"x"', bytes(0), 1],
    ['self.all(x, x == 0.0)', list(number), 6291454],
    ['self.all(x, x == 0.0)', list(number, 3 * 1024 * 2048), 25165826],
    ['self.all(x, true)', list(intOrString), 4718591],
    ['self[0] == 5', list(intOrString), 3],
    ['self[0][0] == -1.0', list(list(number)), 3],
    ['self[0].x > 2.0', list(map(number)), 4],
    ['self.all(x, true)', list(formatted('duration')), 2359295],
    ['self[0].getHours() == 2', list(formatted('duration')), 4],
    ['self.all(x, true)', list(formatted('date')), 725936],
    ['self.all(x, true)', list(formatted('date-time')), 428963],
    ['self.all(x, true)', map(formatted('date-time')), 349526],
    ["self.find('[0-9]+') == ''", text(), 629147],
    ["self.find('[0-9]+') == ''", text(10), 11],
    ["self.join(' ') == 'aa bb'", list(text()), 329853068905],
    ["self.join(' ') == 'aa bb'", list(text(10), 10), 43],
    ['self.isSorted() == true', list(text()), 329854432052],
    ['self.isSorted() == true', list(text(10), 10), 52],
    ["self.lowerAscii() == 'lower!'", text(), 314575],
    ["self.lowerAscii() == 'lower!'", text(10), 6],
    ['oldSelf.size() == self.size()', map({ type: 'integer' }), 5],
    ['self["a"] == self["b"]', map(formatted('date-time')), 8],
    ["self.contains('A')", { type: 'string', enum: ['A', 'B', 'C', 'LongValue'] }, 2],
    ["self.contains('A')", { type: 'string', enum: ['A', 'LongValue'], maxLength: 1000 }, 401],
  ])('%s', (rule, schema, max) => {
    expect(estimate(rule, schema).max).toBe(max);
  });

  it('follows replace() and split() to their results', () => {
    const schema = (length?: number): CelSchema => ({
      type: 'object',
      properties: { str: text(length), before: text(2), after: text(4) },
    });
    expect(estimate("self.str.replace(self.before, self.after) == 'does not matter'", schema()).max).toBe(629154);
    expect(estimate("self.str.replace(self.before, self.after) == 'does not matter'", schema(4)).max).toBe(12);
    expect(estimate('self.str.split(self.before) == []', schema(10)).max).toBe(22);
  });
});

/** Expected costs of k8s.io/apiserver/pkg/cel/library/cost_test.go. */
describe('estimateCost() of library functions', () => {
  it.each<[string, number, number]>([
    ['[1, 2, 3, 4, 5].sum()', 15, 15],
    ['[uint(1), uint(2), uint(3), uint(4), uint(5)].sum()', 20, 20],
    ['[1, 2, 3, 4, 5].indexOf(3)', 15, 15],
    ["url('https:://kubernetes.io/').getHost()", 4, 4],
    ["url('https:://kubernetes.io/') == url('http://x.b')", 5, 5],
    ["ip('192.168.0.1')", 2, 2],
    ["ip('2001:db8:3333:4444:5555:6666:7777:8888').family()", 5, 5],
    ["ip.isCanonical('2001:db8:3333:4444:5555:6666:7777:8888')", 8, 8],
    ["cidr('192.168.0.0/16').masked()", 3, 3],
    ["cidr('192.168.0.0/16').containsCIDR(cidr('192.0.0.0/30'))", 7, 11],
    ["cidr('192.168.0.0/16').containsIP(ip('192.0.0.1'))", 4, 7],
    ["cidr('192.168.0.0/16').containsIP('192.169.0.1')", 5, 8],
  ])('%s', (expression, min, max) => {
    expect(estimate(expression)).toEqual({ min, max });
  });
});
