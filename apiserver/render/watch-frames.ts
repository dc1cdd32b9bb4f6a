/** Watch events as their reader accepts them: lines of JSON, or frames of protobuf with their length before them. */
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Status } from '../../api/machinery/errors.ts';
import { encodeProtobuf, encodeWatchFrame } from '../../api/protobuf/encode.ts';
import { PROTOBUF_TYPE } from '../../api/protobuf/unknown.ts';
import type { Clock } from '../../base/clock.ts';
import { formatResourceVersion } from '../cacher/codec.ts';
import type { Delivery } from '../cacher/watcher.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { RequestContext } from '../request-context.ts';
import { streamNotAcceptable } from './negotiate.ts';
import { includeObjectOf, mediaTypeOf, metaApiVersion } from './render.ts';
import { columnDefinitions, partialMetadata, tableOf, tableRow } from './table.ts';

export interface WatchFrames {
  contentType: string;
  /** One frame: of JSON its line, of protobuf the length and the event. */
  event(delivery: Delivery): Uint8Array;
  error(status: Status): Uint8Array;
  /** A frame as one message of a transport that keeps messages apart. */
  message(frame: Uint8Array): string | Uint8Array;
}

/** Bytes of the length before a frame of protobuf. */
const LENGTH_BYTES = 4;

/** Throws 406 for an encoding that has no stream. */
export function framesFor(context: RequestContext, kind: ServedKind, clock: Clock): WatchFrames {
  const { format } = mediaTypeOf(context);
  if (format === 'yaml') throw streamNotAcceptable();
  const event = eventEncoder(context, kind, clock);
  if (format === 'protobuf') {
    return {
      contentType: `${PROTOBUF_TYPE};stream=watch`,
      event,
      error: (status) => protobufFrame('ERROR', status),
      message: (frame) => frame.subarray(LENGTH_BYTES),
    };
  }
  return {
    contentType: 'application/json',
    event,
    error: (status) => jsonFrame('ERROR', json(status)),
    message: (frame) => Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).toString(),
  };
}

const FRAME_END = Buffer.from('}\n');

function jsonFrame(type: string, object: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`{"type":"${type}","object":`), object, FRAME_END]);
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function protobufFrame(type: string, object: unknown): Uint8Array {
  return encodeWatchFrame(type, encodeProtobuf(object as never));
}

/** A frame is made once for all watchers that take the same; tables for each, whose first event alone has columns. */
function eventEncoder(context: RequestContext, kind: ServedKind, clock: Clock): WatchFrames['event'] {
  const media = mediaTypeOf(context);
  const apiVersion = metaApiVersion(media);
  const include = includeObjectOf(context);
  const isProtobuf = media.format === 'protobuf';
  const encode = (type: string, object: unknown): Uint8Array =>
    isProtobuf ? protobufFrame(type, object) : jsonFrame(type, json(object));
  let definitionsSent = false;

  if (media.as === 'table') {
    return (delivery) => {
      const object = delivery.type === 'BOOKMARK' ? bookmarkObject(kind, delivery) : delivery.object.object();
      const definitions = definitionsSent ? [] : columnDefinitions(kind.resource);
      definitionsSent = true;
      const row = tableRow(kind.resource, object, { nowMs: clock.now(), include, apiVersion });
      const { resourceVersion } = object.metadata;
      return encode(delivery.type, tableOf(apiVersion, { definitions, metadata: { resourceVersion }, rows: [row] }));
    };
  }
  // An event is no list: who asks for the metadata of one gets the object, as upstream has it.
  const shape = (object: ApiObject): ApiObject =>
    media.as === 'metadata' ? partialMetadata(object, apiVersion) : object;
  const form = `${media.format} ${media.as === 'metadata' ? apiVersion : ''}`;
  return (delivery) => {
    if (delivery.type === 'BOOKMARK') return encode('BOOKMARK', shape(bookmarkObject(kind, delivery)));
    const { type, object, event } = delivery;
    const make = (): Uint8Array =>
      !isProtobuf && media.as !== 'metadata' ? jsonFrame(type, object.bytes()) : encode(type, shape(object.object()));
    // Views of a kind share its events, not their bytes; a custom kind's schema has a new name whenever it is changed.
    return event === undefined ? make() : event.frame(`${type} ${kind.resource.schema} ${form}`, make);
  };
}

/** What says how far a watch has come. */
export function bookmarkObject(
  kind: ServedKind,
  { revision, initialEventsEnd }: { revision: number; initialEventsEnd: boolean },
): ApiObject {
  return {
    kind: kind.groupKind.kind,
    apiVersion: kind.apiVersion,
    metadata: {
      resourceVersion: formatResourceVersion(revision),
      ...(initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
    },
  };
}
