import { describe, expect, it } from '@jest/globals';
import { checkStructure } from './check.ts';
import type { StructureResult } from './check.ts';
import { loadSchemaTable } from './table.ts';

const table = loadSchemaTable();

function check(kind: string, object: unknown): StructureResult & { object: unknown } {
  return { ...checkStructure({ table, schema: `V1${kind}`, kind, apiVersion: 'v1', object }), object };
}

const typeError = (kind: string, object: unknown): string | undefined => check(kind, object).typeError;

describe('checkStructure() pruning', () => {
  it('drops unknown fields and names their paths', () => {
    const {
      object,
      unknownFields,
      typeError: error,
    } = check('Pod', {
      apiVersion: 'v1',
      nope: 1,
      metadata: { name: 'a', labels: { any: 'thing' } },
      spec: { containers: [{ name: 'a' }, { name: 'b', foo: { x: 1 }, ports: [{ containerPort: 1, bar: 2 }] }] },
    });
    expect(error).toBeUndefined();
    expect(unknownFields).toEqual(['nope', 'spec.containers[1].foo', 'spec.containers[1].ports[0].bar']);
    expect(object).toEqual({
      apiVersion: 'v1',
      metadata: { name: 'a', labels: { any: 'thing' } },
      spec: {
        containers: [
          { name: 'a', resources: {} },
          { name: 'b', ports: [{ containerPort: 1 }], resources: {} },
        ],
      },
      status: {},
    });
  });

  it('drops nulls of struct fields and gives nulls in lists and maps their zero value', () => {
    const { object, unknownFields } = check('Pod', {
      metadata: { creationTimestamp: null, labels: { a: null }, annotations: null },
      spec: { containers: [null], nodeSelector: null },
    });
    expect(unknownFields).toEqual([]);
    expect(object).toEqual({
      metadata: { labels: { a: '' } },
      spec: { containers: [{ name: '', resources: {} }] },
      status: {},
    });
  });

  it('keeps what is inside objects of any kind, nulls too', () => {
    const data = { any: [{ thing: null }] };
    expect(check('ControllerRevision', { revision: 1, data }).object).toEqual({ metadata: {}, revision: 1, data });
    const fieldsV1 = { 'f:data': { '.': {} } };
    const object = { metadata: { managedFields: [{ manager: 'x', fieldsV1 }] } };
    expect(check('ConfigMap', structuredClone(object)).object).toEqual(object);
  });

  it('prunes inside CRD schemas, in nested ones without reporting', () => {
    const schema = {
      type: 'object',
      items: { type: 'string', foo: 1 },
      default: { foo: null },
      properties: { a: { foo: 1 } },
    };
    const { unknownFields } = check('CustomResourceValidation', { openAPIV3Schema: schema });
    expect(unknownFields).toEqual(['openAPIV3Schema.properties.a.foo']);
    expect(schema).toEqual({
      type: 'object',
      items: { type: 'string' },
      default: { foo: null },
      properties: { a: {} },
    });
  });

  it('treats __proto__ as a key like any other', () => {
    const object = JSON.parse(
      '{"__proto__":{"x":1},"metadata":{"labels":{"__proto__":null}},"data":{"constructor":"c"}}',
    );
    const { unknownFields } = check('ConfigMap', object);
    expect(unknownFields).toEqual(['__proto__']);
    expect(JSON.stringify(object)).toBe('{"metadata":{"labels":{"__proto__":""}},"data":{"constructor":"c"}}');
    expect(({} as { x?: number }).x).toBeUndefined();
  });
});

