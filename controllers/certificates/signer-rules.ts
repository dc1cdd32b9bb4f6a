/**
 * What each of Kubernetes' signers asks of a request (upstream `pkg/apis/certificates/helpers.go`
 * `ValidateKubeletServingCSR`, `ValidateKubeletClientCSR`; `signer.go` `validAPIServerClientUsages`).
 */
import type { CertificateRequest } from '../../api/certificates/v1/pem.ts';

export const KUBELET_CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';

export type RequestNames = Omit<CertificateRequest, 'publicKey' | 'signatureProblem' | 'subject'>;

/** Why it does not sign the request; empty when it does. */
type SignerRule = (request: RequestNames, usages: readonly string[]) => string;

const RULES: Readonly<Record<string, SignerRule>> = {
  'kubernetes.io/kube-apiserver-client': (_request, usages) => clientUsagesProblem(usages),
  [KUBELET_CLIENT_SIGNER]: kubeletClientProblem,
  'kubernetes.io/kubelet-serving': kubeletServingProblem,
  'kubernetes.io/legacy-unknown': () => '',
};

/** Undefined for a signer that is not one of ours. */
export function signerRule(signerName: string): SignerRule | undefined {
  return Object.hasOwn(RULES, signerName) ? RULES[signerName] : undefined;
}

function clientUsagesProblem(usages: readonly string[]): string {
  const allowed = ['digital signature', 'key encipherment', 'client auth'];
  const other = usages.find((usage) => !allowed.includes(usage));
  if (other !== undefined) return `invalid usage for client certificate: ${other}`;
  return usages.includes('client auth') ? '' : 'missing required usage for client certificate: client auth';
}

export function kubeletClientProblem(request: RequestNames, usages: readonly string[]): string {
  if (!isOfNodes(request)) return 'subject organization is not system:nodes';
  if (request.dnsNames.length > 0) return 'DNS subjectAltNames are not allowed';
  if (request.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
  if (request.ipAddresses.length > 0) return 'IP subjectAltNames are not allowed';
  if (request.uris.length > 0) return 'URI subjectAltNames are not allowed';
  return nodeNameProblem(request) || kubeletUsagesProblem(usages, 'client auth');
}

function kubeletServingProblem(request: RequestNames, usages: readonly string[]): string {
  if (!isOfNodes(request)) return 'subject organization is not system:nodes';
  if (request.dnsNames.length === 0 && request.ipAddresses.length === 0) return 'DNS or IP subjectAltName is required';
  if (request.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
  if (request.uris.length > 0) return 'URI subjectAltNames are not allowed';
  return kubeletUsagesProblem(usages, 'server auth') || nodeNameProblem(request);
}

function isOfNodes({ organizations }: RequestNames): boolean {
  return organizations.length === 1 && organizations[0] === 'system:nodes';
}

function nodeNameProblem({ commonName }: RequestNames): string {
  return commonName.startsWith('system:node:') ? '' : 'subject common name does not begin with system:node:';
}

/** Exactly these usages; what only RSA keys need may be missing. */
function kubeletUsagesProblem(usages: readonly string[], purpose: 'client auth' | 'server auth'): string {
  const given = new Set(usages);
  const needed = ['digital signature', 'key encipherment', purpose].toSorted();
  const hasAll = needed.every((usage) => given.has(usage) || usage === 'key encipherment');
  const hasNoOther = [...given].every((usage) => needed.includes(usage));
  return hasAll && hasNoOther ? '' : `usages did not match [${needed.join(' ')}]`;
}
