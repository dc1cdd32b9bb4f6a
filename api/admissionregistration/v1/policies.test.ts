/** The four kinds of policies and bindings: defaults, what they refuse, what they show. */
import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import type { ApiObject } from '../../machinery/meta.ts';
import type { Resource } from '../../machinery/resource.ts';
import { mutatingAdmissionPolicyBindings } from './mutating-admission-policy-binding.ts';
import { mutatingAdmissionPolicies } from './mutating-admission-policy.ts';
import { validatingAdmissionPolicyBindings } from './validating-admission-policy-binding.ts';
import { validatingAdmissionPolicies } from './validating-admission-policy.ts';

const rule = { operations: ['CREATE'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'] };
const base = { matchConstraints: { resourceRules: [rule] } };
const policy = { ...base, validations: [{ expression: 'object.spec.replicas > 1' }] };
const patch = "[JSONPatch{op: 'remove', path: '/a'}]";
const mutations = [{ patchType: 'JSONPatch', jsonPatch: { expression: patch } }];
const mutating = { ...base, mutations, reinvocationPolicy: 'Never' };
const binding = { policyName: 'p', validationActions: ['Deny'] };

function object(spec: object): ApiObject & { spec: Record<string, unknown> } {
  return { metadata: { name: 'p' }, spec: structuredClone(spec) as Record<string, unknown> };
}

function problems(kind: Resource<never>, spec: object): string[] {
  const made = object(spec);
  kind.strategy.default!(made as never);
  return kind.strategy.validate!(made as never).map(formatFieldError);
}

describe('validating admission policies', () => {
  const check = (changes: object): string[] =>
    problems(validatingAdmissionPolicies as never, { ...policy, ...changes });

  it('default the failure policy and what is matched', () => {
    const made = object(policy);
    validatingAdmissionPolicies.strategy.default!(made as never);
    expect(made.spec).toMatchObject({
      failurePolicy: 'Fail',
      matchConstraints: {
        matchPolicy: 'Equivalent',
        namespaceSelector: {},
        objectSelector: {},
        resourceRules: [{ scope: '*' }],
      },
    });
    expect(check({})).toEqual([]);
  });

  it.each<[object, string[]]>([
    [{ failurePolicy: 'x' }, ['spec.failurePolicy: Unsupported value: "x": supported values: "Fail", "Ignore"']],
    [{ matchConstraints: undefined }, ['spec.matchConstraints: Required value']],
    [{ matchConstraints: {} }, ['spec.matchConstraints.resourceRules: Required value']],
    [
      { matchConstraints: { resourceRules: [{ ...rule, resourceNames: ['a/b', 'c', 'c'] }] } },
      [
        'spec.matchConstraints.resourceRules[0].resourceNames[0]: Invalid value: "a/b": may not contain \'/\'',
        'spec.matchConstraints.resourceRules[0].resourceNames[2]: Duplicate value: "c"',
      ],
    ],
    [
      { validations: [] },
      [
        'spec.validations: Required value: validations or auditAnnotations must contain at least one item',
        'spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item',
      ],
    ],
    [{ validations: [{}] }, ['spec.validations[0].expression: Required value: expression is not specified']],
    [
      { validations: [{ expression: 'true', message: 'a\nb' }] },
      ['spec.validations[0].message: Invalid value: "a\\nb": message must not contain line breaks'],
    ],
    [
      { validations: [{ expression: 'true', message: ' ' }] },
      ['spec.validations[0].message: Invalid value: " ": message must be non-empty if specified'],
    ],
    [
      { validations: [{ expression: 'true', messageExpression: ' ' }] },
      ['spec.validations[0].messageExpression: Invalid value: " ": must be non-empty if specified'],
    ],
    [
      { validations: [{ expression: 'true', reason: 'Gone' }] },
      [
        'spec.validations[0].reason: Unsupported value: "Gone": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
      ],
    ],
    [{ paramKind: {} }, ['spec.paramKind.apiVersion: Required value', 'spec.paramKind.kind: Required value']],
    [
      { paramKind: { apiVersion: 'a/b/c', kind: 'K' } },
      ['spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'],
    ],
    [
      { variables: [{ name: 'if', expression: '1' }, { expression: ' ' }] },
      [
        'spec.variables[0].name: Invalid value: "if": name is not a valid CEL identifier',
        'spec.variables[1].name: Required value: name is not specified',
        'spec.variables[1].expression: Required value: expression is not specified',
      ],
    ],
    [
      {
        auditAnnotations: [
          { key: 'k', valueExpression: "'v'" },
          { key: 'k', valueExpression: '' },
        ],
      },
      [
        'spec.auditAnnotations[1].valueExpression: Required value: valueExpression is not specified',
        'spec.auditAnnotations[1].key: Duplicate value: "k"',
      ],
    ],
    [{ matchConditions: [{ name: 'a' }] }, ['spec.matchConditions[0].expression: Required value']],
  ])('refuse %j', (changes, expected) => {
    expect(check(changes)).toEqual(expected);
  });

  it('check the status that the controller writes', () => {
    const { validateUpdate } = validatingAdmissionPolicies.strategy.status!;
    const status = { typeChecking: { expressionWarnings: [{ fieldRef: '', warning: '' }] } };
    expect(validateUpdate!({ ...object(policy), status } as never, object(policy) as never)).toHaveLength(2);
  });

  it('show their validations and parameters', () => {
    const [validations, paramKind] = validatingAdmissionPolicies.additionalPrinterColumns;
    expect(validations!.cell(object(policy) as never, 0)).toBe(1);
    expect(paramKind!.cell(object(policy) as never, 0)).toBe('<unset>');
    const params = { ...policy, paramKind: { apiVersion: 'v1', kind: 'ConfigMap' } };
    expect(paramKind!.cell(object(params) as never, 0)).toBe('v1/ConfigMap');
  });
});

describe('mutating admission policies', () => {
  const check = (changes: object): string[] =>
    problems(mutatingAdmissionPolicies as never, { ...mutating, ...changes });

  it('take what is right', () => expect(check({})).toEqual([]));

  it.each<[object, string[]]>([
    [{ mutations: [] }, ['spec.mutations: Required value: mutations must contain at least one item']],
    [{ reinvocationPolicy: undefined }, ['spec.reinvocationPolicy: Required value']],
    [
      { reinvocationPolicy: 'x' },
      ['spec.reinvocationPolicy: Unsupported value: "x": supported values: "IfNeeded", "Never"'],
    ],
    [{ mutations: [{}] }, ['spec.mutations[0].patchType: Required value']],
    [
      { mutations: [{ patchType: 'x' }] },
      ['spec.mutations[0].patchType: Unsupported value: "x": supported values: "ApplyConfiguration", "JSONPatch"'],
    ],
    [
      { mutations: [{ patchType: 'JSONPatch', applyConfiguration: { expression: 'Object{}' } }] },
      [
        'spec.mutations[0].jsonPatch: Required value: must be specified when patchType is JSONPatch',
        'spec.mutations[0].applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch',
      ],
    ],
    [
      { mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: ' ' } }] },
      ['spec.mutations[0].applyConfiguration.expression: Required value'],
    ],
    [
      { matchConstraints: { resourceRules: [{ ...rule, operations: ['DELETE'] }] } },
      [
        'spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
      ],
    ],
  ])('refuse %j', (changes, expected) => {
    expect(check(changes)).toEqual(expected);
  });
});

