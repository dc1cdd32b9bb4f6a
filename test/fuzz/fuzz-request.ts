/** One request of the fuzzer: plain data, which can be sent again, printed and made smaller. */
import { stringify } from 'yaml';
import { encodeProtobuf, hasProtobuf } from '../../api/protobuf/encode.ts';
import { encodeHostile } from './hostile-text.ts';

export interface FuzzRequest {
  method: string;
  path: string;
  query: string;
  headers: Record<string, string>;
  /** Absent: no body. `bytes` is in base64. */
  body?: FuzzBody;
  /** Over HTTP/2 instead of the handler. */
  overSocket?: boolean;
}

export type FuzzBody = { form: 'json' | 'yaml' | 'protobuf'; value: unknown } | { form: 'bytes'; base64: string };

export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

export function encodeBody(body: FuzzBody | undefined): Buffer | undefined {
  if (body === undefined) return undefined;
  if (body.form === 'bytes') return Buffer.from(body.base64, 'base64');
  const json = encodeHostile(body.value);
  if (body.form === 'json') return Buffer.from(json);
  try {
    const object = JSON.parse(json) as { apiVersion: string; kind: string };
    if (body.form === 'yaml') return Buffer.from(stringify(object, { aliasDuplicateObjects: true }));
    if (hasProtobuf(object.apiVersion, object.kind)) return encodeProtobuf(object);
  } catch {
    // What cannot be written in that form is sent as it is.
  }
  return Buffer.from(json);
}

export function bytesBody(bytes: Uint8Array): FuzzBody {
  return { form: 'bytes', base64: Buffer.from(bytes).toString('base64') };
}

export const isWrite = ({ method }: FuzzRequest): boolean => method !== 'GET' && method !== 'HEAD';

export function formatRequest({ method, path, query, headers, body, overSocket }: FuzzRequest): string {
  const url = query === '' ? path : `${path}?${query}`;
  const said = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const shown =
    body === undefined
      ? []
      : [body.form === 'bytes' ? `base64 ${body.base64}` : `${body.form} ${JSON.stringify(body.value)}`];
  const lines = [`${method} ${url}${overSocket === true ? ' (HTTP/2)' : ''}`, ...said, ...shown];
  return lines
    .map((line) => (line.length > 1_500 ? `${line.slice(0, 1_500)} … ${line.length} in all` : line))
    .join('\n  ');
}
