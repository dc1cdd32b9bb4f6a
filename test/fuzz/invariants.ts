/** What must hold after each request, whatever it was. */
import { isDeepStrictEqual } from 'node:util';
import { decodeProtobuf } from '../../api/protobuf/decode.ts';
import { bytesBody, encodeBody, isWrite, PROTOBUF } from './fuzz-request.ts';
import type { FuzzRequest } from './fuzz-request.ts';
import type { FuzzAnswer, FuzzServer } from './fuzz-server.ts';
import type { FuzzKind } from './kinds.ts';

type Json = Record<string, unknown>;

export interface Failure {
  /** The invariant. */
  what: string;
  detail: string;
}

/** Of a whole episode. */
export const DISAGREEMENT = 'list and watch agree';

/** Processor time that a request may take: this, and more for what it sends and gets. */
const CPU_MS = 500;
const CPU_MS_PER_KB = 2;

/** Answers of 500 and more that upstream gives as well. */
const EXPECTED_ERRORS: readonly (readonly [RegExp, string])[] = [
  // Upstream: internal/scheme errors of structured-merge-diff are no StatusError.
  [
    /failed to create (typed|manager for)|failed to convert|failed to prune fields|failed to (update|apply)|\.(spec|metadata|data)[^ ]*: (duplicate|expected)/i,
    'server-side apply answers errors of types with 500',
  ],
  [
    /failed calling webhook|failed to call webhook/i,
    'a webhook with failurePolicy Fail that cannot be reached is an internal error',
  ],
  [/conversion webhook for .* failed/i, 'so is one that converts'],
  [
    /impersonation of groups, a uid or extra values without|without impersonating a user/,
    'upstream answers impersonation of groups alone with 500',
  ],
  [/error dialing backend|no such host|address .* (unknown|not allowed)/i, 'a kubelet that is not there'],
];

export interface Observation {
  request: FuzzRequest;
  answer: FuzzAnswer;
  cpuMs: number;
  writesBefore: number;
  complaintsBefore: number;
}

/** Of one answer, by itself. */
export function judge(observation: Observation, server: FuzzServer): Failure | undefined {
  const { request, answer, complaintsBefore } = observation;
  const complaint = server.complaints.slice(complaintsBefore).join('\n');
  if (answer.status >= 500 && !isExpected(request, answer))
    return { what: 'no 5xx', detail: `${answer.status} ${textOf(answer)} ${complaint}` };
  if (complaint !== '') return { what: 'no complaints of the server', detail: complaint };
  const problem = answer.status >= 400 ? statusProblem(answer) : undefined;
  if (problem !== undefined) return { what: 'well-formed Status', detail: `${problem}: ${textOf(answer)}` };
  return tookTooLong(observation) ?? wroteAnyway(observation, server);
}

const textOf = ({ bytes }: FuzzAnswer): string => bytes.toString().slice(0, 600);

function tookTooLong({ request, answer, cpuMs }: Observation): Failure | undefined {
  const size = (encodeBody(request.body)?.length ?? 0) + answer.bytes.length + request.query.length;
  const bound = CPU_MS + (CPU_MS_PER_KB * size) / 1024;
  if (cpuMs <= bound) return undefined;
  return { what: 'processor time', detail: `took ${Math.round(cpuMs)} ms, ${Math.round(bound)} ms are allowed` };
}

function wroteAnyway({ request, answer, writesBefore }: Observation, server: FuzzServer): Failure | undefined {
  const { status } = answer;
  if (status < 400 && isWrite(request) && !/(^|&)dryRun=All/.test(request.query)) return undefined;
  // Upstream, too, sees only when it answers that an object is no list of metadata.
  if (status === 406 && /as=Partial/.test(request.headers['accept'] ?? '')) return undefined;
  // What is deleted one after the other is gone up to the one that could not be.
  if (status >= 400 && request.method === 'DELETE') return undefined;
  // Definitions have a controller, which writes beside.
  const writes = server.written.slice(writesBefore).filter((key) => !key.includes('customresourcedefinitions/'));
  if (writes.length === 0 || isDeletingDefinition(server, writesBefore)) return undefined;
  return { what: 'a refused request changes nothing', detail: `${status} wrote ${writes.join()}: ${textOf(answer)}` };
}

/** Objects of a definition that goes are deleted beside other requests. */
function isDeletingDefinition(server: FuzzServer, writesBefore: number): boolean {
  return server.written.slice(Math.max(0, writesBefore - 20)).some((key) => key.includes('customresourcedefinitions/'));
}

