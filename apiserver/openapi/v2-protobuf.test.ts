import { describe, expect, it } from '@jest/globals';
import { WIRE_BYTES, WireReader } from '../../api/protobuf/wire.ts';
import { encodeOpenApiV2 } from './v2-protobuf.ts';

/** The bytes of the given fields of a message, one after another down a path. */
function at(bytes: Uint8Array, ...path: number[]): Uint8Array[] {
  const [first, ...rest] = path;
  if (first === undefined) return [bytes];
  const found: Uint8Array[] = [];
  const reader = new WireReader(bytes);
  while (reader.next()) {
    if (reader.number === first && reader.wireType === WIRE_BYTES) found.push(...at(reader.bytes(), ...rest));
    else reader.skip();
  }
  return found;
}

const texts = (parts: Uint8Array[]): string[] => parts.map((part) => Buffer.from(part).toString());

describe('encodeOpenApiV2() [A3]', () => {
  const kinds = [{ group: '', kind: 'Pod', version: 'v1' }];
  const document = encodeOpenApiV2({
    swagger: '2.0',
    info: { title: 'Kubernetes', version: 'v1' },
    definitions: {
      'io.k8s.api.core.v1.Pod': {
        type: 'object',
        description: 'd'.repeat(300),
        required: ['spec'],
        properties: {
          spec: { $ref: '#/definitions/x' },
          tags: { type: 'array', items: { type: 'string' } },
          labels: { type: 'object', additionalProperties: { type: 'string' } },
        },
        'x-kubernetes-group-version-kind': kinds,
      },
    },
  });
  const schema = at(document, 9, 1, 2)[0]!;

  it('says what document it is', () => {
    expect(texts(at(document, 1))).toEqual(['2.0']);
    expect(texts([...at(document, 2, 1), ...at(document, 2, 2)])).toEqual(['Kubernetes', 'v1']);
  });

  it('holds definitions by name, with lengths of more than one byte', () => {
    expect(texts(at(document, 9, 1, 1))).toEqual(['io.k8s.api.core.v1.Pod']);
    expect(texts(at(schema, 4))).toEqual(['d'.repeat(300)]);
    expect(texts(at(schema, 22, 1))).toEqual(['object']);
    expect(texts(at(schema, 19))).toEqual(['spec']);
  });

  it('holds properties of every form', () => {
    expect(texts(at(schema, 25, 1, 1))).toEqual(['spec', 'tags', 'labels']);
    expect(texts(at(schema, 25, 1, 2, 1))).toEqual(['#/definitions/x']);
    expect(texts(at(schema, 25, 1, 2, 23, 1, 22, 1))).toEqual(['string']);
    expect(texts(at(schema, 25, 1, 2, 21, 1, 22, 1))).toEqual(['string']);
  });

  it('names the kinds in an extension', () => {
    expect(texts(at(schema, 31, 1))).toEqual(['x-kubernetes-group-version-kind']);
    expect(JSON.parse(texts(at(schema, 31, 2, 2))[0]!)).toEqual(kinds);
  });
});
