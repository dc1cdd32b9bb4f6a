/** One context put into a kubeconfig text and taken out of it; comments, order and everything else stay. */
import type { Document } from 'yaml';
import { YAMLMap, YAMLSeq, isMap, isSeq, parseDocument } from 'yaml';

/** The file is not one that kubectl would read. */
export class KubeconfigError extends Error {}

/** Name of the extension, on our context, that remembers which context was current before it. */
const PREVIOUS = 'nocher/previous-context';

interface NamedEntry {
  name: string;
}
interface ContextEntry extends NamedEntry {
  context: { cluster: string; user: string; extensions?: unknown[] };
}
interface Config {
  clusters: NamedEntry[];
  users: NamedEntry[];
  contexts: ContextEntry[];
  'current-context': string;
}

/** `present` with the first context of `added`, its cluster and its user; that context is current afterwards. */
export function putContext(present: string, added: string): string {
  const document = parse(present);
  const config = parseDocument(added).toJS() as Config;
  const context = config.contexts[0]!;
  const current = document.get('current-context');
  const previous =
    typeof current === 'string' && current !== context.name ? current : previousOf(document, context.name);
  if (previous !== undefined) {
    context.context.extensions = [{ name: PREVIOUS, extension: { 'current-context': previous } }];
  }
  for (const key of ['apiVersion', 'kind'] as const) {
    if (!document.has(key)) document.set(key, key === 'kind' ? 'Config' : 'v1');
  }
  put(document, 'clusters', config.clusters[0]!);
  put(document, 'contexts', context);
  put(document, 'users', config.users[0]!);
  document.set('current-context', context.name);
  return write(document);
}

/** `undefined` when the context is not there; empty when nothing else was in the file. */
export function takeContext(present: string, name: string): string | undefined {
  const document = parse(present);
  const context = find(document, 'contexts', name);
  if (context === undefined) return undefined;
  const previous = previousOf(document, name);
  const { cluster, user } = (context.toJSON() as ContextEntry).context ?? {};
  take(document, 'contexts', name);
  for (const [list, entry, key] of [
    ['clusters', cluster, 'cluster'],
    ['users', user, 'user'],
  ] as const) {
    if (entry !== undefined && !isUsed(document, key, entry)) take(document, list, entry);
  }
  if (document.get('current-context') === name) {
    const restored = previous !== undefined && find(document, 'contexts', previous) !== undefined ? previous : '';
    document.set('current-context', restored);
  }
  return isEmpty(document) ? '' : write(document);
}

function isEmpty(document: Document): boolean {
  const { apiVersion, kind, ...rest } = document.toJS() as Record<string, unknown>;
  const lists = Object.values(rest).every((value) => value === '' || (Array.isArray(value) && value.length === 0));
  return apiVersion === 'v1' && kind === 'Config' && lists && document.commentBefore === null;
}

function parse(text: string): Document {
  const document = parseDocument(text, { version: '1.1' });
  if (document.errors.length > 0) throw new KubeconfigError('it is not valid YAML');
  if (document.contents === null) document.contents = new YAMLMap() as never;
  if (!isMap(document.contents)) throw new KubeconfigError('it is not a kubeconfig');
  return document as Document;
}

function write(document: Document): string {
  return document.toString({ lineWidth: 0 });
}

/** The list, made when the file has none or an empty one (`clusters: null`). */
function listOf(document: Document, list: string): YAMLSeq {
  const found = document.get(list);
  if (isSeq(found)) return found;
  if (found !== null && found !== undefined) throw new KubeconfigError(`its ${list} are not a list`);
  const created = new YAMLSeq();
  document.set(list, created);
  return created;
}

function find(document: Document, list: string, name: string): YAMLMap | undefined {
  const items = document.get(list);
  if (!isSeq(items)) return undefined;
  return items.items.find((item): item is YAMLMap => isMap(item) && item.get('name') === name);
}

function take(document: Document, list: string, name: string): void {
  const items = listOf(document, list);
  items.items = items.items.filter((item) => !(isMap(item) && item.get('name') === name));
}

function put(document: Document, list: string, entry: NamedEntry): void {
  const items = listOf(document, list);
  // An empty flow list `[]` would put the entry on the same line.
  if (items.items.length === 0) items.flow = false;
  const node = document.createNode(entry);
  const at = items.items.findIndex((item) => isMap(item) && item.get('name') === entry.name);
  if (at >= 0) items.items[at] = node;
  else items.add(node);
}

function isUsed(document: Document, key: 'cluster' | 'user', name: string): boolean {
  const items = document.get('contexts');
  return isSeq(items) && items.items.some((item) => isMap(item) && item.getIn(['context', key]) === name);
}

function previousOf(document: Document, name: string): string | undefined {
  const entry = find(document, 'contexts', name)?.toJSON() as ContextEntry | undefined;
  const extensions = (entry?.context?.extensions ?? []) as { name?: string; extension?: Record<string, unknown> }[];
  const value = extensions.find((extension) => extension?.name === PREVIOUS)?.extension?.['current-context'];
  return typeof value === 'string' ? value : undefined;
}
