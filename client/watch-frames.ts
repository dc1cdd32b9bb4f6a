/** Reads watch events from the wire: one JSON document a line, cut anywhere into chunks. */
import { ApiError } from '../api/machinery/errors.ts';
import type { WatchEvent } from '../api/machinery/handler.ts';
import { deepFreeze } from '../base/freeze.ts';

/** No object that a server stores is near this; a line that grows past it is not a watch. */
const MAX_LINE_BYTES = 32 * 1024 * 1024;

const NEWLINE = 0x0a;

/** A batch for every chunk that completes a line. The events' objects are frozen. A cut-off last line is dropped. */
export async function* decodeFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly WatchEvent[]> {
  let partial: Uint8Array[] = [];
  let partialBytes = 0;
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(NEWLINE);
    if (end < 0) {
      partial.push(chunk);
      partialBytes += chunk.byteLength;
      if (partialBytes > MAX_LINE_BYTES) throw badFrame('a line is too long');
      continue;
    }
    const text = Buffer.concat([...partial, chunk.subarray(0, end)]).toString('utf8');
    partial = end + 1 < chunk.byteLength ? [chunk.subarray(end + 1)] : [];
    partialBytes = chunk.byteLength - end - 1;
    const events = text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map(decodeLine);
    if (events.length > 0) yield events;
  }
}

function decodeLine(line: string): WatchEvent {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    throw badFrame('a line is not JSON');
  }
  if (typeof event !== 'object' || event === null || !('type' in event) || !('object' in event)) {
    throw badFrame('a line is not a watch event');
  }
  return deepFreeze(event as WatchEvent);
}

function badFrame(problem: string): ApiError {
  return new ApiError({ code: 500, reason: 'InternalError', message: `unable to decode the watch: ${problem}` });
}
