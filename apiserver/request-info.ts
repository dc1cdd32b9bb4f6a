/**
 * What a request is about, read from its method, path and query alone (apiserver `pkg/endpoints/request/requestinfo.go`).
 * Authentication, authorization, audit and the router all use this one reading.
 */
export interface RequestInfo {
  isResourceRequest: boolean;
  /** Decoded path. */
  path: string;
  /** `get list watch create update patch delete deletecollection`; for non-resource paths the method in lower case. */
  verb: string;
  /** `api` or `apis`. */
  apiPrefix: string;
  apiGroup: string;
  apiVersion: string;
  namespace: string;
  resource: string;
  subresource: string;
  name: string;
  /** From the resource on: `['pods', 'web', 'log']`. */
  parts: readonly string[];
}

const METHOD_VERBS: Record<string, string> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Subresources whose name stands where a namespaced resource would (`/namespaces/x/finalize`). */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);

/** Verbs on a whole collection that a field selector can narrow to one object. */
const COLLECTION_VERBS = new Set(['list', 'watch', 'deletecollection']);

function isTrue(value: string | null): boolean {
  return value === 'true' || value === '1' || value === 't' || value === 'T' || value === 'TRUE' || value === 'True';
}

/** `metadata.name=x` in a field selector names one object for authorization. */
function nameFromFieldSelector(query: URLSearchParams): string {
  const match = /^metadata\.name==?([^,\\]+)$/.exec(query.get('fieldSelector') ?? '');
  return match?.[1] ?? '';
}

const SLASH = 0x2f;

/** In one pass: a regular expression would look at a run of slashes from each of them. */
export function trimSlashes(path: string, where: 'both ends' | 'end' = 'both ends'): string {
  let start = 0;
  let end = path.length;
  while (where === 'both ends' && start < end && path.charCodeAt(start) === SLASH) start++;
  while (end > start && path.charCodeAt(end - 1) === SLASH) end--;
  return path.slice(start, end);
}

function splitSegments(path: string): string[] {
  const trimmed = trimSlashes(path);
  return trimmed === '' ? [] : trimmed.split('/');
}

/** Throws URIError on a malformed percent-encoding. */
export function requestInfoOf(method: string, rawPath: string, query: URLSearchParams): RequestInfo {
  // Every segment is decoded by itself, so that an encoded slash never makes a new segment.
  const segments = splitSegments(rawPath).map(decodeURIComponent);
  const info: RequestInfo = {
    isResourceRequest: false,
    path: decodeURIComponent(rawPath),
    verb: method.toLowerCase(),
    apiPrefix: '',
    apiGroup: '',
    apiVersion: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    parts: [],
  };
  const isCore = segments[0] === 'api';
  if (!isCore && segments[0] !== 'apis') return info;
  const parts = segments.slice(isCore ? 2 : 3);
  if (parts.length === 0) return info;
  info.isResourceRequest = true;
  info.apiPrefix = segments[0]!;
  info.apiGroup = isCore ? '' : segments[1]!;
  info.apiVersion = isCore ? segments[1]! : segments[2]!;
  info.verb = METHOD_VERBS[method] ?? '';
  return readParts(info, parts, query);
}

function readParts(info: RequestInfo, allParts: string[], query: URLSearchParams): RequestInfo {
  let parts = allParts;
  // The old form `/watch/…` comes before everything else.
  if (parts[0] === 'watch' && parts.length > 1) {
    info.verb = 'watch';
    parts = parts.slice(1);
  }
  if (parts[0] === 'namespaces' && parts.length > 1) {
    info.namespace = parts[1]!;
    if (parts.length > 2 && !NAMESPACE_SUBRESOURCES.has(parts[2]!)) parts = parts.slice(2);
  }
  info.parts = parts;
  info.resource = parts[0]!;
  info.name = parts[1] ?? '';
  info.subresource = parts[2] ?? '';
  return info.name === '' ? asCollection(info, query) : info;
}

/** The verb of a request that names no object; a field selector may name it after all. */
function asCollection(info: RequestInfo, query: URLSearchParams): RequestInfo {
  if (info.verb === 'get') info.verb = isTrue(query.get('watch')) ? 'watch' : 'list';
  if (info.verb === 'delete') info.verb = 'deletecollection';
  if (COLLECTION_VERBS.has(info.verb)) info.name = nameFromFieldSelector(query);
  return info;
}

/** The name in the path; `info.name` may come from a field selector instead. */
export function pathName(info: RequestInfo): string {
  return info.parts[1] ?? '';
}
