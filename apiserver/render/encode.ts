/** Objects in the encoding that a request accepts (apiserver `endpoints/handlers/responsewriters/writers.go`). */
import { stringify } from 'yaml';
import type { ApiRequest, EncodedObject } from '../../api/machinery/handler.ts';
import { encodeProtobuf, hasProtobuf } from '../../api/protobuf/encode.ts';
import { PROTOBUF_TYPE } from '../../api/protobuf/unknown.ts';
import type { MediaType } from './negotiate.ts';
import { negotiate, notAcceptable } from './negotiate.ts';

export interface EncodedBody {
  bytes: Uint8Array;
  contentType: string;
  /** Where it is not the answer's: 406. */
  status?: number;
}

const CONTENT_TYPES: Readonly<Record<MediaType['format'], string>> = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: PROTOBUF_TYPE,
};

export function contentTypeOf({ format }: MediaType): string {
  return CONTENT_TYPES[format];
}

const NEWLINE = 0x0a;

/** What answers a request with an object; `status` is the answer's. */
export function encodeBody(request: ApiRequest, encoded: EncodedObject, status: number): EncodedBody {
  const { accept } = request.headers;
  const protobuf = accept?.includes('protobuf') === true && hasProtobufForm(encoded.object());
  // Errors are not transformed: who takes nothing but a Table cannot be told one.
  const transforms = status < 400;
  const media = negotiate(accept, { protobuf, tables: transforms, metadata: transforms });
  if (media === undefined) {
    const refusal = notAcceptable();
    return { bytes: encodePretty(refusal.status), contentType: CONTENT_TYPES.json, status: refusal.code };
  }
  const contentType = CONTENT_TYPES[media.format];
  if (media.format === 'protobuf') return { bytes: encodeProtobuf(encoded.object() as never), contentType };
  if (media.format === 'yaml') return { bytes: encodeYaml(encoded.object()), contentType };
  if (media.pretty || wantsPretty(request)) return { bytes: encodePretty(encoded.object()), contentType };
  return { bytes: withNewline(encoded.bytes()), contentType };
}

function hasProtobufForm(object: unknown): boolean {
  const { apiVersion = '', kind = '' } = (object ?? {}) as { apiVersion?: string; kind?: string };
  return hasProtobuf(apiVersion, kind);
}

function withNewline(bytes: Uint8Array): Uint8Array {
  const line = Buffer.allocUnsafe(bytes.length + 1);
  line.set(bytes);
  line[bytes.length] = NEWLINE;
  return line;
}

/** Browsers and the tools that people type with (`isPrettyPrint`). */
const FOR_PEOPLE = /^(curl|Wget|Mozilla\/5\.0)/;
/** Go's `strconv.ParseBool`; what it cannot read is false. */
const TRUE = /^(1|t|T|TRUE|true|True)$/;

/** By the query, or else by who asks. */
export function wantsPretty({ query, headers }: Pick<ApiRequest, 'query' | 'headers'>): boolean {
  const asked = query.get('pretty') ?? '';
  return asked === '' ? FOR_PEOPLE.test(headers['user-agent'] ?? '') : TRUE.test(asked);
}

export function encodePretty(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value, null, 2));
}

/** Keys in their order, lists at their key's column: as Go's library writes it. */
export function encodeYaml(value: unknown): Buffer {
  return Buffer.from(
    stringify(value, {
      version: '1.1',
      lineWidth: 0,
      sortMapEntries: true,
      indentSeq: false,
      aliasDuplicateObjects: false,
    }),
  );
}
