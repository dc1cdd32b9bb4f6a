import { describe, expect, it } from '@jest/globals';
import type { ApiObject, ManagedFieldsEntry } from '../machinery/meta.ts';
import { loadSchemaTable } from '../schema/table.ts';
import { areEntries, recordUpdate } from './managed-fields.ts';

const table = loadSchemaTable();

interface Write {
  manager: string;
  schema?: string;
  time?: string;
  subresource?: string;
  apiVersion?: string;
}

/** A history of one object: every step is written over the one before. */
function record(...steps: [Write, object][]): ManagedFieldsEntry[] {
  let previous: ApiObject | undefined;
  let managedFields: ManagedFieldsEntry[] = [];
  for (const [write, value] of steps) {
    const next = { metadata: {}, ...value } as ApiObject;
    const { schema = 'V1ConfigMap', time = '2024-01-01T00:00:00Z', apiVersion = 'v1' } = write;
    managedFields = recordUpdate({ ...write, previous, next, managedFields, schema, time, apiVersion, table });
    previous = next;
  }
  return managedFields;
}

const fieldsOf = (entries: readonly ManagedFieldsEntry[], manager: string): unknown =>
  entries.find((entry) => entry.manager === manager)?.fieldsV1;

describe('recordUpdate() on create', () => {
  it('gives every field to the creator, but none that nobody owns', () => {
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: 'a',
        namespace: 'b',
        uid: 'c',
        resourceVersion: '1',
        generation: 1,
        creationTimestamp: '2024-01-01T00:00:00Z',
        managedFields: [],
        labels: { app: 'x' },
        finalizers: ['a/b'],
      },
      data: { k: 'v' },
    };
    expect(record([{ manager: 'kubectl-create' }, object])).toEqual([
      {
        manager: 'kubectl-create',
        operation: 'Update',
        apiVersion: 'v1',
        time: '2024-01-01T00:00:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:metadata': {
            'f:labels': { '.': {}, 'f:app': {} },
            'f:finalizers': { '.': {}, 'v:"a/b"': {} },
          },
          'f:data': { '.': {}, 'f:k': {} },
        },
      },
    ]);
  });

  it('names list items by their keys, with their defaults', () => {
    const container = {
      name: 'web',
      image: 'nginx',
      ports: [{ containerPort: 80 }],
      resources: { limits: { cpu: '1' } },
      livenessProbe: { httpGet: { port: 80 } },
      args: ['a', 'b'],
    };
    const deployment = {
      spec: {
        selector: { matchLabels: { a: 'b' } },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } },
        template: { spec: { containers: [container], nodeSelector: { a: 'b' } } },
      },
    };
    expect(fieldsOf(record([{ manager: 'm', schema: 'V1Deployment' }, deployment]), 'm')).toEqual({
      'f:spec': {
        'f:selector': {},
        'f:strategy': { 'f:type': {}, 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {} } },
        'f:template': {
          'f:spec': {
            'f:nodeSelector': {},
            'f:containers': {
              'k:{"name":"web"}': {
                '.': {},
                'f:name': {},
                'f:image': {},
                'f:args': {},
                'f:livenessProbe': { '.': {}, 'f:httpGet': { '.': {}, 'f:port': {} } },
                'f:ports': { '.': {}, 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
                'f:resources': { '.': {}, 'f:limits': { '.': {}, 'f:cpu': {} } },
              },
            },
          },
        },
      },
    });
  });

  it('records nothing for an object without fields', () => {
    expect(record([{ manager: 'm' }, { metadata: { name: 'a' } }])).toEqual([]);
  });

  it('survives keys such as __proto__', () => {
    const data = JSON.parse('{"__proto__":"x","constructor":"y"}') as object;
    const entries = record([{ manager: 'm' }, { data }], [{ manager: 'n' }, { data: {} }]);
    expect(fieldsOf(entries, 'm')).toEqual({ 'f:data': {} });
  });
});