function isExpected(request: FuzzRequest, answer: FuzzAnswer): boolean {
  // What is asked for later than it is there (a revision, a budget's status), as upstream answers.
  if (answer.status === 503 || answer.status === 504) return true;
  const text = answer.bytes.toString();
  const isApply = /apply-patch/.test(request.headers['content-type'] ?? '');
  return EXPECTED_ERRORS.some(([pattern], index) => pattern.test(text) && (index > 0 || isApply));
}

function statusProblem({ bytes, type, status }: FuzzAnswer): string | undefined {
  if (bytes.length === 0) return undefined;
  let value: Json;
  try {
    if (type.startsWith(PROTOBUF)) value = decodeProtobuf(bytes);
    else if (type.startsWith('application/json')) value = JSON.parse(bytes.toString()) as Json;
    else return undefined;
  } catch (error) {
    return `does not decode as ${type}: ${String(error)}`;
  }
  if (value['kind'] === 'Table') return 'is a table';
  const wanted = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status };
  for (const [key, one] of Object.entries(wanted))
    if (value[key] !== one) return `${key} is ${JSON.stringify(value[key])}`;
  if (typeof value['message'] !== 'string' || value['message'] === '') return 'has no message';
  if (value['reason'] !== undefined && typeof value['reason'] !== 'string') return 'reason is no text';
  return undefined;
}

export type Ask = (request: FuzzRequest) => Promise<FuzzAnswer>;

const JSON_TYPE = 'application/json';
const get = (path: string, query = '', accept = JSON_TYPE): FuzzRequest => ({
  method: 'GET',
  path,
  query,
  headers: { accept },
});

/** Of an object that was written: what is read, listed, encoded, and written again, is what was answered. */
export async function judgeAccepted(
  request: FuzzRequest,
  answer: FuzzAnswer,
  { kind, ask }: { kind: FuzzKind; ask: Ask },
): Promise<Failure | undefined> {
  const answered = acceptedObject(request, answer, kind);
  if (answered === undefined) return undefined;
  const { name, namespace, resourceVersion } = answered['metadata'] as {
    name: string;
    namespace?: string;
    resourceVersion: string;
  };
  const collection = `${kind.root}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${kind.plural}`;
  const path = `${collection}/${encodeURIComponent(name)}`;
  const read = await ask(get(path));
  if (read.status !== 200)
    return gone(answered) ? undefined : { what: 'read back', detail: `GET ${path}: ${read.status}` };
  const object = JSON.parse(read.bytes.toString()) as Json;
  // Somebody else has written in between: the controller of definitions.
  if ((object['metadata'] as Json)['resourceVersion'] !== resourceVersion) return undefined;
  if (!isDeepStrictEqual(object, answered)) return { what: 'read back', detail: firstDifference(answered, object) };
  return (
    (await listed(object, collection, ask)) ??
    (await inProtobuf(object, path, { kind, ask })) ??
    (await appliedAgain(request, object, ask)) ??
    (await updatedAgain(object, path, { kind, ask }))
  );
}

function gone(object: Json): boolean {
  const { deletionTimestamp } = object['metadata'] as { deletionTimestamp?: string };
  return deletionTimestamp !== undefined;
}

function acceptedObject(request: FuzzRequest, answer: FuzzAnswer, kind: FuzzKind): Json | undefined {
  if (!isWrite(request) || request.method === 'DELETE' || answer.status >= 300 || answer.status === 0) return undefined;
  if (/dryRun/.test(request.query) || !answer.type.startsWith(JSON_TYPE)) return undefined;
  const object = JSON.parse(answer.bytes.toString()) as Json;
  const metadata = object['metadata'] as Json | undefined;
  const isWhole =
    object['kind'] === kind.kind && typeof metadata?.['resourceVersion'] === 'string' && metadata['uid'] !== undefined;
  return isWhole && kind.verbs.includes('get') ? object : undefined;
}

async function listed(object: Json, collection: string, ask: Ask): Promise<Failure | undefined> {
  const { name } = object['metadata'] as { name: string };
  const selector = `metadata.name=${name.replace(/[\\,=]/g, '\\$&')}`;
  const list = await ask(get(collection, `fieldSelector=${encodeURIComponent(selector)}`));
  if (list.status !== 200) return { what: 'list', detail: `${list.status} ${list.bytes.toString().slice(0, 300)}` };
  const { items } = JSON.parse(list.bytes.toString()) as { items: Json[] };
  const { kind: _kind, apiVersion: _apiVersion, ...bare } = object;
  const { kind: _itemKind, apiVersion: _itemVersion, ...item } = items[0] ?? {};
  if (items.length !== 1) return { what: 'list', detail: `${items.length} of ${name}` };
  return isDeepStrictEqual(item, bare) ? undefined : { what: 'list', detail: firstDifference(bare, item) };
}

