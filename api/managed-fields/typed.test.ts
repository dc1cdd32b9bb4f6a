import { describe, expect, it } from '@jest/globals';
import type { Schema } from '../schema/schema.ts';
import { loadSchemaTable } from '../schema/table.ts';
import { joinTypedProblems, typedProblems } from './typed.ts';

const table = loadSchemaTable();
const problems = (schema: string | Schema, object: unknown): string[] => typedProblems({ table, schema, object });
const pod = (spec: object): string[] =>
  problems('V1Pod', { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec });

describe('typedProblems()', () => {
  it('finds none in what is declared, null and untyped scalars included', () => {
    const resources = { limits: { cpu: 1, memory: '1Gi' } };
    const livenessProbe = { httpGet: { port: 'web', path: null } };
    expect(pod({ hostNetwork: null, containers: [{ name: 'c', resources, livenessProbe }] })).toEqual([]);
    expect(
      problems('V1ConfigMap', {
        metadata: { creationTimestamp: null, labels: { 'a.b/c': 'd' } },
        data: { 'x.y': '1' },
      }),
    ).toEqual([]);
  });

  it('takes defaults for keys of list items', () => {
    const ports = [{ containerPort: 53 }, { containerPort: 53, protocol: 'UDP' }];
    expect(pod({ containers: [{ name: 'c', ports }] })).toEqual([]);
    expect(pod({ containers: [{ name: 'c', ports: [...ports, { containerPort: 53, protocol: 'TCP' }] }] })).toEqual([
      '.spec.containers[name="c"].ports: duplicate entries for key [containerPort=53,protocol="TCP"]',
    ]);
  });

  it('names what does not fit', () => {
    expect(pod({ containers: {}, priority: '1', hostNetwork: 1, nodeName: ['a', { b: null }] })).toEqual([
      '.spec.containers: expected list, got &{map[]}',
      '.spec.priority: expected numeric (int or float), got string',
      '.spec.hostNetwork: expected boolean, got &{1}',
      '.spec.nodeName: expected string, got &value.valueUnstructured{Value:[]interface {}{"a", map[string]interface {}{"b":interface {}(nil)}}}',
    ]);
    expect(pod({ containers: [null, 'x'] })).toEqual([
      '.spec.containers: element 0: associative list with keys may not have a null element',
    ]);
    expect(pod({ containers: ['x'] })).toEqual([
      '.spec.containers: element 0: associative list with keys may not have non-map elements',
    ]);
    expect(problems('V1Pod', { metadata: { finalizers: [null] } })).toEqual([
      ".metadata.finalizers: element 0: associative list without keys has an element that's an explicit null",
    ]);
    expect(pod({ containers: [{ name: 'c', livenessProbe: { httpGet: { port: {} } } }] })).toEqual([
      '.spec.containers[name="c"].livenessProbe.httpGet.port: expected any scalar, got &{map[]}',
    ]);
    expect(problems('V1Pod', { metadata: { finalizers: ['a/b', 'a/b', {}] } })).toEqual([
      '.metadata.finalizers: duplicate entries for key [="a/b"]',
      ".metadata.finalizers: element 2: associative list without keys has an element that's a map type",
    ]);
    expect(pod({ containers: [{ name: 'c', args: [1] }] })).toEqual([
      '.spec.containers[name="c"].args[0]: expected string, got &value.valueUnstructured{Value:1}',
    ]);
  });

  it('keeps to what objects have themselves', () => {
    expect(pod(JSON.parse('{"constructor":1}') as object)).toEqual(['.spec.constructor: field not declared in schema']);
    expect(pod(JSON.parse('{"__proto__":2}') as object)).toEqual(['.spec.__proto__: field not declared in schema']);
  });

  it('lets fields be where the schema keeps them', () => {
    const schema: Schema = { type: 'object', preserveUnknownFields: true, properties: { a: { type: 'string' } } };
    expect(problems(schema, { a: 1, b: { c: [1] } })).toEqual([
      '.a: expected string, got &value.valueUnstructured{Value:1}',
    ]);
  });

  it('stops counting', () => {
    const containers = Array.from({ length: 500 }, (_, i) => ({ name: `c${i}`, unknown: 1 }));
    expect(pod({ containers })).toHaveLength(100);
  });
});

describe('joinTypedProblems()', () => {
  it('stands one alone and lists several', () => {
    expect(joinTypedProblems(['.a: x'])).toBe('.a: x');
    expect(joinTypedProblems(['.a: x', '.b: y'])).toBe('errors:\n  .a: x\n  .b: y');
  });
});
