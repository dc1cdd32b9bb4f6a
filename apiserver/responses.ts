/** Building responses: objects with memoized encodings, and Status documents. */
import type { ApiResponse, EncodedObject } from '../api/machinery/handler.ts';
import type { ApiError, Status } from '../api/machinery/errors.ts';

/** Wraps a decoded object; its bytes are made when asked for. */
export function encodedObject(object: unknown): EncodedObject {
  let bytes: Uint8Array | undefined;
  return {
    object: () => object,
    bytes: () => (bytes ??= Buffer.from(JSON.stringify(object))),
  };
}

export function objectResponse(object: unknown, status = 200): ApiResponse {
  return { status, headers: {}, body: { type: 'object', encoded: encodedObject(object) } };
}

export function encodedResponse(encoded: EncodedObject, status = 200): ApiResponse {
  return { status, headers: {}, body: { type: 'object', encoded } };
}

/** JSON for people whatever the client accepts, as upstream answers what is no object of the API (`WriteRawJSON`). */
export function rawJsonResponse(value: unknown): ApiResponse {
  const bytes = Buffer.from(JSON.stringify(value, null, 2));
  return { status: 200, headers: {}, body: { type: 'bytes', bytes, contentType: 'application/json' } };
}

export function textResponse(text: string, status = 200): ApiResponse {
  return {
    status,
    headers: {},
    body: { type: 'bytes', bytes: Buffer.from(text), contentType: 'text/plain; charset=utf-8' },
  };
}

export function errorResponse(error: ApiError): ApiResponse {
  const retryAfter = error.status.details?.retryAfterSeconds;
  const headers: Record<string, string> =
    retryAfter !== undefined && retryAfter > 0 ? { 'retry-after': String(retryAfter) } : {};
  return { status: error.code, headers, body: { type: 'object', encoded: encodedObject(error.status) } };
}

/** What a deletion answers when the object is gone at once. */
export function successStatus(details: NonNullable<Status['details']>): Status {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}
