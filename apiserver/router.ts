/**
 * From request info to the verb handler. Kinds come from the table; subresources and non-resource paths are registered
 * beside them.
 */
import type { ApiResponse } from '../api/machinery/handler.ts';
import * as errors from '../api/machinery/errors.ts';
import type { ServedKind } from './registry/served-kind.ts';
import type { Endpoint, RequestContext } from './request-context.ts';
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

/** Verbs of `/status`, which is the same object under other rules. */
const STATUS_VERBS: Record<string, VerbHandler> = { get, update, patch };

export interface Subresource {
  /** `pods/log`; the kind of the answer for discovery. */
  name: string;
  kind: { group: string; version: string; kind: string };
  verbs: Record<string, VerbHandler>;
}

export class Router {
  readonly #kinds = new Map<string, ServedKind>();
  readonly #subresources = new Map<string, Subresource>();
  readonly #paths = new Map<string, Endpoint>();
  /** Kinds that are asked, not stored: their own handlers by verb. */
  readonly #asked = new Map<ServedKind, Record<string, VerbHandler>>();
  readonly #dependencies: VerbDependencies;

  constructor(dependencies: VerbDependencies) {
    this.#dependencies = dependencies;
  }

  addKind(kind: ServedKind): void {
    const { group, version, names } = kind.resource;
    this.#kinds.set(`${group}/${version}/${names.plural}`, kind);
  }

  /** Answers a kind's verbs without storing anything (reviews). */
  addAsked(kind: ServedKind, verbs: Record<string, VerbHandler>): void {
    this.#asked.set(kind, verbs);
  }

  addSubresource(kind: ServedKind, subresource: Subresource): void {
    const { group, version, names } = kind.resource;
    this.#subresources.set(`${group}/${version}/${names.plural}/${subresource.name}`, subresource);
  }

  /** A non-resource path; one that ends in `/` also serves everything below it. */
  addPath(path: string, endpoint: Endpoint): void {
    this.#paths.set(path, endpoint);
  }

  kinds(): ServedKind[] {
    return [...this.#kinds.values()];
  }

  subresourcesOf({ resource }: ServedKind): Subresource[] {
    const prefix = `${resource.group}/${resource.version}/${resource.names.plural}/`;
    return [...this.#subresources].filter(([key]) => key.startsWith(prefix)).map(([, subresource]) => subresource);
  }

  paths(): string[] {
    return [...this.#paths.keys()];
  }

  readonly route: Endpoint = (context) => {
    return context.info.isResourceRequest ? this.#routeResource(context) : this.#routePath(context);
  };

  #routePath(context: RequestContext): Promise<ApiResponse> | ApiResponse {
    const { path } = context.info;
    const exact = this.#paths.get(path) ?? this.#paths.get(path.replace(/\/+$/, ''));
    if (exact !== undefined) return exact(context);
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const endpoint = this.#paths.get(path.slice(0, end + 1));
      if (endpoint !== undefined) return endpoint(context);
    }
    throw errors.pathNotFound();
  }

  #routeResource(context: RequestContext): Promise<ApiResponse> {
    const { info } = context;
    const kind = this.#kinds.get(`${info.apiGroup}/${info.apiVersion}/${info.resource}`);
    if (kind === undefined || info.parts.length > 3) return this.#routeUnknown(context);
    const verb = this.#verbsOf(kind, info.subresource)?.[info.verb];
    if (verb === undefined || !scopeFits(kind, context) || !nameFits(context)) throw refuse(kind, context);
    if (kind.resource.deprecationWarning !== '') context.warnings.add(kind.resource.deprecationWarning);
    return verb(context, kind, this.#dependencies);
  }

  #verbsOf(kind: ServedKind, subresource: string): Record<string, VerbHandler> | undefined {
    if (subresource === '') return this.#asked.get(kind) ?? (kind.resource.verbs.includes('get') ? VERBS : undefined);
    const { group, version, names } = kind.resource;
    const registered = this.#subresources.get(`${group}/${version}/${names.plural}/${subresource}`);
    if (registered !== undefined) return registered.verbs;
    return subresource === 'status' && kind.resource.subresources.status !== undefined ? STATUS_VERBS : undefined;
  }

  /** Deeper paths of a subresource (`pods/web/proxy/a/b`) belong to it. */
  #routeUnknown(context: RequestContext): Promise<ApiResponse> {
    const { info } = context;
    const kind = this.#kinds.get(`${info.apiGroup}/${info.apiVersion}/${info.resource}`);
    const verb =
      kind !== undefined && info.subresource === 'proxy' ? this.#verbsOf(kind, 'proxy')?.[info.verb] : undefined;
    if (verb === undefined) throw errors.pathNotFound();
    return verb(context, kind!, this.#dependencies);
  }
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
function nameFits({ info }: RequestContext): boolean {
  if (info.subresource !== '') return true;
  const hasName = info.parts.length > 1;
  return info.verb === 'get' || info.verb === 'update' || info.verb === 'patch' || info.verb === 'delete'
    ? hasName
    : info.verb !== 'create' || !hasName;
}

function refuse(kind: ServedKind, { info }: RequestContext): errors.ApiError {
  if (info.subresource !== '' || !scopeFits(kind, { info } as RequestContext)) return errors.pathNotFound();
  return errors.methodNotAllowed();
}
