/** Which certificates a node may ask for (upstream `admitCSR`). */
import { parseCertificateRequest } from '../../api/certificates/v1/pem.ts';
import type { CertificateSigningRequest } from '../../api/certificates/v1/types.ts';
import type { AdmissionAttributes } from './admission.ts';
import type { NodeRequest } from './node-restriction-request.ts';

/** Of kubelets; what others sign says nothing about nodes. */
const KUBELET_SIGNERS = new Set(['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet']);

/** Why the request is refused: a node has no other node's name signed. */
export function certificateProblem(
  { nodeName }: NodeRequest,
  { operation, object }: AdmissionAttributes,
): string | undefined {
  const { spec } = (object ?? {}) as Partial<CertificateSigningRequest>;
  if (operation !== 'CREATE' || spec === undefined || !KUBELET_SIGNERS.has(spec.signerName)) return undefined;
  const wanted = `system:node:${nodeName}`;
  try {
    if (parseCertificateRequest(spec.request).commonName === wanted) return undefined;
  } catch (error) {
    return `unable to parse csr: ${(error as Error).message}`;
  }
  return `can only create a node CSR with CN=${wanted}`;
}
