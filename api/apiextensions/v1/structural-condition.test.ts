import { describe, expect, it } from '@jest/globals';
import { decodedDefinition, withSchema } from './definition-fixture.ts';
import { structuralCondition } from './structural-condition.ts';

describe('structuralCondition()', () => {
  it('is none for what is structural', () => {
    expect(structuralCondition(decodedDefinition())).toBeUndefined();
    expect(structuralCondition(decodedDefinition(({ spec }) => delete spec.versions[0]!.schema))).toBeUndefined();
  });

  it('tells every violation', () => {
    const definition = decodedDefinition(withSchema({ properties: { spec: {} } }));
    const schema = 'spec.versions[0].schema.openAPIV3Schema';
    const texts = [
      `${schema}.properties[spec].type: Required value: must not be empty for specified object fields`,
      `${schema}.type: Required value: must not be empty at the root`,
    ];
    expect(structuralCondition(definition)).toEqual({
      type: 'NonStructuralSchema',
      status: 'True',
      reason: 'Violations',
      message: `[${texts.join(', ')}]`,
    });
    const keepsAll = decodedDefinition(({ spec }) => (spec.preserveUnknownFields = true));
    expect(structuralCondition(keepsAll)?.message).toBe(
      'spec.preserveUnknownFields: Invalid value: true: must be false',
    );
  });

  it('does not know what cannot be read', () => {
    expect(structuralCondition(decodedDefinition(withSchema({ type: 'object', $ref: 'a' })))).toEqual({
      type: 'NonStructuralSchema',
      status: 'Unknown',
      reason: 'StructuralError',
      message: "failed to check validation schema for version v1: OpenAPIV3Schema '$ref' is not supported",
    });
  });
});