async function inProtobuf(
  object: Json,
  path: string,
  { kind, ask }: { kind: FuzzKind; ask: Ask },
): Promise<Failure | undefined> {
  if (kind.isCustom) return undefined;
  const { status, bytes } = await ask(get(path, '', PROTOBUF));
  // Kinds of which upstream has no protobuf any more.
  if (status === 406) return undefined;
  if (status !== 200) return { what: 'protobuf', detail: `${status} ${bytes.toString().slice(0, 300)}` };
  const decoded = decodeProtobuf(bytes);
  if ((decoded['metadata'] as Json)['resourceVersion'] !== (object['metadata'] as Json)['resourceVersion'])
    return undefined;
  const [left, right] = [withoutZeros(object), withoutZeros(decoded)];
  return isDeepStrictEqual(left, right) ? undefined : { what: 'protobuf', detail: firstDifference(left, right) };
}

/** Protobuf cannot tell what is empty from what is absent, and objects in objects have no kind there. */
function withoutZeros(value: unknown, depth = 0): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutZeros(item, depth + 1) ?? null);
  if (typeof value !== 'object' || value === null) return value === null || value === '' ? undefined : value;
  const isRaw = 'metadata' in value && depth > 0;
  const entries = Object.entries(value)
    .filter(([key]) => !isRaw || (key !== 'kind' && key !== 'apiVersion'))
    .map(([key, child]) => [key, withoutZeros(child, depth + 1)] as const)
    .filter(([, child]) => child !== undefined && !(Array.isArray(child) && child.length === 0));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

async function appliedAgain(request: FuzzRequest, applied: Json, ask: Ask): Promise<Failure | undefined> {
  const { resourceVersion, managedFields } = applied['metadata'] as {
    resourceVersion: string;
    managedFields?: unknown;
  };
  // Of what nobody owns, the next apply gives everything to a manager from before, as upstream's does.
  if (managedFields === undefined || applied['kind'] === 'CustomResourceDefinition') return undefined;
  if (!(request.headers['content-type'] ?? '').includes('apply-patch')) return undefined;
  const { status, bytes } = await ask({ ...request, headers: { ...request.headers, accept: JSON_TYPE } });
  if (status >= 300) return { what: 'apply twice', detail: `${status} ${bytes.toString().slice(0, 300)}` };
  const { metadata } = JSON.parse(bytes.toString()) as { metadata: { resourceVersion: string } };
  return metadata.resourceVersion === resourceVersion
    ? undefined
    : { what: 'apply twice', detail: 'the second one wrote' };
}

async function updatedAgain(
  object: Json,
  path: string,
  { kind, ask }: { kind: FuzzKind; ask: Ask },
): Promise<Failure | undefined> {
  if (!kind.verbs.includes('update')) return undefined;
  const body = bytesBody(Buffer.from(JSON.stringify(object)));
  const headers = { accept: JSON_TYPE, 'content-type': JSON_TYPE };
  const { status, bytes } = await ask({ method: 'PUT', path, query: '', headers, body });
  // The controller of definitions writes to them.
  if (status === 409 && kind.plural === 'customresourcedefinitions') return undefined;
  if (status !== 200) return { what: 'update as it is', detail: `${status} ${bytes.toString().slice(0, 600)}` };
  const updated = JSON.parse(bytes.toString()) as Json;
  return isDeepStrictEqual(updated, object)
    ? undefined
    : { what: 'update as it is', detail: firstDifference(object, updated) };
}

/** Path and both values of the first place where two documents differ. */
export function firstDifference(left: unknown, right: unknown, path = ''): string {
  const isContainer = (value: unknown): value is Json => typeof value === 'object' && value !== null;
  if (isContainer(left) && isContainer(right) && Array.isArray(left) === Array.isArray(right)) {
    for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
      const of = (value: Json): unknown => (Object.hasOwn(value, key) ? value[key] : undefined);
      if (!isDeepStrictEqual(of(left), of(right))) return firstDifference(of(left), of(right), `${path}.${key}`);
    }
  }
  const show = (value: unknown): string => (JSON.stringify(value) ?? 'absent').slice(0, 200);
  return `${path}: ${show(left)} became ${show(right)}`;
}
