import { describe, expect, it } from '@jest/globals';
import { resources } from '../../resources.ts';
import { loadSchemaTable } from '../../schema/table.ts';
import { typeWarnings } from './type-checking.ts';
import type { ExpressionWarning } from './type-checking.ts';
import type { ValidatingAdmissionPolicySpec } from './validating-admission-policy.ts';

const source = { resources, schemas: loadSchemaTable() };

function warningsOf(spec: object, ...kinds: string[]): ExpressionWarning[] {
  const rule = { operations: ['*'], apiGroups: ['apps', ''], apiVersions: ['v1'], resources: kinds };
  const matchConstraints = { resourceRules: [rule] };
  return typeWarnings({ matchConstraints, ...spec } as ValidatingAdmissionPolicySpec, source);
}

describe('typeWarnings()', () => {
  it('finds nothing wrong with what fits', () => {
    const validations = [
      {
        expression: "object.spec.replicas > 1 && object.metadata.labels['a'] == 'b'",
        messageExpression: 'object.metadata.name',
      },
      { expression: 'oldObject == null || oldObject.spec.template.spec.containers.all(c, c.image != "")' },
    ];
    expect(warningsOf({ validations }, 'deployments')).toEqual([]);
  });

  it('tells of fields that a kind does not have, and of types that do not fit', () => {
    const validations = [
      { expression: 'object.foo < 1' },
      { expression: 'object.spec.replicas == 1', messageExpression: "object.spec.replicas + 'a'" },
    ];
    const [field, message, ...none] = warningsOf({ validations }, 'deployments');
    expect(none).toEqual([]);
    expect(field!.fieldRef).toBe('spec.validations[0].expression');
    expect(field!.warning).toMatch(/^apps\/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'foo'/);
    expect(message!.fieldRef).toBe('spec.validations[1].messageExpression');
    expect(message!.warning).toContain("found no matching overload for '_+_' applied to '(int, string)'");
  });

  it('tells of each kind by itself, and of variables', () => {
    const spec = {
      variables: [{ name: 'n', expression: 'object.spec.replicas' }],
      validations: [{ expression: 'variables.n > 1' }],
    };
    expect(warningsOf(spec, 'deployments', 'configmaps')).toEqual([
      {
        fieldRef: 'spec.variables[0].expression',
        warning: expect.stringMatching(/^\/v1, Kind=ConfigMap: ERROR: .*undefined field 'spec'/),
      },
    ]);
  });

  it('knows the kind of the parameters', () => {
    const paramKind = { apiVersion: 'v1', kind: 'ConfigMap' };
    const validations = [{ expression: "params.data['a'] == 'b' && params.none == 1" }];
    const [warning] = warningsOf({ paramKind, validations }, 'deployments');
    expect(warning!.warning).toContain("undefined field 'none'");
  });

  it('leaves alone what names no kind', () => {
    expect(warningsOf({ validations: [{ expression: 'object.foo == 1' }] }, '*')).toEqual([]);
    expect(warningsOf({ validations: [{ expression: 'object.foo == 1' }] }, 'unknown')).toEqual([]);
  });
});
