/** Makes requests: a kind, a verb, a body that is valid or nearly so, an encoding, and hostile parameters. */
import type { Choices } from '../choices.ts';
import { bytesBody, encodeBody, PROTOBUF } from './fuzz-request.ts';
import type { FuzzBody, FuzzRequest } from './fuzz-request.ts';
import { hostileQuery, hostileText, hostileValue } from './hostile-text.ts';
import type { FuzzKind } from './kinds.ts';
import { mutateBytes, mutateValue } from './mutate.ts';

type Json = Record<string, unknown>;

/** What is there now, for updates that come through: undefined when nothing is. */
export type ReadObject = (path: string) => Promise<Json | undefined>;

const NAMES = ['sample', 'a', 'b', 'sample', 'fuzz-c'];
const JSON_TYPE = 'application/json';
const PATCH_TYPES = ['json-patch+json', 'merge-patch+json', 'strategic-merge-patch+json', 'apply-patch+yaml'] as const;
const BODY_TYPES = [
  JSON_TYPE,
  JSON_TYPE,
  '',
  'application/yaml',
  PROTOBUF,
  'text/plain',
  'application/xml',
  'application/cbor',
  'application/json;x',
  ';',
  'application/merge-patch+json',
];
const ACCEPTS = [
  JSON_TYPE, JSON_TYPE, JSON_TYPE, 'application/yaml', PROTOBUF, '*/*', 'text/plain', '', ',,;q=', `${JSON_TYPE};as=Table;v=v1;g=meta.k8s.io`,
  `${JSON_TYPE};as=PartialObjectMetadata;v=v1;g=meta.k8s.io`, `${JSON_TYPE};as=PartialObjectMetadataList;v=v1;g=meta.k8s.io`, `${PROTOBUF};as=PartialObjectMetadata;v=v1;g=meta.k8s.io`,
  `${JSON_TYPE};as=Table;v=v1;g=meta.k8s.io,${JSON_TYPE}`, 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
]; // prettier-ignore

const FIXED_PATHS = [
  '/', '/api', '/apis', '/api/v1', '/apis/apps', '/apis/apps/v1', '/version', '/healthz', '/livez', '/readyz', '/openapi/v2', '/openapi/v3', '/openapi/v3/api/v1',
  '/openapi/v3/apis/fuzz.example.com/v1', '/apis/fuzz.example.com', '/apis/fuzz.example.com/v1', '/openapi/v3/x', '/openapi/v3/__proto__', '/metrics', '/%', '/%2f%2e%2e', '//', '/api//v1', '/api/v1/namespaces//pods',
  '/apis/__proto__/v1/x', '/api/v1/constructor', '/api/v1/namespaces/default/__proto__/x', '/api/v1/pods/a/b/c/d/e/f', '/apis/apps/v1/watch/deployments', '/api/v1/watch/namespaces/default/pods/x', '/api/v1/proxy/x',
]; // prettier-ignore

export class RequestMaker {
  readonly #kinds: readonly FuzzKind[];
  readonly #choices: Choices;
  readonly #read: ReadObject;

  constructor(kinds: readonly FuzzKind[], choices: Choices, read: ReadObject) {
    this.#kinds = kinds;
    this.#choices = choices;
    this.#read = read;
  }

