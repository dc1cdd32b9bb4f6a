/**
 * From request info to the verb handler. Kinds come from the table; subresources and non-resource paths are registered
 * beside them.
 */
import type { ApiResponse } from '../api/machinery/handler.ts';
import * as errors from '../api/machinery/errors.ts';
import type { Resource } from '../api/machinery/resource.ts';
import { negotiateFor, shape } from './render/render.ts';
import type { ServedKind } from './registry/served-kind.ts';
import type { Endpoint, RequestContext } from './request-context.ts';
import { trimSlashes } from './request-info.ts';
import { create } from './verbs/create.ts';
import { deleteCollection, deleteOne } from './verbs/delete.ts';
import type { VerbDependencies } from './verbs/dependencies.ts';
import { get } from './verbs/get.ts';
import { list } from './verbs/list.ts';
import { patch } from './verbs/patch.ts';
import { update } from './verbs/update.ts';
import { watch } from './verbs/watch.ts';

export type VerbHandler = (
  context: RequestContext,
  kind: ServedKind,
  dependencies: VerbDependencies,
) => Promise<ApiResponse>;

const VERBS: Record<string, VerbHandler> = {
  get,
  list,
  watch,
  create,
  update,
  patch,
  delete: deleteOne,
  deletecollection: deleteCollection,
};

/** Discovery and OpenAPI. */
const LISTS_KINDS = /^\/(api|apis|openapi)(\/|$)/;

/** Verbs of `/status`, which is the same object under other rules. */
const STATUS_VERBS: Record<string, VerbHandler> = { get, update, patch };

export interface Subresource {
  /** `pods/log`; the kind of the answer for discovery. */
  name: string;
  kind: { group: string; version: string; kind: string };
  verbs: Record<string, VerbHandler>;
  /** Takes requests whose method is no verb (OPTIONS). */
  otherMethods?: VerbHandler;
}

/** Kinds that are added while the server runs. */
export interface LateKinds {
  /** True while what the router has is known to be behind. */
  readonly isBehind: boolean;
  /** Resolves when it is not. */
  settled(): Promise<void>;
}

function keyOf({ group, version, names }: Pick<Resource, 'group' | 'version' | 'names'>): string {
  return `${group}/${version}/${names.plural}`;
}

export class Router {
  readonly #kinds = new Map<string, ServedKind>();
  /** By kind, then by name. */
  readonly #subresources = new Map<string, Map<string, Subresource>>();
  /** Raised when a kind comes or goes. */
  generation = 0;
  readonly #paths = new Map<string, Endpoint>();
  /** Those of them that serve what is below, the longest first. */
  readonly #folders: string[] = [];
  /** Kinds that are asked, not stored: their own handlers by verb. */
  readonly #asked = new Map<ServedKind, Record<string, VerbHandler>>();
  readonly #dependencies: VerbDependencies;
  #late: LateKinds | undefined;

  constructor(dependencies: VerbDependencies) {
    this.#dependencies = dependencies;
  }

  /** A built-in kind stays what it is: a custom one of its name is not served. */
  addKind(kind: ServedKind): void {
    const key = keyOf(kind.resource);
    const isBuiltIn = this.#kinds.has(key) && this.#kinds.get(key)!.resource.structure === undefined;
    if (isBuiltIn) return;
    this.#kinds.set(key, kind);
    this.generation++;
  }