describe.each([
  ['validating', validatingAdmissionPolicyBindings as unknown as Resource<never>],
  ['mutating', mutatingAdmissionPolicyBindings as unknown as Resource<never>],
] as const)('%s admission policy bindings', (_name, kind) => {
  const check = (changes: object): string[] => problems(kind, { ...binding, ...changes });

  it.each<[object, string[]]>([
    [{}, []],
    [{ policyName: '' }, ['spec.policyName: Required value']],
    [
      { paramRef: {} },
      [
        'spec.paramRef: Required value: one of name or selector must be specified',
        'spec.paramRef.parameterNotFoundAction: Required value',
      ],
    ],
    [
      { paramRef: { name: 'a', selector: {}, parameterNotFoundAction: 'x' } },
      [
        'spec.paramRef.name: Forbidden: name and selector are mutually exclusive',
        'spec.paramRef.selector: Forbidden: name and selector are mutually exclusive',
        'spec.paramRef.parameterNotFoundAction: Unsupported value: "x": supported values: "Deny", "Allow"',
      ],
    ],
    [{ matchResources: {} }, []],
    [
      { matchResources: { matchPolicy: 'x' } },
      ['spec.matchResources.matchPolicy: Unsupported value: "x": supported values: "Equivalent", "Exact"'],
    ],
  ])('with %j give %j', (changes, expected) => {
    expect(check(changes)).toEqual(expected);
  });

  it('show their policy and parameters', () => {
    const [policyName, paramRef] = kind.additionalPrinterColumns;
    const of = (ref?: object): never => object({ ...binding, ...(ref && { paramRef: ref }) }) as never;
    expect(policyName!.cell(of(), 0)).toBe('p');
    expect(paramRef!.cell(of(), 0)).toBe('<unset>');
    expect(paramRef!.cell(of({ name: 'a', namespace: 'n' }), 0)).toBe('n/a');
    expect(paramRef!.cell(of({ name: 'a' }), 0)).toBe('a');
  });
});

it.each<[string[], string[]]>([
  [[], ['spec.validationActions: Required value: at least one validation action is required']],
  [
    ['Deny', 'Warn'],
    [
      'spec.validationActions: Invalid value: ["Deny","Warn"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
    ],
  ],
  [['Audit', 'Audit'], ['spec.validationActions[1]: Duplicate value: "Audit"']],
  [['x'], ['spec.validationActions[0]: Unsupported value: "x": supported values: "Audit", "Deny", "Warn"']],
])('validation actions %j give %j', (validationActions, expected) => {
  expect(problems(validatingAdmissionPolicyBindings as never, { ...binding, validationActions })).toEqual(expected);
});
