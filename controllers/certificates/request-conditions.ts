/** What has been decided about a certificate request (upstream `pkg/controller/certificates/certificate_controller_utils.go`). */
import type { CertificateSigningRequest, RequestCondition } from '../../api/certificates/v1/types.ts';

export function conditionsOfType({ status }: CertificateSigningRequest, wanted: string): RequestCondition[] {
  return (status?.conditions ?? []).filter(({ type }) => type === wanted);
}

/** One without a status, from before there were any, is true. */
export function hasTrueCondition(request: CertificateSigningRequest, type: string): boolean {
  return conditionsOfType(request, type).some(({ status }) => !status || status === 'True');
}

/** Whatever the condition's status. */
export function isApproved(request: CertificateSigningRequest): boolean {
  return conditionsOfType(request, 'Approved').length > 0;
}

/** Whatever the condition's status. */
export function isDenied(request: CertificateSigningRequest): boolean {
  return conditionsOfType(request, 'Denied').length > 0;
}