  /** With its subresources and what was said of its verbs. */
  removeKind(kind: ServedKind): void {
    const key = keyOf(kind.resource);
    if (this.#kinds.get(key) !== kind) return;
    this.#kinds.delete(key);
    this.generation++;
    this.#asked.delete(kind);
    this.#subresources.delete(key);
  }

  /** A kind that is going takes no new objects. */
  refuseCreates(kind: ServedKind, refusal: () => errors.ApiError): void {
    this.#asked.set(kind, { ...VERBS, create: () => Promise.reject(refusal()) });
  }

  /** Asked for what is not known (yet), and before anything is listed; kinds may have come meanwhile. */
  set lateKinds(lateKinds: LateKinds) {
    this.#late = lateKinds;
  }

  /** Answers a kind's verbs without storing anything (reviews). */
  addAsked(kind: ServedKind, verbs: Record<string, VerbHandler>): void {
    this.#asked.set(kind, verbs);
  }

  addSubresource(kind: ServedKind, subresource: Subresource): void {
    const key = keyOf(kind.resource);
    const known = this.#subresources.get(key);
    if (known === undefined) this.#subresources.set(key, new Map([[subresource.name, subresource]]));
    else known.set(subresource.name, subresource);
  }

  /** A non-resource path; one that ends in `/` also serves everything below it. */
  addPath(path: string, endpoint: Endpoint): void {
    this.#paths.set(path, endpoint);
    if (path.length > 1 && path.endsWith('/')) this.#folders.push(path);
    this.#folders.sort((a, b) => b.length - a.length);
  }

  kinds(): ServedKind[] {
    return [...this.#kinds.values()];
  }

  /** The kind that serves this very definition. */
  kindOf(resource: Resource): ServedKind | undefined {
    const kind = this.#kinds.get(keyOf(resource));
    return kind?.resource === resource ? kind : undefined;
  }

  subresourcesOf({ resource }: ServedKind): Subresource[] {
    return [...(this.#subresources.get(keyOf(resource))?.values() ?? [])];
  }

  paths(): string[] {
    return [...this.#paths.keys()];
  }

  readonly route: Endpoint = (context) => {
    if (this.#mustSettle(context)) return this.#late!.settled().then(() => this.#route(context));
    return this.#route(context);
  };

  #route(context: RequestContext): Promise<ApiResponse> | ApiResponse {
    return context.info.isResourceRequest ? this.#routeResource(context) : this.#routePath(context);
  }

  /** Kinds of one's own definitions are there as soon as one was told so. */
  #mustSettle({ info }: RequestContext): boolean {
    if (this.#late === undefined) return false;
    if (!info.isResourceRequest) return LISTS_KINDS.test(info.path);
    const kind = this.#kinds.get(`${info.apiGroup}/${info.apiVersion}/${info.resource}`);
    return kind === undefined || (kind.resource.structure !== undefined && this.#late.isBehind);
  }

  #routePath(context: RequestContext): Promise<ApiResponse> | ApiResponse {
    const { path } = context.info;
    const exact = this.#paths.get(path) ?? this.#paths.get(trimSlashes(path, 'end'));
    if (exact !== undefined) return exact(context);
    const folder = this.#folders.find((prefix) => path.startsWith(prefix));
    if (folder === undefined) throw errors.pathNotFound();
    return this.#paths.get(folder)!(context);
  }

  async #routeResource(context: RequestContext): Promise<ApiResponse> {
    const { info } = context;
    const kind = this.#kinds.get(`${info.apiGroup}/${info.apiVersion}/${info.resource}`);
    // Deeper paths of one subresource (`pods/web/proxy/a/b`) belong to it.
    const isTooDeep = info.parts.length > 3 && info.subresource !== 'proxy';
    if (kind === undefined || isTooDeep) throw errors.pathNotFound();
    const verb = this.#verbsOf(kind, info.subresource)?.[info.verb];
    const isServed = verb !== undefined && (info.subresource !== '' || kind.resource.verbs.includes(info.verb));
    if (!isServed || !scopeFits(kind, context) || !nameFits(context)) throw refuse(kind, context);
    if (kind.resource.deprecationWarning !== '') context.warnings.add(kind.resource.deprecationWarning);
    // What is passed on to a kubelet or a pod is negotiated there.
    if (isStream(context.info.subresource)) return verb(context, kind, this.#dependencies);
    context.media = negotiateFor(context, kind);
    const response = await verb(context, kind, this.#dependencies);
    return shape(context, kind, { response, nowMs: this.#dependencies.clock.now() });
  }

  #verbsOf(kind: ServedKind, subresource: string): Record<string, VerbHandler> | undefined {
    if (subresource === '') return this.#asked.get(kind) ?? (kind.resource.verbs.includes('get') ? VERBS : undefined);
    const registered = this.#subresources.get(keyOf(kind.resource))?.get(subresource);
    if (registered?.otherMethods !== undefined) return { ...registered.verbs, '': registered.otherMethods };
    if (registered !== undefined) return registered.verbs;
    return subresource === 'status' && kind.resource.subresources.status !== undefined ? STATUS_VERBS : undefined;
  }
}

const STREAMS = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

function isStream(subresource: string): boolean {
  return STREAMS.has(subresource);
}

/** Namespaced kinds live in a namespace, but lists and watches may span all; cluster kinds never do (CVE-2019-11247). */
function scopeFits(kind: ServedKind, { info }: RequestContext): boolean {
  const hasNamespace = info.namespace !== '';
  if (kind.resource.scope === 'Cluster') return !hasNamespace || kind.resource.names.plural === 'namespaces';
  return (
    hasNamespace ||
    info.verb === 'list' ||
    info.verb === 'watch' ||
    (info.verb === 'create' && kind.resource.storagePrefix === '')
  );
}

/** Objects are read and changed by name, and created in their collection. */
function nameFits({ info, request }: RequestContext): boolean {
  if (info.subresource !== '') return true;
  if (info.verb === 'watch') return request.method === 'GET';
  const hasName = info.parts.length > 1;
  return info.verb === 'get' || info.verb === 'update' || info.verb === 'patch' || info.verb === 'delete'
    ? hasName
    : info.verb !== 'create' || !hasName;
}

function refuse(kind: ServedKind, { info }: RequestContext): errors.ApiError {
  if (info.subresource !== '' || !scopeFits(kind, { info } as RequestContext)) return errors.pathNotFound();
  return errors.methodNotAllowed();
}
