/** Objects of a kind in the form that their reader accepts: themselves, a Table, or their metadata (`endpoints/handlers/response.go`). */
import type { ApiResponse, EncodedObject } from '../../api/machinery/handler.ts';
import type { ApiObject, ListMeta } from '../../api/machinery/meta.ts';
import * as errors from '../../api/machinery/errors.ts';
import { hasProtobuf } from '../../api/protobuf/encode.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import type { RequestContext } from '../request-context.ts';
import { encodedResponse, objectResponse } from '../responses.ts';
import type { MediaType } from './negotiate.ts';
import { negotiate, notAcceptable, PLAIN_JSON } from './negotiate.ts';
import type { IncludeObject, MetaApiVersion, Table } from './table.ts';
import { columnDefinitions, partialMetadata, tableOf, tableRow } from './table.ts';

/** What the request's answer is to be. Throws 406 when the kind has nothing that the client takes. */
export function negotiateFor({ request }: RequestContext, kind: ServedKind): MediaType {
  const { accept } = request.headers;
  if (accept === undefined) return PLAIN_JSON;
  const protobuf = accept.includes('protobuf') && hasProtobuf(kind.apiVersion, kind.resource.names.kind);
  // What is only asked, and not stored, has no columns.
  const tables = kind.resource.verbs.includes('get');
  const media = negotiate(accept, { protobuf, tables, metadata: true });
  if (media === undefined) throw notAcceptable();
  return media;
}

export function mediaTypeOf({ media = PLAIN_JSON }: RequestContext): MediaType {
  return media;
}

export function metaApiVersion({ metaVersion }: MediaType): MetaApiVersion {
  return `meta.k8s.io/${metaVersion}`;
}

/** Throws BadRequest for an unknown policy. Default: Metadata. */
export function includeObjectOf(context: RequestContext): IncludeObject {
  const value = context.request.query.get('includeObject') ?? '';
  if (value === '' || value === 'Metadata') return 'Metadata';
  if (value === 'None' || value === 'Object') return value;
  throw errors.badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(value)}: must be 'Metadata', 'Object', 'None', or empty`,
  );
}

export function render(
  context: RequestContext,
  kind: ServedKind,
  { object, nowMs, status = 200 }: { object: EncodedObject; nowMs: number; status?: number },
): ApiResponse {
  const media = mediaTypeOf(context);
  if (media.as === 'object') return encodedResponse(object, status);
  const decoded = object.object() as ApiObject;
  if (media.as === 'metadata') return objectResponse(partialMetadata(decoded, metaApiVersion(media)), status);
  if (media.as === 'metadata-list') throw wrongMetadata(kind, media);
  const { resourceVersion } = decoded.metadata;
  return objectResponse(tableFor(context, kind, { metadata: { resourceVersion }, objects: [decoded], nowMs }), status);
}

interface ListOfObjects {
  metadata: object;
  objects: readonly ApiObject[];
  nowMs: number;
}

function tableFor(context: RequestContext, kind: ServedKind, { metadata, objects, nowMs }: ListOfObjects): Table {
  const apiVersion = metaApiVersion(mediaTypeOf(context));
  const include = includeObjectOf(context);
  const rows = objects.map((object) => tableRow(kind.resource, object, { nowMs, include, apiVersion }));
  return tableOf(apiVersion, { definitions: columnDefinitions(kind.resource), metadata, rows });
}

/** A list of a kind. */
export function renderList(
  context: RequestContext,
  kind: ServedKind,
  { metadata, objects, nowMs }: ListOfObjects & { metadata: ListMeta },
): ApiResponse {
  const media = mediaTypeOf(context);
  switch (media.as) {
    case 'object':
      return objectResponse({
        kind: kind.resource.names.listKind,
        apiVersion: kind.apiVersion,
        metadata,
        items: objects,
      });
    case 'table':
      return objectResponse(tableFor(context, kind, { metadata, objects, nowMs }));
    case 'metadata':
      throw wrongMetadata(kind, media);
    case 'metadata-list': {
      const apiVersion = metaApiVersion(media);
      const items = objects.map((object) => partialMetadata(object, apiVersion));
      return objectResponse({ kind: 'PartialObjectMetadataList', apiVersion, metadata, items });
    }
  }
}

/** One object's metadata for a list, or a list's for one object. */
function wrongMetadata({ resource }: ServedKind, { as }: MediaType): errors.ApiError {
  const isList = as === 'metadata';
  const goPackage = resource.group === '' ? 'core' : resource.group.split('.')[0];
  const goType = `*${goPackage}.${isList ? resource.names.listKind : resource.names.kind}`;
  return new errors.ApiError({
    code: 406,
    reason: 'NotAcceptable',
    message: isList
      ? `you requested PartialObjectMetadata, but the requested object is a list (${goType})`
      : `you requested PartialObjectMetadataList, but the requested object is not a list (${goType})`,
  });
}

/** What a verb answered, in the form that the client accepts, unless it has that form already. */
export function shape(
  context: RequestContext,
  kind: ServedKind,
  { response, nowMs }: { response: ApiResponse; nowMs: number },
): ApiResponse {
  const { body, status, headers } = response;
  if (mediaTypeOf(context).as === 'object' || body.type !== 'object') return response;
  const { names } = kind.resource;
  const object = body.encoded.object() as ApiObject & { items?: ApiObject[]; metadata: ListMeta };
  if (object.apiVersion !== kind.apiVersion) return response;
  if (object.kind === names.kind) return { ...render(context, kind, { object: body.encoded, nowMs, status }), headers };
  if (object.kind !== names.listKind || object.items === undefined) return response;
  return renderList(context, kind, { metadata: object.metadata, objects: object.items, nowMs });
}