describe('checkStructure() type errors', () => {
  it.each([
    [
      'Deployment',
      { spec: { replicas: 'two' } },
      'string into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      'Deployment',
      { spec: { replicas: 1.5 } },
      'number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    ['Deployment', { spec: 'x' }, 'string into Go struct field Deployment.spec of type v1.DeploymentSpec'],
    [
      'ConfigMap',
      { metadata: { labels: { a: 1 } } },
      'number into Go struct field ObjectMeta.metadata.labels of type string',
    ],
    ['ConfigMap', { data: [] }, 'array into Go struct field ConfigMap.data of type map[string]string'],
    [
      'Deployment',
      { spec: { template: { spec: { containers: [{ env: [{ name: 'a', value: 1 }] }] } } } },
      'number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string',
    ],
    ['Pod', { spec: { containers: {} } }, 'object into Go struct field PodSpec.spec.containers of type []v1.Container'],
    ['Pod', { spec: { hostNetwork: 'yes' } }, 'string into Go struct field PodSpec.spec.hostNetwork of type bool'],
    [
      'Pod',
      { metadata: { generation: 1e300 } },
      'number 1e+300 into Go struct field ObjectMeta.metadata.generation of type int64',
    ],
    ['ConfigMap', { metadata: { creationTimestamp: 5 } }, 'number into Go value of type string'],
    ['ConfigMap', [], 'array into Go value of type v1.ConfigMap'],
    ['Service', { spec: { ports: [{ targetPort: true }] } }, 'bool into Go value of type int32'],
  ])('%s %j', (kind, object, expected) => {
    expect(typeError(kind, object)).toBe(`json: cannot unmarshal ${expected}`);
  });

  it('reports the first of several', () => {
    expect(typeError('Pod', { spec: { hostNetwork: 1, hostPID: 2 } })).toContain('hostNetwork');
  });

  it('refuses what is not a quantity, a time or base64', () => {
    const limits = (cpu: unknown) => ({ spec: { containers: [{ resources: { limits: { cpu } } }] } });
    expect(typeError('Pod', limits('1 core'))).toMatch(/^quantities must match the regular expression/);
    expect(typeError('Pod', limits({}))).toMatch(/^quantities must match the regular expression/);
    expect(typeError('Secret', { data: { a: 'AAA*' } })).toBe('illegal base64 data at input byte 3');
    expect(typeError('Secret', { data: { a: 'AAAAA' } })).toBe('illegal base64 data at input byte 4');
    expect(typeError('Secret', { data: { a: 'AA==', b: '', c: 'QUJD\nQUI=' } })).toBeUndefined();
    expect(typeError('ConfigMap', { metadata: { creationTimestamp: 'today' } })).toBe(
      'parsing time "today" as "2006-01-02T15:04:05Z07:00": cannot parse "today" as "2006"',
    );
  });
});

describe('checkStructure() canonical forms', () => {
  it('writes quantities and times as the API returns them', () => {
    const { object } = check('Pod', {
      metadata: { creationTimestamp: '2024-02-29T23:30:00.5-01:00' },
      spec: {
        containers: [{ resources: { limits: { cpu: 0.5, memory: '1024Mi', pods: 1 } } }],
        overhead: { cpu: null },
      },
    });
    expect(object).toEqual({
      metadata: { creationTimestamp: '2024-03-01T00:30:00Z' },
      spec: {
        containers: [{ name: '', resources: { limits: { cpu: '500m', memory: '1Gi', pods: '1' } } }],
        overhead: { cpu: '0' },
      },
      status: {},
    });
  });

  const pod = (spec: object): object => ({ metadata: {}, spec, status: {} });
  const container = { name: 'a', resources: {} };

  it('leaves out the zeros of optional values, and keeps those of pointers', () => {
    const { object } = check('Pod', {
      metadata: { name: 'a', namespace: '', generation: 0 },
      spec: {
        hostNetwork: false,
        nodeName: '',
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 0,
        runtimeClassName: '',
        containers: [{ ...container, stdin: false, volumeMounts: [{ name: 'v', mountPath: '/v', readOnly: false }] }],
      },
    });
    expect(object).toEqual({
      ...pod({
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 0,
        runtimeClassName: '',
        containers: [{ ...container, volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
      }),
      metadata: { name: 'a' },
    });
  });

  it('writes what a value without omitempty says with its zero, given or not', () => {
    const status = { name: 'a', restartCount: 0, ready: false, image: '', imageID: '' };
    const written = { ...status, state: {}, lastState: {} };
    for (const given of [status, { name: 'a' }]) {
      const { object } = check('Pod', { spec: { containers: [] }, status: { containerStatuses: [given] } });
      expect(object).toEqual({ ...pod({ containers: [] }), status: { containerStatuses: [written] } });
    }
    expect(check('Service', {}).object).toEqual({ metadata: {}, spec: {}, status: { loadBalancer: {} } });
  });

  it('leaves out empty lists and maps, and keeps empty structs behind pointers', () => {
    const { object } = check('Pod', {
      metadata: { labels: {}, finalizers: [] },
      spec: { securityContext: {}, volumes: [], nodeSelector: {}, containers: [{ ...container, args: [] }] },
    });
    expect(object).toEqual(pod({ securityContext: {}, containers: [container] }));
    expect(check('Role', { rules: [] }).object).toEqual({ metadata: {}, rules: [] });
  });

  it('looks at the type of a zero before it goes', () => {
    expect(typeError('Pod', { spec: { hostNetwork: '' } })).toMatch(/cannot unmarshal string into .* of type bool$/);
    expect(typeError('Deployment', { spec: { minReadySeconds: false } })).toMatch(/unmarshal bool .* of type int32$/);
    expect(typeError('Pod', { spec: { nodeName: 0 } })).toMatch(/cannot unmarshal number .* of type string$/);
    expect(typeError('Pod', { spec: { volumes: {} } })).toMatch(/cannot unmarshal object .* of type \[\]v1.Volume$/);
  });

  it('leaves an applied configuration as it says', () => {
    const object = { metadata: { labels: {} }, spec: { hostNetwork: false, containers: [{ name: 'a', args: [] }] } };
    const input = { table, schema: 'V1Pod', kind: 'Pod', apiVersion: 'v1', keepsZeros: true };
    const checked = structuredClone(object);
    expect(checkStructure({ ...input, object: checked })).toEqual({ unknownFields: [], typeError: undefined });
    expect(checked).toEqual(object);
  });

  it("leaves zeros in a custom resource's schema", () => {
    const schema = {
      type: 'object' as const,
      properties: { a: { type: 'integer' as const }, b: { type: 'array' as const } },
    };
    const object = { a: 0, b: [] };
    checkStructure({ table, schema, kind: 'Thing', apiVersion: 'x/v1', object });
    expect(object).toEqual({ a: 0, b: [] });
  });
});
