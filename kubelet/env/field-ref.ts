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
  const { metadata, spec } = pod;
  const subscript = /^metadata\.(annotations|labels)\['(.*)'\]$/s.exec(fieldPath);
  if (subscript !== null) {
    const values = metadata[subscript[1] as 'annotations' | 'labels'];
    return values !== undefined && Object.hasOwn(values, subscript[2]!) ? values[subscript[2]!]! : '';
  }
  switch (fieldPath) {
    case 'metadata.name':
      return metadata.name ?? '';
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'metadata.annotations':
      return formatMap(metadata.annotations ?? {});
    case 'metadata.labels':
      return formatMap(metadata.labels ?? {});
    case 'spec.nodeName':
      return spec.nodeName ?? facts.nodeName;
    case 'spec.serviceAccountName':
      return spec.serviceAccountName ?? '';
    case 'status.hostIP':
      return facts.hostIps[0] ?? '';
    case 'status.hostIPs':
      return facts.hostIps.join(',');
    case 'status.podIP':
      return facts.podIps[0] ?? '';
    case 'status.podIPs':
      return facts.podIps.join(',');
    default:
      throw new FieldRefError(`unsupported fieldPath: ${fieldPath}`);
  }
}

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
  // eslint-disable-next-line no-control-regex -- control characters are what is escaped
  const escaped = text.replace(/[\x00-\x1f"\\\x7f]/g, (one) => ESCAPES[one] ?? `\\x${one.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `"${escaped}"`;
}
