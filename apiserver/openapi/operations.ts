/**
 * The operations of the served kinds, in a form that both versions of OpenAPI are written from
 * (upstream: apiserver `endpoints/installer.go`).
 */
import type { Resource } from '../../api/machinery/resource.ts';
import { definitionName, modelNames } from '../../api/schema/definitions.ts';

export interface GroupVersionKind {
  group: string;
  version: string;
  kind: string;
}

/** A subresource beside `status` and `scale`: its verbs and the kind that it takes and gives. */
export interface SubresourceInfo {
  name: string;
  kind: GroupVersionKind;
  verbs: readonly string[];
}

export type Subresources = (resource: Resource) => readonly SubresourceInfo[];

export interface Operation {
  path: string;
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** `x-kubernetes-action` */
  action: string;
  operationId: string;
  description: string;
  /** `apps_v1` */
  tag: string;
  kind: GroupVersionKind;
  /** Names of query parameters; all are in `PARAMETERS`. */
  query: readonly string[];
  /** Names of parameters in the path. */
  inPath: readonly string[];
  /** Schema name of the body; `Patch` and `V1DeleteOptions` among them. */
  body: string | undefined;
  /** Media types of the body. */
  consumes: readonly string[];
  response: string | undefined;
  /** Whether it answers 201 too. */
  creates: boolean;
}

const CUSTOM_PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/apply-patch+yaml',
];
const PATCH_TYPES = CUSTOM_PATCH_TYPES.toSpliced(2, 0, 'application/strategic-merge-patch+json');
const ANY_TYPE = ['*/*'];

interface Parameter {
  type: 'string' | 'integer' | 'boolean';
  description: string;
}

/** Every query and path parameter, with its type. */
export const PARAMETERS: Readonly<Record<string, Parameter>> = {
  allowWatchBookmarks: { type: 'boolean', description: 'Ask a watch for BOOKMARK events.' },
  continue: { type: 'string', description: 'Where the next page of a list begins: the token of the page before.' },
  dryRun: { type: 'string', description: 'With "All", the request is processed in full and nothing is stored.' },
  fieldManager: {
    type: 'string',
    description: 'The name under which changed fields are recorded: up to 128 printable characters.',
  },
  fieldSelector: { type: 'string', description: 'Only objects whose fields match.' },
  fieldValidation: {
    type: 'string',
    description: 'What unknown and duplicate fields lead to: "Ignore", "Warn" or "Strict".',
  },
  force: { type: 'boolean', description: 'Apply only: take fields that other managers own.' },
  gracePeriodSeconds: { type: 'integer', description: 'Seconds before the object goes; 0 is at once.' },
  labelSelector: { type: 'string', description: 'Only objects whose labels match.' },
  limit: { type: 'integer', description: 'At most this many objects in one page.' },
  name: { type: 'string', description: 'The name of the object.' },
  namespace: { type: 'string', description: 'The namespace of the object.' },
  orphanDependents: { type: 'boolean', description: 'Deprecated: use propagationPolicy.' },
  pretty: { type: 'string', description: 'With "true", the answer is indented.' },
  propagationPolicy: {
    type: 'string',
    description: 'What happens to dependents: "Orphan", "Background" or "Foreground".',
  },
  resourceVersion: { type: 'string', description: 'Where a watch begins, or how old a read may be.' },
  resourceVersionMatch: {
    type: 'string',
    description: 'How resourceVersion counts in a list: "Exact" or "NotOlderThan".',
  },
  sendInitialEvents: { type: 'boolean', description: 'Begin a watch with the present objects, then a bookmark.' },
  timeoutSeconds: { type: 'integer', description: 'When a list or watch ends at the latest.' },
  watch: { type: 'boolean', description: 'Stream changes instead of listing.' },
};