  async make(): Promise<FuzzRequest> {
    const kind = this.#choices.pick(this.#kinds);
    const has = (verb: string): number => (kind.verbs.includes(verb) ? 1 : 0.02);
    const request = await this.#choices.weighted<() => FuzzRequest | Promise<FuzzRequest>>([
      [30 * has('create'), () => this.#create(kind)],
      [14 * has('update'), () => this.#update(kind)],
      [22 * has('patch'), () => this.#patch(kind)],
      [8 * has('get'), () => this.#plain('GET', this.#object(kind))],
      [8 * has('list'), () => this.#plain('GET', this.#collection(kind))],
      [3 * has('watch'), () => this.#watch(kind)],
      [5 * has('delete'), () => this.#delete(this.#object(kind))],
      [1 * has('deletecollection'), () => this.#delete(this.#collection(kind))],
      [kind.subresources.length === 0 ? 0 : 9, () => this.#subresource(kind)],
      [
        2,
        () =>
          this.#plain(
            this.#choices.pick(['GET', 'GET', 'HEAD', 'POST', 'OPTIONS', 'TRACE', 'X']),
            this.#choices.pick(FIXED_PATHS),
          ),
      ],
    ])();
    return this.#decorate(request);
  }

  #plain(method: string, path: string): FuzzRequest {
    return { method, path, query: '', headers: { accept: this.#choices.pick(ACCEPTS) } };
  }

  #collection({ root, isNamespaced, plural }: FuzzKind): string {
    const namespace = this.#choices.weighted([[40, 'default'], [2, 'kube-system'], [1, 'missing'], [1, encodeURIComponent(this.#text())]]); // prettier-ignore
    const scope = isNamespaced && !this.#choices.chance(0.02) ? `/namespaces/${namespace}` : '';
    return `${root}${scope}/${plural}`;
  }

  #object(kind: FuzzKind): string {
    return `${this.#collection(kind)}/${this.#name(kind)}`;
  }

  #name({ sample }: FuzzKind): string {
    const own = (sample['metadata'] as { name?: string } | undefined)?.name ?? 'sample';
    if (this.#choices.chance(0.6)) return encodeURIComponent(own);
    return this.#choices.chance(0.95) ? this.#choices.pick(NAMES) : encodeURIComponent(this.#text());
  }

  #text(): string {
    return hostileText(this.#choices).replace(/[\ud800-\udfff]/g, '?');
  }

  #create(kind: FuzzKind): FuzzRequest {
    return this.#withBody('POST', this.#collection(kind), this.#mutated(this.#valid(kind)));
  }

  async #update(kind: FuzzKind): Promise<FuzzRequest> {
    const path = this.#object(kind);
    const present = await this.#read(path);
    const value = present ?? this.#named(this.#valid(kind), path);
    return this.#withBody('PUT', path, this.#mutated(value));
  }

  async #subresource(kind: FuzzKind): Promise<FuzzRequest> {
    const subresource = this.#choices.pick(kind.subresources);
    const object = this.#object(kind);
    const path = `${object}/${subresource}`;
    const method = this.#choices.pick(['GET', 'PUT', 'PATCH', 'POST', 'DELETE', 'PUT', 'PATCH']);
    if (method === 'GET' || method === 'DELETE') return this.#plain(method, path);
    if (method === 'POST') return this.#withBody('POST', path, this.#mutated(ASKED[subresource] ?? kind.sample));
    const present = await this.#read(subresource === 'scale' ? path : object);
    if (method === 'PATCH') return this.#patchOf(path, present ?? this.#named(kind.sample, object));
    return this.#withBody('PUT', path, this.#mutated(present ?? this.#named(kind.sample, object)));
  }

  async #patch(kind: FuzzKind): Promise<FuzzRequest> {
    const path = this.#object(kind);
    return this.#patchOf(path, (await this.#read(path)) ?? this.#named(this.#valid(kind), path));
  }

  #patchOf(path: string, value: Json): FuzzRequest {
    const choices = this.#choices;
    const type = choices.pick(PATCH_TYPES);
    const headers = {
      accept: JSON_TYPE,
      'content-type': choices.chance(0.97) ? `application/${type}` : choices.pick(BODY_TYPES),
    };
    if (type === 'json-patch+json')
      return { method: 'PATCH', path, query: '', headers, body: { form: 'json', value: this.#operations(value) } };
    if (type === 'apply-patch+yaml') {
      const {
        managedFields: _fields,
        resourceVersion: _version,
        uid: _uid,
        ...metadata
      } = (value['metadata'] ?? {}) as Json;
      const applied = { ...value, metadata };
      const query = choices.chance(0.95)
        ? `fieldManager=${choices.pick(['fuzz', 'other'])}${choices.chance(0.5) ? '&force=true' : ''}`
        : '';
      const body: FuzzBody = { form: choices.pick(['json', 'yaml']), value: this.#mutated(applied) };
      return { method: 'PATCH', path, query, headers, body };
    }
    return { method: 'PATCH', path, query: '', headers, body: { form: 'json', value: this.#mergePatch(value) } };
  }

  #mergePatch(value: Json): unknown {
    const choices = this.#choices;
    const patch = this.#mutated(value);
    if (choices.chance(0.2)) return { ...patch, $patch: choices.pick(['delete', 'replace', 'merge', 'x', null]) };
    if (choices.chance(0.2))
      return { spec: { $retainKeys: [hostileValue(choices)], ...(patch['spec'] as object | undefined) } };
    if (choices.chance(0.2))
      return {
        metadata: {
          '$deleteFromPrimitiveList/finalizers': [hostileValue(choices)],
          $setElementOrder: hostileValue(choices),
          '$setElementOrder/ownerReferences': [{ uid: 'x' }],
        },
      };
    return choices.chance(0.5)
      ? {
          [choices.pick(['spec', 'data', 'metadata', 'status'])]:
            patch[choices.pick(['spec', 'data', 'metadata', 'status'])] ?? null,
        }
      : patch;
  }

  #operations(value: Json): unknown {
    const choices = this.#choices;
    if (choices.chance(0.05)) return this.#mutated([{ op: 'add', path: '/metadata/labels', value: {} }]);
    const count = choices.weighted([[30, 1], [20, 3], [5, 30], [0.3, 9_000], [0.2, 10_001]] as const); // prettier-ignore
    const paths = pathsOf(value);
    const path = (): string =>
      choices.chance(0.9) && paths.length > 0
        ? choices.pick(paths) +
          (choices.chance(0.1) ? choices.pick(['/-', '/0', '/99999999999', '/~', '/x', '/-1', '/__proto__']) : '')
        : choices.pick(['', '/', 'x', '/~2', '//', '/metadata/labels/~1', '/__proto__/x', '/constructor/prototype/x']);
    return Array.from({ length: count }, () => ({
      op: choices.pick(['add', 'replace', 'remove', 'test', 'copy', 'move', 'add', 'replace', 'x']),
      path: path(),
      ...(choices.chance(0.3) ? { from: path() } : {}),
      ...(choices.chance(0.8) ? { value: hostileValue(choices) } : {}),
    }));
  }

  #watch(kind: FuzzKind): FuzzRequest {
    const query = `watch=true&timeoutSeconds=1${this.#choices.chance(0.3) ? '&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true' : ''}`;
    return { ...this.#plain('GET', this.#collection(kind)), query };
  }

  #delete(path: string): FuzzRequest {
    const choices = this.#choices;
    if (choices.chance(0.6)) return this.#plain('DELETE', path);
    const options = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
      gracePeriodSeconds: 0,
      preconditions: { uid: 'x' },
    };
    return this.#withBody('DELETE', path, this.#mutated(options));
  }

  #valid(kind: FuzzKind): Json {
    const choices = this.#choices;
    if (choices.chance(0.1)) return kind.arbitrary(choices);
    const sample = structuredClone(kind.sample);
    if (choices.chance(0.4)) graft(sample, kind.arbitrary(choices), choices);
    const metadata = (sample['metadata'] ?? {}) as Json;
    const name = choices.pick(NAMES);
    // A kind whose name is bound to what is in it keeps that.
    return choices.chance(0.7) || metadata['name'] !== 'sample'
      ? sample
      : { ...sample, metadata: { ...metadata, name } };
  }

