/** CertificateApproval: approving needs the right to it for the signer (upstream `plugin/pkg/admission/certificates/approval`). */
import type { Authorizer } from '../authz/authorizer.ts';
import type { AdmissionPlugin } from './admission.ts';
import { isCertificateRequest, requireSigner } from './signer-authorization.ts';

export function certificateApproval(authorize: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateApproval',
    validate(attributes) {
      const { operation, subresource } = attributes;
      if (operation === 'UPDATE' && subresource === 'approval' && isCertificateRequest(attributes))
        requireSigner(attributes, authorize, 'approve');
    },
  };
}
