/** The pod's own fields as values (`fieldRef`; upstream `pkg/fieldpath` and `podFieldSelectorRuntimeValue`): pure. */
import type { Pod } from '../../api/core/v1/pod/types.ts';

/** What is known only on the node. */
export interface NodeFacts {
  nodeName: string;
  hostIps: readonly string[];
  /** Empty while the pod has no address. */
  podIps: readonly string[];
}

/** Thrown for a field that cannot be referred to; validation refuses such pods, so this is for foreign objects. */
export class FieldRefError extends Error {}

export function fieldRefValue(pod: Pod, fieldPath: string, facts: NodeFacts): string {
  const { metadata } = pod;
  const subscript = /^metadata\.(annotations|labels)\['(.*)'\]$/s.exec(fieldPath);
  if (subscript !== null) {
    const values = metadata[subscript[1] as 'annotations' | 'labels'];
    return values !== undefined && Object.hasOwn(values, subscript[2]!) ? values[subscript[2]!]! : '';
  }
  const read = Object.hasOwn(FIELDS, fieldPath) ? FIELDS[fieldPath] : undefined;
  if (read === undefined) throw new FieldRefError(`unsupported fieldPath: ${fieldPath}`);
  return read(pod, facts);
}

const FIELDS: Readonly<Record<string, (pod: Pod, facts: NodeFacts) => string>> = {
  'metadata.name': ({ metadata }) => metadata.name ?? '',
  'metadata.namespace': ({ metadata }) => metadata.namespace ?? '',
  'metadata.uid': ({ metadata }) => metadata.uid ?? '',
  'metadata.annotations': ({ metadata }) => formatMap(metadata.annotations ?? {}),
  'metadata.labels': ({ metadata }) => formatMap(metadata.labels ?? {}),
  'spec.nodeName': ({ spec }, { nodeName }) => spec.nodeName ?? nodeName,
  'spec.serviceAccountName': ({ spec }) => spec.serviceAccountName ?? '',
  'status.hostIP': (_pod, { hostIps }) => hostIps[0] ?? '',
  'status.hostIPs': (_pod, { hostIps }) => hostIps.join(','),
  'status.podIP': (_pod, { podIps }) => podIps[0] ?? '',
  'status.podIPs': (_pod, { podIps }) => podIps.join(','),
};

/** One `key="value"` a line, sorted, with Go's quoting. */
function formatMap(values: Readonly<Record<string, string>>): string {
  return Object.keys(values)
    .sort()
    .map((key) => `${key}=${quoteAsGo(values[key]!)}`)
    .join('\n');
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
};

/** Go's `strconv.Quote`, for the characters that occur in annotations. */
function quoteAsGo(text: string): string {
  const escape = (one: string): string => {
    const code = one.charCodeAt(0);
    if (ESCAPES[one] !== undefined) return ESCAPES[one];
    return code < 0x20 || code === 0x7f ? `\\x${code.toString(16).padStart(2, '0')}` : one;
  };
  return `"${[...text].map(escape).join('')}"`;
}