  #named(value: Json, path: string): Json {
    const { metadata } = value as { metadata?: Json };
    return { ...value, metadata: { ...metadata, name: decodeURIComponent(path.split('/').at(-1)!) } };
  }

  /** One in five stays as it is. */
  #mutated<T>(value: T): T {
    const count = this.#choices.weighted([[20, 0], [50, 1], [20, 2], [10, 5]] as const); // prettier-ignore
    return mutateValue(value, this.#choices, count);
  }

  #withBody(method: string, path: string, value: unknown): FuzzRequest {
    const choices = this.#choices;
    const form = choices.weighted([[70, 'json'], [15, 'yaml'], [15, 'protobuf']] as const); // prettier-ignore
    const type = { json: JSON_TYPE, yaml: 'application/yaml', protobuf: PROTOBUF }[form];
    const headers = { accept: JSON_TYPE, 'content-type': choices.chance(0.97) ? type : choices.pick(BODY_TYPES) };
    return { method, path, query: '', headers, body: { form, value } };
  }

  #decorate(request: FuzzRequest): FuzzRequest {
    const choices = this.#choices;
    const decorated = { ...request };
    if (choices.chance(0.1))
      decorated.query = [request.query, hostileQuery(choices)].filter((part) => part !== '').join('&');
    if (choices.chance(0.1)) decorated.headers = { ...request.headers, accept: choices.pick(ACCEPTS) };
    if (choices.chance(0.01)) decorated.headers = { ...decorated.headers, ...choices.pick(ODD_HEADERS) };
    if (request.body !== undefined && choices.chance(0.08))
      decorated.body = bytesBody(mutateBytes(encodeBody(request.body)!, choices));
    if (choices.chance(0.1)) decorated.overSocket = true;
    return decorated;
  }
}

const ODD_HEADERS: readonly Record<string, string>[] = [
  { 'accept-encoding': 'gzip' },
  { 'content-encoding': 'gzip' },
  { 'impersonate-user': 'x' },
  { 'impersonate-group': 'x' },
  { 'impersonate-user': 'system:serviceaccount:default:default', 'impersonate-extra-a%': 'x' },
  { 'if-none-match': '"x"' },
  { 'user-agent': '/'.repeat(500) },
  { authorization: 'Bearer a.b.c' },
];

const ASKED: Readonly<Record<string, Json>> = {
  binding: {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name: 'sample' },
    target: { kind: 'Node', name: 'sample' },
  },
  eviction: {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: 'sample' },
    deleteOptions: { gracePeriodSeconds: 0 },
  },
  token: {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: ['a'], expirationSeconds: 3600 },
  },
};

/** Puts a part of one object into another of the same schema. */
function graft(target: Json, source: Json, choices: Choices): void {
  const shared = Object.keys(source).filter((key) => key !== 'apiVersion' && key !== 'kind');
  if (shared.length === 0) return;
  const key = choices.pick(shared);
  const [into, from] = [target[key], source[key]];
  const isStruct = (value: unknown): value is Json =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isStruct(into) && isStruct(from) && choices.chance(0.9)) graft(into, from, choices);
  else target[key] = from;
}

function pathsOf(value: unknown, prefix = '', found: string[] = []): string[] {
  if (typeof value !== 'object' || value === null || found.length > 500) return found;
  for (const [key, child] of Object.entries(value)) {
    const path = `${prefix}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    found.push(path);
    pathsOf(child, path, found);
  }
  return found;
}
