/**
 * Approves requests of kubelets for client certificates, when who asks may have one
 * (upstream `pkg/controller/certificates/approver/sarapprove.go`).
 */
import { subjectAccessReviews } from '../../api/authorization/v1/reviews.ts';
import { certificateSigningRequests } from '../../api/certificates/v1/certificate-signing-request.ts';
import { parseCertificateRequest } from '../../api/certificates/v1/pem.ts';
import type { CertificateSigningRequest } from '../../api/certificates/v1/types.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Client } from '../../client/client.ts';
import { defineController } from '../../client/controller.ts';
import { isApproved, isDenied } from './request-conditions.ts';
import { KUBELET_CLIENT_SIGNER, kubeletClientProblem } from './signer-rules.ts';

/** Acts as the certificate controller. */
export const certificateApprover = defineController<CertificateSigningRequest>({
  name: 'certificate-controller',
  for: certificateSigningRequests,
  writes: [certificateSigningRequests, subjectAccessReviews],
  workers: 5,
  async reconcile({ name }, { lister, client, log, now }) {
    // Observe
    const request = lister<CertificateSigningRequest>(certificateSigningRequests).get('', name);
    if (request === undefined || isDecided(request)) return undefined;

    // Decide, and act
    const rights = rightsToTry(request);
    for (const right of rights) {
      if (!(await isAllowed(request, right, client))) continue;
      await approve(request, APPROVALS[right], client);
      return undefined;
    }
    if (rights.length === 0) return undefined;
    log.debug('recognized a request, but its subject access review was not approved', { request: name, rights });
    return { requeueAfterMs: retryDelayMs(request, now()) };
  },
});

/** By the subresource that somebody may create who is approved; in this order. */
const APPROVALS = {
  selfnodeclient: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
  nodeclient: 'Auto approving kubelet client certificate after SubjectAccessReview.',
} as const;

type Right = keyof typeof APPROVALS;

function isDecided(request: CertificateSigningRequest): boolean {
  return (request.status?.certificate ?? '') !== '' || isApproved(request) || isDenied(request);
}

/** A node may ask for itself; who may ask for any node may ask for itself too. */
export function rightsToTry({ spec }: CertificateSigningRequest): Right[] {
  if (spec.signerName !== KUBELET_CLIENT_SIGNER) return [];
  const asked = parseCertificateRequest(spec.request);
  if (kubeletClientProblem(asked, spec.usages ?? []) !== '') return [];
  return spec.username === asked.commonName ? ['selfnodeclient', 'nodeclient'] : ['nodeclient'];
}

interface AccessReview extends ApiObject {
  spec: object;
  status?: { allowed?: boolean };
}

async function isAllowed({ spec }: CertificateSigningRequest, subresource: Right, client: Client): Promise<boolean> {
  const { username: user, uid, groups, extra } = spec;
  const { status } = await client.create<AccessReview>(subjectAccessReviews, {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    metadata: {},
    spec: {
      user,
      ...(uid === undefined ? {} : { uid }),
      ...(groups === undefined ? {} : { groups }),
      ...(extra === undefined ? {} : { extra }),
      resourceAttributes: {
        group: 'certificates.k8s.io',
        resource: 'certificatesigningrequests',
        verb: 'create',
        subresource,
      },
    },
  });
  return status?.allowed === true;
}

async function approve(request: CertificateSigningRequest, message: string, client: Client): Promise<void> {
  const approved = { type: 'Approved', status: 'True', reason: 'AutoApproved', message };
  const status = { ...request.status, conditions: [...(request.status?.conditions ?? []), approved] };
  await client.update<CertificateSigningRequest>(
    certificateSigningRequests,
    { ...request, status },
    { subresource: 'approval' },
  );
}

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 1_000_000;

/**
 * The right may be given later, and no event of a request says so. It is asked for again after as long as the request
 * has waited: that doubles from time to time, as upstream's back-off does.
 */
export function retryDelayMs({ metadata }: CertificateSigningRequest, nowMs: number): number {
  const waitedMs = nowMs - Date.parse(metadata.creationTimestamp ?? '');
  return Number.isFinite(waitedMs) ? Math.min(LAST_RETRY_MS, Math.max(FIRST_RETRY_MS, waitedMs)) : LAST_RETRY_MS;
}
