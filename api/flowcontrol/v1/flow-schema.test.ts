import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import { MANDATORY_FLOW_SCHEMAS, SUGGESTED_FLOW_SCHEMAS } from './bootstrap.ts';
import { flowSchemas } from './flow-schema.ts';
import type { FlowSchema } from './flow-schema.ts';

const subjects = [{ kind: 'Group', group: { name: 'g' } }];
const resourceRules = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], namespaces: ['*'] }];
const schema = (spec: object, name = 's'): FlowSchema => {
  const object = { metadata: { name }, spec: { priorityLevelConfiguration: { name: 'l' }, ...spec } } as FlowSchema;
  flowSchemas.strategy.default!(object);
  return object;
};
const errorsOf = (object: FlowSchema): string[] => flowSchemas.strategy.validate!(object).map(formatFieldError);
const ruleErrors = (rule: object): string[] =>
  errorsOf(schema({ rules: [{ subjects, resourceRules, ...rule }] })).map((text) => text.replace('spec.rules[0].', ''));

describe('flow schemas', () => {
  it('come in the middle by default', () => {
    expect(schema({}).spec!.matchingPrecedence).toBe(1000);
    expect(errorsOf(schema({ rules: [{ subjects, resourceRules }] }))).toEqual([]);
  });

  it('are valid as every cluster begins with them, and no default changes them', () => {
    for (const object of [...MANDATORY_FLOW_SCHEMAS, ...SUGGESTED_FLOW_SCHEMAS]) {
      const copy = structuredClone(object);
      flowSchemas.strategy.default!(copy);
      expect(copy).toEqual(object);
      expect(errorsOf(copy)).toEqual([]);
    }
  });

  it('may not change where they are mandatory', () => {
    const [, catchAll] = MANDATORY_FLOW_SCHEMAS as [FlowSchema, FlowSchema];
    expect(errorsOf({ ...catchAll, spec: { ...catchAll.spec!, matchingPrecedence: 9999 } })).toEqual([
      expect.stringMatching(/^spec: Invalid value: .*: spec of 'catch-all' must equal the fixed value$/),
    ]);
  });

  it('check precedence, distinguisher and level', () => {
    expect(errorsOf(schema({ matchingPrecedence: -1 }))).toEqual([
      'spec.matchingPrecedence: Invalid value: -1: must be a positive value',
    ]);
    expect(errorsOf(schema({ matchingPrecedence: 10_001 }))).toEqual([
      'spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000',
    ]);
    expect(errorsOf(schema({ matchingPrecedence: 1 }))).toEqual([
      "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1",
    ]);
    expect(errorsOf(schema({ distinguisherMethod: { type: 'ByMood' } }))[0]).toContain(
      'supported values: "ByNamespace", "ByUser"',
    );
    expect(errorsOf(schema({ priorityLevelConfiguration: { name: '' } }))).toEqual([
      'spec.priorityLevelConfiguration.name: Required value: must reference a priority level',
    ]);
  });

  it.each([
    [{ subjects: [] }, ['subjects: Required value: subjects must contain at least one value']],
    [
      { subjects: [{ kind: 'User' }] },
      ["subjects[0].user: Required value: user is required when subject kind is 'User'"],
    ],
    [
      { subjects: [{ kind: 'User', user: { name: 'u' }, group: { name: 'g' } }] },
      ["subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'"],
    ],
    [
      { subjects: [{ kind: 'Robot' }] },
      ['subjects[0].kind: Unsupported value: "Robot": supported values: "Group", "ServiceAccount", "User"'],
    ],
    [
      { subjects: [{ kind: 'ServiceAccount', serviceAccount: { name: '', namespace: '' } }] },
      [
        'subjects[0].serviceAccount.name: Required value',
        'subjects[0].serviceAccount.namespace: Required value: must specify namespace for service account',
      ],
    ],
    [{ subjects: [{ kind: 'ServiceAccount', serviceAccount: { name: '*', namespace: 'kube-system' } }] }, []],
  ])('check the subjects of %j', (rule, expected) => {
    expect(ruleErrors(rule)).toEqual(expected);
  });

  it.each([
    [{}, 'verbs: Required value: verbs must contain at least one value'],
    [{ verbs: ['*', 'get'] }, `verbs: Invalid value: ["*","get"]: if '*' is present, must not specify other verbs`],
    [{ verbs: ['dance'] }, 'verbs: Unsupported value: ["dance"]: supported values: "create"'],
    [{ verbs: ['get'] }, 'apiGroups: Required value: resource rules must supply at least one api group'],
    [
      { resources: ['*', 'a'] },
      `resources: Invalid value: ["*","a"]: if '*' is present, must not specify other resources`,
    ],
    [
      { verbs: ['get'] },
      'namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace',
    ],
    [
      { namespaces: ['A'] },
      `namespaces[0]: Invalid value: "A": each member of this list must be '*' or a DNS-1123 label; `,
    ],
  ])('check the resource rule %j', (rule, expected) => {
    expect(ruleErrors({ resourceRules: [rule] }).join('\n')).toContain(`resourceRules[0].${expected}`);
  });

  it.each([
    ['', 'must not be empty'],
    ['healthz', 'must start with slash'],
    ['/a b', 'must not contain white-space'],
    ['/a//b', 'must not contain double slash'],
    ['/a*', 'wildcard can only do suffix matching'],
    ['/*/a', 'wildcard can only do suffix matching'],
    ['/', undefined],
    ['/healthz/*', undefined],
  ])('check the path %j', (url, problem) => {
    const errors = ruleErrors({ resourceRules: [], nonResourceRules: [{ verbs: ['get'], nonResourceURLs: [url] }] });
    const at = 'nonResourceRules[0].nonResourceURLs[0]';
    expect(errors).toEqual(problem === undefined ? [] : [`${at}: Invalid value: ${JSON.stringify(url)}: ${problem}`]);
  });

  it('need a rule of one kind or the other', () => {
    expect(errorsOf(schema({ rules: [{ subjects }] }))).toEqual([
      'spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty',
    ]);
  });

  it('show where requests go, and whether that is there', () => {
    const cells = (object: FlowSchema): unknown[] =>
      flowSchemas.additionalPrinterColumns.map(({ name, cell }) => (name === 'Age' ? '' : cell(object, 0)));
    expect(cells(schema({}))).toEqual(['l', 1000, '<none>', '', '?']);
    const status = { conditions: [{ type: 'Dangling', status: 'False' }] };
    const full = { ...schema({ distinguisherMethod: { type: 'ByUser' } }), status };
    expect(cells(full)).toEqual(['l', 1000, 'ByUser', '', 'False']);
  });
});
