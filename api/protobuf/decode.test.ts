import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { arbitraryObject } from '../schema/arbitrary-object.ts';
import { checkStructure } from '../schema/check.ts';
import { loadSchemaTable } from '../schema/table.ts';
import { decodeProtobuf } from './decode.ts';
import { encodeProtobuf } from './encode.ts';
import { ProtobufError } from './wire.ts';

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
  const object = decodeProtobuf(bytes);
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

const envelopeOf = (apiVersion: string, kind: string, raw: Buffer): Buffer =>
  Buffer.concat([Buffer.from('k8s\0'), message([1, message([1, apiVersion], [2, kind])], [2, raw])]);

describe('hostile bytes', () => {
  /** An object, or an error that says what is wrong with the bytes: nothing else. */
  function survives(bytes: Uint8Array): void {
    try {
      decodeProtobuf(bytes);
    } catch (error) {
      if (!(error instanceof ProtobufError)) throw error;
    }
  }

  it('are refused or read: cut short, changed, or made of nothing', () => {
    const choices = fc.uint8Array({ minLength: 300, maxLength: 300 });
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(fc.constantFrom('Pod', 'Node', 'Secret'), choices, damage, fc.nat(), (kind, made, changes, cut) => {
        const object = arbitraryObject({ table, schema: `V1${kind}`, choices: made });
        const bytes = encodeProtobuf({ ...object, apiVersion: 'v1', kind });
        survives(bytes.subarray(0, cut % bytes.length));
        for (const [at, value] of changes) bytes[4 + (at % (bytes.length - 4))] = value;
        survives(bytes);
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (raw) => survives(envelopeOf('v1', 'Pod', Buffer.from(raw)))),
    );
  });

  it.each<[string, Buffer, string]>([
    ['a length beyond the end', Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f]), 'unexpected EOF'],
    ['a length of 2^63', Buffer.from([0x0a, ...Array<number>(9).fill(0xff), 0x01]), 'unexpected EOF'],
    ['a number without an end', Buffer.from([0x0a, ...Array<number>(11).fill(0xff)]), 'integer overflow'],
    ['field 0', Buffer.from([0x02, 0x00]), 'illegal tag 0'],
    ['a group', Buffer.from([0x6b]), 'illegal wireType 3'],
    ['another wire type', message([1, 7]), 'wrong wireType = 0 for field number 1'],
    ['text that is none', message([1, message([1, Buffer.from([0xff])])]), 'invalid UTF-8'],
    [
      'a year beyond all',
      message([1, message([8, Buffer.from([0x08, ...Array<number>(6).fill(0xff), 0x7f])])]),
      'years',
    ],
  ])('are refused: %s', (_name, raw, words) => {
    expect(() => decodeProtobuf(envelopeOf('v1', 'Pod', raw))).toThrow(ProtobufError);
    expect(() => decodeProtobuf(envelopeOf('v1', 'Pod', raw))).toThrow(words);
  });

  it('are refused: schemas in schemas without end', () => {
    let schema = message([5, 'object']);
    for (let depth = 0; depth < 500; depth++) schema = message([28, schema]);
    const version = message([1, 'v1'], [4, message([1, schema])]);
    const raw = message([2, message([7, version])]);
    expect(() => decodeProtobuf(envelopeOf('apiextensions.k8s.io/v1', 'CustomResourceDefinition', raw))).toThrow(
      'exceeded max depth',
    );
  });

  it('of a kind or group without protobuf are refused', () => {
    for (const [apiVersion, kind] of [
      ['v1', 'Pud'],
      ['constructor/v1', 'Pod'],
      ['', ''],
      ['example.com/v1', 'Pod'],
    ] as const)
      expect(() => decodeProtobuf(envelopeOf(apiVersion, kind, Buffer.alloc(0)))).toThrow('is registered for version');
    expect(() => decodeProtobuf(Buffer.from('{}'))).toThrow('does not appear to be a protobuf message');
  });
});
