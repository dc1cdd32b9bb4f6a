/**
 * CertificateSubjectRestriction: nobody asks for a client certificate of the group whose members may do everything
 * (upstream `plugin/pkg/admission/certificates/subjectrestriction`).
 */
import type { CertificateSigningRequest } from '../../api/certificates/v1/certificate-signing-request.ts';
import { parseCertificateRequest } from '../../api/certificates/v1/pem.ts';
import type { AdmissionPlugin } from './admission.ts';
import { refuse } from './refusal.ts';
import { isCertificateRequest } from './signer-authorization.ts';

const SIGNER = 'kubernetes.io/kube-apiserver-client';
const GROUP = 'system:masters';

export const certificateSubjectRestriction: AdmissionPlugin = {
  name: 'CertificateSubjectRestriction',
  validate(attributes) {
    if (attributes.operation !== 'CREATE' || attributes.subresource !== '' || !isCertificateRequest(attributes)) return;
    const { signerName, request } = (attributes.object as CertificateSigningRequest).spec;
    // Validation has seen to it that it can be read.
    if (signerName === SIGNER && parseCertificateRequest(request).organizations.includes(GROUP))
      refuse(attributes, `use of ${SIGNER} signer with ${GROUP} group is not allowed`);
  },
};
