/**
 * Labels by which a node could draw workloads to itself, and so may not give itself
 * (upstream noderestriction `getForbiddenLabels`, and `k8s.io/kubelet/pkg/apis/well_known_labels.go`).
 */
type Labels = Readonly<Record<string, string>> | undefined;

const KUBELET_LABELS = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'node.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'beta.kubernetes.io/instance-type',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
]);
const KUBELET_NAMESPACES = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
const RESTRICTED_NAMESPACE = 'node-restriction.kubernetes.io';
const KUBERNETES_NAMESPACES = ['kubernetes.io', 'k8s.io'];

/** The labels, sorted, that differ and that a node may neither set, change nor take off. */
export function forbiddenNodeLabels(next: Labels, previous: Labels): string[] {
  const keys = new Set([...Object.keys(next ?? {}), ...Object.keys(previous ?? {})]);
  return [...keys].filter((key) => next?.[key] !== previous?.[key] && isForbidden(key)).sort();
}

function isForbidden(key: string): boolean {
  const slash = key.indexOf('/');
  const namespace = slash < 0 ? '' : key.slice(0, slash);
  if (isWithin(namespace, [RESTRICTED_NAMESPACE])) return true;
  return (
    isWithin(namespace, KUBERNETES_NAMESPACES) && !KUBELET_LABELS.has(key) && !isWithin(namespace, KUBELET_NAMESPACES)
  );
}

function isWithin(namespace: string, domains: readonly string[]): boolean {
  return domains.some((domain) => namespace === domain || namespace.endsWith(`.${domain}`));
}
