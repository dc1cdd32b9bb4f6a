/** Inputs of a megabyte at which a careless expression or loop takes minutes, so that what reads them does not end. */
import { expect, it } from '@jest/globals';
import { hasFormat } from './apiextensions/v1/formats.ts';
import { compileJsonPath } from './apiextensions/v1/json-path.ts';
import { createEnvironment } from './cel/environment.ts';
import { DYN } from './cel/types.ts';
import { validateTolerationsUpdate } from './core/v1/pod/validate-scheduling.ts';
import type { PodSpec } from './core/v1/pod/types.ts';
import { fieldPath } from './machinery/field-error.ts';
import { parseIp } from './machinery/validation-ip.ts';
import { checkStructure } from './schema/check.ts';
import { loadSchemaTable } from './schema/table.ts';

const LENGTH = 1 << 20;

it('base64 of newlines', () => {
  const object = { data: { a: `${'\n'.repeat(LENGTH - 1)}!` } };
  const input = { table: loadSchemaTable(), schema: 'V1Secret', kind: 'Secret', apiVersion: 'v1', object };
  expect(checkStructure(input).typeError).toContain('illegal base64 data');
});

it('an address of dots', () => {
  expect(parseIp(`:${'.'.repeat(LENGTH)}:x`)).toBeUndefined();
});

it('a duration and a number of digits', () => {
  const text = '1'.repeat(LENGTH);
  const evaluate = (expression: string): unknown =>
    createEnvironment({ variables: { text: DYN } })
      .compile(expression)
      .program!.evaluate({ text }).value;
  expect(() => evaluate('duration(text)')).toThrow();
  expect(() => evaluate('double(text + "x")')).toThrow();
  expect(hasFormat(text, 'duration')).toBe(false);
});

it('a column of a list', () => {
  expect(compileJsonPath('.spec.list[*]')({ spec: { list: new Array(LENGTH).fill(1) } })[0]).toBe(1);
});

it('tolerations of a pod that is changed', () => {
  const tolerations = Array.from({ length: 20_000 }, (_, i) => ({ key: `k${i}`, operator: 'Exists' }));
  const spec = { tolerations } as unknown as PodSpec;
  expect(validateTolerationsUpdate(spec, structuredClone(spec), fieldPath('spec', 'tolerations'))).toEqual([]);
});