const WRITE = ['dryRun', 'fieldManager', 'fieldValidation'];
const PATCH = [...WRITE, 'force'];
const DELETE = ['dryRun', 'gracePeriodSeconds', 'orphanDependents', 'propagationPolicy'];
const PAGE = ['continue', 'fieldSelector', 'labelSelector', 'limit', 'resourceVersion', 'resourceVersionMatch'];
const LIST = ['allowWatchBookmarks', ...PAGE, 'sendInitialEvents', 'timeoutSeconds', 'watch'];
const DELETE_COLLECTION = [...new Set([...DELETE, ...PAGE, 'sendInitialEvents', 'timeoutSeconds'])].sort();

/** Every operation on one kind, its subresources included, in the order of the paths. */
export function operationsOf(resource: Resource, subresources: Subresources = () => []): Operation[] {
  const writer = new OperationWriter(resource);
  const has = (verb: string): boolean => resource.verbs.includes(verb);
  if (has('list')) writer.list();
  if (has('create'))
    writer.add('post', { action: 'post', verb: 'create', query: WRITE, body: resource.schema, creates: true });
  if (has('deletecollection')) writer.deleteCollection();
  if (has('get')) writer.add('get', { action: 'get', verb: 'read', isItem: true });
  if (has('update')) {
    writer.add('put', {
      action: 'put',
      verb: 'replace',
      query: WRITE,
      body: resource.schema,
      isItem: true,
      creates: true,
    });
  }
  if (has('patch'))
    writer.add('patch', { action: 'patch', verb: 'patch', query: PATCH, body: 'Patch', isItem: true, creates: true });
  if (has('delete')) writer.delete();
  for (const subresource of allSubresources(resource, subresources)) writer.subresource(subresource);
  return writer.operations;
}

/** `/api/v1`, `/apis/apps/v1` */
export function groupVersionPath({ group, version }: { group: string; version: string }): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** The model of a kind that is not served by itself; `undefined` for kinds that are only options (PodExecOptions). */
function modelOf({ group, version, kind }: GroupVersionKind): string | undefined {
  const ending = `.${group === '' ? 'core' : group.split('.')[0]!}.${version}.${kind}`;
  return modelNames().find((name) => definitionName(name)!.endsWith(ending));
}

/** The schema name of a kind's list: its definition is the kind's with `List`, though the model may drop the prefix. */
export function listSchemaOf(resource: Resource): string {
  const name = `${resource.schema}List`;
  const definition = definitionName(resource.schema);
  if (definition === undefined || definitionName(name) !== undefined) return name;
  return modelNames().find((model) => definitionName(model) === `${definition}List`) ?? name;
}

