import { describe, expect, it } from '@jest/globals';
import { fieldPath, formatFieldError } from './field-error.ts';
import {
  isCIdentifier,
  isConfigMapKey,
  isDns1035Label,
  isDns1123Label,
  isDns1123Subdomain,
  isEnvVarName,
  isHttpHeaderName,
  isQualifiedName,
  isValidLabelValue,
  isValidPercent,
  isValidPortName,
  isValidPortNum,
  validateAnnotations,
  validateConditions,
  validateDnsSubdomainName,
  validateImmutable,
  validateLabelSelector,
  validateLabels,
  validateNonNegative,
  validatePathSegmentName,
} from './validation.ts';

const path = fieldPath('spec', 'x');
const text = (errors: Parameters<typeof formatFieldError>[0][]): string[] => errors.map(formatFieldError);

describe('names', () => {
  it('isDns1123Label() says what is wrong in upstream words', () => {
    expect(isDns1123Label('my-name')).toEqual([]);
    expect(isDns1123Label('a.b')).toEqual(['must not contain dots']);
    expect(isDns1123Label('My_Name')).toEqual([
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ]);
    expect(isDns1123Label('a'.repeat(64))).toEqual(['must be no more than 63 characters']);
  });

  it('isDns1123Subdomain() gives the message that kubectl users know', () => {
    expect(isDns1123Subdomain('a.b-c.d')).toEqual([]);
    expect(isDns1123Subdomain('Foo')).toEqual([
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ]);
    expect(isDns1123Subdomain('a\n')).toHaveLength(1);
    expect(isDns1123Subdomain('')).toHaveLength(1);
  });

  it('isDns1035Label() wants a letter first', () => {
    expect(isDns1035Label('web-1')).toEqual([]);
    expect(isDns1035Label('1web')[0]).toMatch(/^a DNS-1035 label must consist of .*'my-name', {2}or 'abc-123'/);
  });

  it('isQualifiedName() checks prefix and name apart', () => {
    expect(isQualifiedName('example.com/my.Name_1')).toEqual([]);
    expect(isQualifiedName('/x')).toEqual(['prefix part must be non-empty']);
    expect(isQualifiedName('a/')[0]).toBe('name part must be non-empty');
    expect(isQualifiedName('a/b/c')[0]).toMatch(
      /^a valid label key must consist of .*\(e\.g\. 'example\.com\/MyName'\)$/,
    );
    expect(isQualifiedName('Foo/x')[0]).toMatch(/^prefix part a lowercase RFC 1123 subdomain/);
    expect(isQualifiedName('x'.repeat(64))).toEqual(['name part must be no more than 63 bytes']);
  });

  it('validateDnsSubdomainName() forgives the trailing dash of a generateName only', () => {
    expect(validateDnsSubdomainName('web-', true)).toEqual([]);
    expect(validateDnsSubdomainName('web-', false)).toHaveLength(1);
  });

  it('validatePathSegmentName() refuses what a path cannot hold', () => {
    expect(validatePathSegmentName('system:node', false)).toEqual([]);
    expect(validatePathSegmentName('..', false)).toEqual(["may not be '..'"]);
    expect(validatePathSegmentName('a/b%', false)).toEqual(["may not contain '/'", "may not contain '%'"]);
  });
});

describe('values', () => {
  it.each([
    ['label value', isValidLabelValue('-a'), 1],
    ['empty label value', isValidLabelValue(''), 0],
    ['C identifier', isCIdentifier('1a'), 1],
    ['environment variable', isEnvVarName('a=b'), 1],
    ['environment variable that starts with a digit', isEnvVarName('1 a'), 0],
    ['header', isHttpHeaderName('a_b'), 1],
    ['percent', isValidPercent('10'), 1],
    ['config key', isConfigMapKey('a.b_c-D'), 0],
    ['port name', isValidPortName('http-1'), 0],
  ])('%s', (_name, problems, count) => {
    expect(problems).toHaveLength(count);
  });

  it('isConfigMapKey() keeps keys from leaving their folder', () => {
    expect(isConfigMapKey('..')).toEqual(["must not be '..'"]);
    expect(isConfigMapKey('..x')).toEqual(["must not start with '..'"]);
    expect(isConfigMapKey('a/b')).toHaveLength(1);
  });

  it('isValidPortName() and isValidPortNum() report every problem', () => {
    expect(isValidPortNum(65536)).toEqual(['must be between 1 and 65535, inclusive']);
    expect(isValidPortName('-12--')).toEqual([
      'must contain at least one letter (a-z)',
      'must not contain consecutive hyphens',
      'must not begin or end with a hyphen',
    ]);
  });
});

describe('fields', () => {
  it('validateLabels() and validateAnnotations() name the key or the value', () => {
    expect(text(validateLabels({ 'a b': 'c d' }, path))).toEqual([
      expect.stringContaining('spec.x: Invalid value: "a b": name part must consist of'),
      expect.stringContaining('spec.x: Invalid value: "c d": a valid label must be an empty string'),
    ]);
    expect(validateAnnotations({ 'Example.COM/Key': 'any value' }, path)).toEqual([]);
    expect(text(validateAnnotations({ a: 'x'.repeat(262144) }, path))).toEqual([
      'spec.x: Too long: may not be more than 262144 bytes',
    ]);
  });

  it('validateLabelSelector() checks operators, values and keys', () => {
    const selector = {
      matchExpressions: [
        { key: 'a', operator: 'In' },
        { key: 'b', operator: 'Exists', values: ['x'] },
        { key: 'c', operator: 'Like' },
        { key: 'd', operator: 'NotIn', values: ['$'] },
      ],
    };
    expect(text(validateLabelSelector(selector, path))).toEqual([
      "spec.x.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      "spec.x.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
      'spec.x.matchExpressions[2].operator: Invalid value: "Like": not a valid selector operator',
      expect.stringContaining('spec.x.matchExpressions[3].values[0]: Invalid value: "$"'),
    ]);
    expect(validateLabelSelector(selector, path, { allowInvalidLabelValue: true })).toHaveLength(3);
  });

  it('validateImmutable() and validateNonNegative()', () => {
    expect(text(validateImmutable('b', 'a', path))).toEqual(['spec.x: Invalid value: "b": field is immutable']);
    expect(validateImmutable(undefined, {}, path)).toEqual([]);
    expect(text(validateNonNegative(-1, path))).toEqual([
      'spec.x: Invalid value: -1: must be greater than or equal to 0',
    ]);
    expect(validateNonNegative(undefined, path)).toEqual([]);
  });

  it('validateConditions() wants a reason and a time', () => {
    expect(text(validateConditions([{ type: 'Ready', status: 'Maybe' }], fieldPath('conditions')))).toEqual([
      'conditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
      'conditions[0].lastTransitionTime: Required value: must be set',
      'conditions[0].reason: Required value: must be set',
    ]);
  });
});
