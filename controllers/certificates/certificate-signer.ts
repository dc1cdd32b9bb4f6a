/** Signs approved certificate requests for Kubernetes' own signers (upstream `pkg/controller/certificates/signer`). */
import { certificateSigningRequests } from '../../api/certificates/v1/certificate-signing-request.ts';
import { parseCertificateRequest } from '../../api/certificates/v1/pem.ts';
import type { CertificateRequest } from '../../api/certificates/v1/pem.ts';
import type { CertificateSigningRequest } from '../../api/certificates/v1/types.ts';
import { formatTime } from '../../base/clock.ts';
import type { AlternativeName, RequestedCertificate, RequestSigner } from '../../base/pki-requests.ts';
import type { Controller } from '../../client/controller.ts';
import { defineController } from '../../client/controller.ts';
import { certificateLifetime } from './lifetime.ts';
import { hasTrueCondition, isApproved, isDenied } from './request-conditions.ts';
import { signerRule } from './signer-rules.ts';
import { certificateUsages } from './usages.ts';

/** One controller for the four signers, which share an authority. Acts as the certificate controller. */
export function certificateSigner(sign: RequestSigner): Controller {
  return defineController<CertificateSigningRequest>({
    name: 'certificate-controller',
    for: certificateSigningRequests,
    writes: [certificateSigningRequests],
    workers: 5,
    async reconcile({ name }, { lister, client, now }) {
      // Observe
      const request = lister<CertificateSigningRequest>(certificateSigningRequests).get('', name);
      const rule = signerRule(request?.spec.signerName ?? '');
      if (request === undefined || rule === undefined || !isToBeSigned(request)) return undefined;
      const asked = parseCertificateRequest(request.spec.request);

      // Decide
      const problem = rule(asked, request.spec.usages ?? []);

      // Act
      const status =
        problem === ''
          ? { ...request.status, certificate: base64(await sign(orderOf(asked, request, now()))) }
          : failedStatus(request, problem, formatTime(now()));
      await client.update<CertificateSigningRequest>(
        certificateSigningRequests,
        { ...request, status },
        { subresource: 'status' },
      );
      return undefined;
    },
  });
}

/** Approved, not denied, and neither signed nor refused yet. */
export function isToBeSigned(request: CertificateSigningRequest): boolean {
  if ((request.status?.certificate ?? '') !== '') return false;
  return isApproved(request) && !isDenied(request) && !hasTrueCondition(request, 'Failed');
}

type RequestStatus = NonNullable<CertificateSigningRequest['status']>;

function failedStatus({ status }: CertificateSigningRequest, message: string, now: string): RequestStatus {
  const failed = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message, lastUpdateTime: now };
  return { ...status, conditions: [...(status?.conditions ?? []), failed] };
}

/** The certificate that a request is answered with: its own extensions count for nothing but the names. */
export function orderOf(
  asked: CertificateRequest,
  { spec }: CertificateSigningRequest,
  nowMs: number,
): RequestedCertificate {
  // Refused at creation already; what is signed is looked at once more.
  if (asked.signatureProblem !== '')
    throw new Error(`unable to verify certificate request signature: ${asked.signatureProblem}`);
  return {
    subject: asked.subject,
    alternativeNames: alternativeNames(asked),
    publicKey: asked.publicKey,
    ...certificateUsages(spec.usages ?? []),
    ...certificateLifetime(spec.expirationSeconds, nowMs),
    nowMs,
  };
}

/** In the order in which Go writes them. */
function alternativeNames({ dnsNames, emailAddresses, ipAddresses, uris }: CertificateRequest): AlternativeName[] {
  return [
    ...dnsNames.map((value) => ({ type: 'dns', value }) as const),
    ...emailAddresses.map((value) => ({ type: 'email', value }) as const),
    ...ipAddresses.map((value) => ({ type: 'ip', value }) as const),
    ...uris.map((value) => ({ type: 'url', value }) as const),
  ];
}

function base64(pem: string): string {
  return Buffer.from(pem).toString('base64');
}