describe('recordUpdate() on update', () => {
  it('moves what changed to the writer and leaves the rest', () => {
    const entries = record(
      [{ manager: 'a' }, { data: { x: '1', y: '1' } }],
      [{ manager: 'b', time: '2024-01-02T00:00:00Z' }, { data: { x: '2', y: '1', z: '3' } }],
    );
    expect(fieldsOf(entries, 'a')).toEqual({ 'f:data': { '.': {}, 'f:y': {} } });
    expect(fieldsOf(entries, 'b')).toEqual({ 'f:data': { 'f:x': {}, 'f:z': {} } });
    expect(entries.map(({ manager, time }) => `${manager} ${time}`)).toEqual([
      'a 2024-01-01T00:00:00Z',
      'b 2024-01-02T00:00:00Z',
    ]);
  });

  it('takes what is gone from everybody, and drops who owns nothing', () => {
    const entries = record(
      [{ manager: 'a' }, { data: { x: '1' } }],
      [{ manager: 'b' }, { data: { x: '1', y: '2' } }],
      [{ manager: 'c' }, { data: { y: '2' } }],
    );
    expect(entries.map((entry) => entry.manager)).toEqual(['a', 'b']);
    expect(fieldsOf(entries, 'a')).toEqual({ 'f:data': {} });
    const cleared = record([{ manager: 'a' }, { data: { x: '1' } }], [{ manager: 'b' }, {}]);
    expect(cleared).toEqual([]);
  });

  it('adds to the writer’s own entry, and to its time only when it took something', () => {
    const entries = record(
      [{ manager: 'a' }, { data: { x: '1', y: '1' } }],
      [{ manager: 'a', time: '2024-01-02T00:00:00Z' }, { data: { x: '2', y: '1' } }],
      [{ manager: 'a', time: '2024-01-03T00:00:00Z' }, { data: { x: '2' } }],
      [{ manager: 'a', time: '2024-01-04T00:00:00Z' }, { data: { x: '2' } }],
    );
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({ time: '2024-01-02T00:00:00Z', fieldsV1: { 'f:data': { '.': {}, 'f:x': {} } } });
  });

  it('keeps subresources and versions apart', () => {
    const entries = record(
      [{ manager: 'a', schema: 'V1Pod' }, { spec: { hostname: 'x' } }],
      [
        { manager: 'a', schema: 'V1Pod', subresource: 'status' },
        { spec: { hostname: 'x' }, status: { phase: 'Running' } },
      ],
    );
    expect(entries.map(({ subresource, fieldsV1 }) => [subresource, fieldsV1])).toEqual([
      [undefined, { 'f:spec': { 'f:hostname': {} } }],
      ['status', { 'f:status': { 'f:phase': {} } }],
    ]);
  });

  it('changes items of lists by key, whatever their order', () => {
    const pod = (...containers: object[]): object => ({ spec: { containers } });
    const entries = record(
      [{ manager: 'a', schema: 'V1Pod' }, pod({ name: 'x', image: '1' }, { name: 'y', image: '1' })],
      [{ manager: 'b', schema: 'V1Pod' }, pod({ name: 'y', image: '2' }, { name: 'x', image: '1' })],
    );
    expect(fieldsOf(entries, 'b')).toEqual({ 'f:spec': { 'f:containers': { 'k:{"name":"y"}': { 'f:image': {} } } } });
  });

  it('leaves an object without entries without', () => {
    const previous = { metadata: {}, data: { a: '1' } } as ApiObject;
    const next = { metadata: {}, data: { a: '2' } } as ApiObject;
    const write = { manager: 'm', apiVersion: 'v1', time: '2024-01-01T00:00:00Z', schema: 'V1ConfigMap', table };
    expect(recordUpdate({ ...write, previous, next, managedFields: [] })).toEqual([]);
  });

  it.each([
    [
      'fields that are none',
      { operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:data': 5 } },
    ],
    [
      'an element without a kind',
      { operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { data: {} } },
    ],
    [
      'keys that do not parse',
      { operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'k:{': {} } },
    ],
    ['another operation', { operation: 'Patch', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: {} }],
    ['no version', { operation: 'Update', fieldsType: 'FieldsV1', fieldsV1: {} }],
    ['another type', { operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV2', fieldsV1: {} }],
    ['nothing', {}],
  ])('takes entries with %s for none', (_case, entry) => {
    const previous = { metadata: {}, data: { a: '1' } } as ApiObject;
    const next = { metadata: {}, data: { a: '2' } } as ApiObject;
    const write = { manager: 'm', apiVersion: 'v1', time: '2024-01-01T00:00:00Z', schema: 'V1ConfigMap', table };
    const managedFields = [entry] as ManagedFieldsEntry[];
    expect(areEntries(managedFields)).toBe(false);
    expect(recordUpdate({ ...write, previous, next, managedFields })).toEqual([]);
  });

  it('brings entries into their one form', () => {
    const sent: ManagedFieldsEntry[] = [
      {
        manager: 'a',
        operation: 'Update',
        apiVersion: 'v1',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:spec': {
            'f:containers': {
              'k:{"name": "x"}': { 'f:ports': { 'k:{"protocol":"TCP","containerPort":80}': { '.': {} } } },
            },
          },
          'x:later': {},
        },
      },
    ];
    const previous = { metadata: {}, spec: { hostname: 'a' } } as ApiObject;
    const write = { manager: 'm', apiVersion: 'v1', time: '2024-01-01T00:00:00Z', schema: 'V1Pod', table };
    const entries = recordUpdate({ ...write, previous, next: previous, managedFields: sent });
    expect(entries[0]?.fieldsV1).toEqual({
      'f:spec': {
        'f:containers': { 'k:{"name":"x"}': { 'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': {} } } },
      },
    });
  });

  it('merges the oldest updates beyond ten into ancient-changes', () => {
    const data: Record<string, string> = {};
    const steps = Array.from({ length: 14 }, (_, i): [Write, object] => {
      data[`k${i}`] = 'v';
      return [{ manager: `m${i}`, time: `2024-01-${10 + i}T00:00:00Z` }, { data: { ...data } }];
    });
    const entries = record(...steps);
    expect(entries).toHaveLength(10);
    expect(entries[0]?.manager).toBe('ancient-changes');
    expect(fieldsOf(entries, 'ancient-changes')).toEqual({
      'f:data': { '.': {}, 'f:k0': {}, 'f:k1': {}, 'f:k2': {}, 'f:k3': {}, 'f:k4': {} },
    });
  });
});
