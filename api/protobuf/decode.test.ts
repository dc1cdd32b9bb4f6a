import { describe, expect, it } from '@jest/globals';
import { checkStructure } from '../schema/check.ts';
import { loadSchemaTable } from '../schema/table.ts';
import { decodeProtobuf } from './decode.ts';

const table = loadSchemaTable();

type Value = string | number | boolean | Buffer;

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

/** A message from its fields: number and value. */
function message(...fields: [number, Value][]): Buffer {
  return Buffer.concat(
    fields.map(([number, value]) => {
      if (typeof value === 'number' || typeof value === 'boolean') {
        return Buffer.from([...varint(number << 3), ...varint(Number(value))]);
      }
      const bytes = Buffer.from(value);
      return Buffer.concat([Buffer.from([...varint((number << 3) | 2), ...varint(bytes.length)]), bytes]);
    }),
  );
}

function decode(apiVersion: string, kind: string, raw: Buffer): unknown {
  const typeMeta = message([1, apiVersion], [2, kind]);
  const bytes = Buffer.concat([Buffer.from('k8s\0'), message([1, typeMeta], [2, raw])]);
  const object = decodeProtobuf(bytes, table);
  expect(checkStructure({ table, schema: `V1${kind}`, kind, apiVersion, object }).typeError).toBeUndefined();
  return object;
}

describe('decodeProtobuf()', () => {
  // Go's encoder writes every value, set or not, and of pointers those that are set.
  it('leaves out the zeros of values and keeps those of pointers', () => {
    const metadata = message(
      [1, 'web'],
      [2, ''],
      [3, 'default'],
      [4, ''],
      [5, ''],
      [6, ''],
      [7, 0],
      [8, Buffer.alloc(0)],
    );
    const container = message([1, 'c'], [2, 'i:1'], [5, ''], [16, false]);
    const podSpec = message([2, container], [3, ''], [4, 0], [10, ''], [11, false], [21, false]);
    const template = message([1, message([1, ''])], [2, podSpec]);
    const spec = message([1, 0], [3, template], [4, message([1, ''])], [5, 0], [7, false], [9, 0]);
    expect(decode('apps/v1', 'Deployment', message([1, metadata], [2, spec], [3, message([1, 0], [2, 0])]))).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'default' },
      spec: {
        replicas: 0,
        strategy: {},
        progressDeadlineSeconds: 0,
        template: {
          metadata: {},
          spec: {
            terminationGracePeriodSeconds: 0,
            automountServiceAccountToken: false,
            containers: [{ name: 'c', image: 'i:1', resources: {} }],
          },
        },
      },
      status: {},
    });
  });

  it('keeps what is always written', () => {
    const status = message([1, 'c'], [4, false], [5, 0], [6, ''], [7, '']);
    expect(decode('v1', 'Pod', message([3, message([8, status])]))).toMatchObject({
      status: { containerStatuses: [{ name: 'c', ready: false, restartCount: 0, image: '', imageID: '' }] },
    });
  });
});