function allSubresources(resource: Resource, subresources: Subresources): SubresourceInfo[] {
  const { group, version, names } = resource;
  const verbs = ['get', 'patch', 'update'];
  const found = new Map<string, SubresourceInfo>();
  const own: GroupVersionKind = { group, version, kind: names.kind };
  if (resource.subresources.status !== undefined) found.set('status', { name: 'status', kind: own, verbs });
  if (resource.subresources.scale !== undefined) {
    found.set('scale', { name: 'scale', kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs });
  }
  for (const subresource of subresources(resource)) found.set(subresource.name, subresource);
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

interface OperationInit {
  action: string;
  /** First part of the operation's id: `create`, `read`, `replace`. */
  verb: string;
  query?: readonly string[];
  body?: string;
  response?: string | undefined;
  isItem?: boolean;
  isAllNamespaces?: boolean;
  creates?: boolean;
  subresource?: SubresourceInfo;
}

class OperationWriter {
  readonly operations: Operation[] = [];
  readonly #resource: Resource;

  constructor(resource: Resource) {
    this.#resource = resource;
  }

  add(method: Operation['method'], init: OperationInit): void {
    const { group, version, names, schema } = this.#resource;
    const isNamespaced = this.#resource.scope === 'Namespaced' && init.isAllNamespaces !== true;
    const inPath = [...(isNamespaced ? ['namespace'] : []), ...(init.isItem === true ? ['name'] : [])];
    this.operations.push({
      path: this.#path(init, isNamespaced),
      method,
      action: init.action,
      operationId: this.#operationId(init, isNamespaced),
      description: `${init.action} ${names.plural}${init.subresource === undefined ? '' : `/${init.subresource.name}`}`,
      tag: `${tagOf(group)}_${version}`,
      kind: init.subresource?.kind ?? { group, version, kind: names.kind },
      query: init.query ?? [],
      inPath,
      body: init.body,
      consumes: init.body === 'Patch' ? this.#patchTypes() : ANY_TYPE,
      response: 'response' in init ? init.response : schema,
      creates: init.creates === true,
    });
  }

  list(): void {
    const response = listSchemaOf(this.#resource);
    if (this.#resource.scope === 'Namespaced') {
      this.add('get', { action: 'list', verb: 'list', query: LIST, response, isAllNamespaces: true });
    }
    this.add('get', { action: 'list', verb: 'list', query: LIST, response });
  }

  deleteCollection(): void {
    const body = 'V1DeleteOptions';
    const query = DELETE_COLLECTION;
    this.add('delete', { action: 'deletecollection', verb: 'deleteCollection', query, body, response: 'V1Status' });
  }

  delete(): void {
    const body = 'V1DeleteOptions';
    this.add('delete', { action: 'delete', verb: 'delete', query: DELETE, body, response: 'V1Status', isItem: true });
  }

  subresource(subresource: SubresourceInfo): void {
    const isOwnKind = subresource.kind.kind === this.#resource.names.kind;
    const schema = isOwnKind ? this.#resource.schema : modelOf(subresource.kind);
    const common = { subresource, isItem: true, response: schema };
    const has = (verb: string): boolean => subresource.verbs.includes(verb);
    const body = schema === undefined ? {} : { body: schema };
    if (has('get')) this.add('get', { ...common, action: 'get', verb: 'read' });
    if (has('create'))
      this.add('post', { ...common, action: 'post', verb: 'create', query: WRITE, ...body, creates: true });
    if (has('update'))
      this.add('put', { ...common, action: 'put', verb: 'replace', query: WRITE, ...body, creates: true });
    if (has('patch'))
      this.add('patch', { ...common, action: 'patch', verb: 'patch', query: PATCH, body: 'Patch', creates: true });
  }

  /** `kubectl apply` sends a strategic merge patch wherever it reads that there is such a thing. */
  #patchTypes(): readonly string[] {
    return this.#resource.structure === undefined ? PATCH_TYPES : CUSTOM_PATCH_TYPES;
  }

  #path(init: OperationInit, isNamespaced: boolean): string {
    const base = groupVersionPath(this.#resource);
    const collection = `${isNamespaced ? '/namespaces/{namespace}' : ''}/${this.#resource.names.plural}`;
    const item = init.isItem === true ? '/{name}' : '';
    return `${base}${collection}${item}${init.subresource === undefined ? '' : `/${init.subresource.name}`}`;
  }

  #operationId(init: OperationInit, isNamespaced: boolean): string {
    const { group, version, names } = this.#resource;
    const [verb, collection] = init.verb === 'deleteCollection' ? ['delete', 'Collection'] : [init.verb, ''];
    const scope = isNamespaced ? 'Namespaced' : '';
    const suffix = init.isAllNamespaces === true ? 'ForAllNamespaces' : capitalized(init.subresource?.name ?? '');
    return `${verb}${capitalized(tagOf(group))}${capitalized(version)}${collection}${scope}${names.kind}${suffix}`;
  }
}

/** `rbac.authorization.k8s.io` gives `rbacAuthorization`. */
function tagOf(group: string): string {
  if (group === '') return 'core';
  const [first, ...others] = group.replace(/\.k8s\.io$/, '').split('.');
  return first! + others.map(capitalized).join('');
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
