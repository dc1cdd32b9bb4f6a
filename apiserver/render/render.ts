/** An object of a kind in the form that its reader accepts: itself, a Table of one row, or its metadata. */
import type { ApiResponse, EncodedObject } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import * as errors from '../../api/machinery/errors.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { RequestContext } from '../request-context.ts';
import { encodedResponse, objectResponse } from '../responses.ts';
import type { MediaType } from './negotiate.ts';
import { negotiate, PLAIN_JSON } from './negotiate.ts';
import type { IncludeObject } from './table.ts';
import { columnDefinitions, partialMetadata, tableOf, tableRow } from './table.ts';

export function mediaTypeFor(context: RequestContext): MediaType {
  const { request } = context;
  if (request.wantsObjects === true && request.headers['accept'] === undefined) return PLAIN_JSON;
  return negotiate(request.headers['accept'], isPretty(request.query.get('pretty')));
}

function isPretty(value: string | null): boolean {
  return value !== null && value !== '' && value !== 'false' && value !== '0';
}

/** Throws BadRequest for an unknown policy. Default: Metadata. */
export function includeObjectOf(context: RequestContext): IncludeObject {
  const value = context.request.query.get('includeObject') ?? '';
  if (value === '' || value === 'Metadata') return 'Metadata';
  if (value === 'None' || value === 'Object') return value;
  throw errors.badRequest(`unrecognized includeObject value: ${JSON.stringify(value)}`);
}

export function render(
  context: RequestContext,
  kind: ServedKind,
  { object, nowMs, status = 200 }: { object: EncodedObject; nowMs: number; status?: number },
): ApiResponse {
  const { as } = mediaTypeFor(context);
  if (as === 'object') return encodedResponse(object, status);
  const decoded = object.object() as ApiObject;
  if (as === 'metadata') return objectResponse(partialMetadata(decoded), status);
  const { resourceVersion } = decoded.metadata;
  const row = tableRow(kind.resource, decoded, { nowMs, include: includeObjectOf(context) });
  return objectResponse(tableOf(columnDefinitions(kind.resource), { resourceVersion }, [row]), status);
}
