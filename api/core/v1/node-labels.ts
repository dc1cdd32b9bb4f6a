/** Labels of nodes that others have taken the place of (upstream: `pkg/api/node/util.go deprecatedNodeLabels`). */
import type { FieldPath } from '../../machinery/field-error.ts';

const DEPRECATED = new Map([
  ['beta.kubernetes.io/arch', 'deprecated since v1.14; use "kubernetes.io/arch" instead'],
  ['beta.kubernetes.io/os', 'deprecated since v1.14; use "kubernetes.io/os" instead'],
  ['beta.kubernetes.io/instance-type', 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'],
  ['failure-domain.beta.kubernetes.io/region', 'deprecated since v1.17; use "topology.kubernetes.io/region" instead'],
  ['failure-domain.beta.kubernetes.io/zone', 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'],
]);

/** What to use instead of a label; undefined when it is a good one. */
export function warningForNodeLabel(key: string): string | undefined {
  return DEPRECATED.get(key);
}

/** A warning for each bad key of a map of labels; its path is that of the key. */
export function warningsForNodeLabels(labels: Readonly<Record<string, string>> | undefined, path: FieldPath): string[] {
  return Object.keys(labels ?? {})
    .filter((key) => DEPRECATED.has(key))
    .map((key) => `${path.key(key).toString()}: ${DEPRECATED.get(key)!}`);
}
