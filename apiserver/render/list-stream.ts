/** A LIST on its way out, in chunks, in every encoding: a large one never holds the event loop, and is never one text. */
import { setImmediate } from 'node:timers/promises';
import type { ApiResponse, EncodedObject } from '../../api/machinery/handler.ts';
import type { ListMeta } from '../../api/machinery/meta.ts';
import { encodeListEnvelope, encodeListItem } from '../../api/protobuf/encode.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { RequestContext } from '../request-context.ts';
import { contentTypeOf, encodePretty, encodeYaml, wantsPretty } from './encode.ts';
import { mediaTypeOf } from './render.ts';

interface Page {
  metadata: ListMeta;
  objects: readonly EncodedObject[];
}

interface ListHead {
  kind: string;
  apiVersion: string;
  metadata: ListMeta;
}

/** A chunk is about this large. */
const CHUNK_BYTES = 128 << 10;

export function streamList(context: RequestContext, kind: ServedKind, { metadata, objects }: Page): ApiResponse {
  const media = mediaTypeOf(context);
  const head = { kind: kind.resource.names.listKind, apiVersion: kind.apiVersion, metadata };
  const chunks = inChunks(
    partsOf(head, objects, { format: media.format, pretty: media.pretty || wantsPretty(context.request) }),
  );
  return {
    status: 200,
    headers: {},
    body: { type: 'stream', chunks, contentType: contentTypeOf(media), compressible: true },
  };
}

function partsOf(
  head: ListHead,
  objects: readonly EncodedObject[],
  { format, pretty }: { format: string; pretty: boolean },
): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  if (format === 'protobuf') return protobufParts(head, objects);
  if (format === 'yaml') return yamlParts(head, objects);
  return pretty ? prettyParts(head, objects) : jsonParts(head, objects);
}

class Chunk {
  #parts: Uint8Array[] = [];
  #size = 0;

  /** True when it is large enough to be sent. */
  add(part: Uint8Array): boolean {
    this.#parts.push(part);
    this.#size += part.length;
    return this.#size >= CHUNK_BYTES;
  }

  take(): Uint8Array {
    const bytes = Buffer.concat(this.#parts, this.#size);
    this.#parts = [];
    this.#size = 0;
    return bytes;
  }
}

async function* inChunks(parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const chunk = new Chunk();
  // What is at hand is not awaited part by part.
  if (Symbol.iterator in parts) for (const part of parts) if (chunk.add(part)) yield chunk.take();
  if (Symbol.asyncIterator in parts) for await (const part of parts) if (chunk.add(part)) yield chunk.take();
  yield chunk.take();
}

const COMMA = Buffer.from(',');

function* jsonParts(head: ListHead, objects: readonly EncodedObject[]): Iterable<Uint8Array> {
  yield Buffer.from(`${JSON.stringify(head).slice(0, -1)},"items":[`);
  for (const [position, object] of objects.entries()) {
    if (position > 0) yield COMMA;
    yield object.bytes();
  }
  yield Buffer.from(']}\n');
}

/** As `JSON.stringify(list, null, 2)` would have it. */
function* prettyParts(head: ListHead, objects: readonly EncodedObject[]): Iterable<Uint8Array> {
  const open = `${encodePretty(head).toString().slice(0, -2)},\n  "items": [`;
  yield Buffer.from(open);
  for (const [position, object] of objects.entries()) {
    const text = encodePretty(object.object()).toString().replaceAll('\n', '\n    ');
    yield Buffer.from(`${position > 0 ? ',' : ''}\n    ${text}`);
  }
  yield Buffer.from(objects.length > 0 ? '\n  ]\n}' : ']\n}');
}

/** Keys in their order: `items` stands between `apiVersion` and `kind`. */
function* yamlParts({ apiVersion, kind, metadata }: ListHead, objects: readonly EncodedObject[]): Iterable<Uint8Array> {
  yield encodeYaml({ apiVersion });
  yield Buffer.from(objects.length > 0 ? 'items:\n' : 'items: []\n');
  for (const object of objects) yield encodeYaml([object.object()]);
  yield encodeYaml({ kind, metadata });
}

/** Encoding that many bytes takes about as long as the loop may be held. */
const BYTES_BETWEEN_TURNS = 512 << 10;

/** Lengths stand before what they measure: all items are encoded before the first goes out. */
async function* protobufParts(head: ListHead, objects: readonly EncodedObject[]): AsyncIterable<Uint8Array> {
  const items: Uint8Array[] = [];
  let size = 0;
  let turn = BYTES_BETWEEN_TURNS;
  for (const object of objects) {
    const item = encodeListItem(object.object() as never);
    items.push(item);
    size += item.length;
    if (size < turn) continue;
    turn = size + BYTES_BETWEEN_TURNS;
    await setImmediate();
  }
  const envelope = encodeListEnvelope(head, size);
  yield envelope.head;
  yield* items;
  yield envelope.tail;
}
