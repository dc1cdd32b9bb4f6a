/** CertificateSigning: only who may sign for the signer sets a certificate (upstream `plugin/pkg/admission/certificates/signing`). */
import type { CertificateSigningRequest } from '../../api/certificates/v1/certificate-signing-request.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { AdmissionPlugin } from './admission.ts';
import { isCertificateRequest, requireSigner } from './signer-authorization.ts';

export function certificateSigning(authorize: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateSigning',
    validate(attributes) {
      const { operation, subresource } = attributes;
      if (operation !== 'UPDATE' || subresource !== 'status' || !isCertificateRequest(attributes)) return;
      const next = (attributes.object as CertificateSigningRequest).status;
      const previous = (attributes.oldObject as CertificateSigningRequest).status;
      const isSame =
        (next?.certificate ?? '') === (previous?.certificate ?? '') &&
        deepEqual(next?.conditions, previous?.conditions);
      if (!isSame) requireSigner(attributes, authorize, 'sign');
    },
  };
}
