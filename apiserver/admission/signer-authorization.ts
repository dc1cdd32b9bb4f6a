/** Who may approve and sign for a signer: a right on `signers`, by name or by domain (upstream `pkg/certauthorization`). */
import type { CertificateSigningRequest } from '../../api/certificates/v1/certificate-signing-request.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { AdmissionAttributes } from './admission.ts';
import { isKind, refuse } from './refusal.ts';

export function isCertificateRequest({ resource }: AdmissionAttributes): boolean {
  return isKind(resource, 'certificatesigningrequests', 'certificates.k8s.io');
}

/** The stored object decides: nobody gets round it by naming another signer. */
export function requireSigner(attributes: AdmissionAttributes, authorize: Authorizer, verb: 'approve' | 'sign'): void {
  const { signerName } = (attributes.oldObject as CertificateSigningRequest).spec;
  const domain = `${signerName.split('/')[0]}/*`;
  if (![signerName, domain].some((name) => isAllowed(attributes, authorize, { verb, name })))
    refuse(attributes, `user not permitted to ${verb} requests with signerName ${JSON.stringify(signerName)}`);
}

function isAllowed(
  { user }: AdmissionAttributes,
  authorize: Authorizer,
  { verb, name }: { verb: string; name: string },
): boolean {
  const { decision } = authorize({
    user,
    verb,
    name,
    isResourceRequest: true,
    apiGroup: 'certificates.k8s.io',
    apiVersion: '*',
    namespace: '',
    resource: 'signers',
    subresource: '',
    path: '',
  });
  return decision === 'allow';
}
