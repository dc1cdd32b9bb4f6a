/** `certificatesigningrequests/approval`: the whole request goes in and out, its conditions change. */
import { approvalUpdate } from '../../../api/certificates/v1/certificate-signing-request.ts';
import type { Subresource } from '../../router.ts';
import { get } from '../../verbs/get.ts';
import { patchWith } from '../../verbs/patch.ts';
import { updateWith } from '../../verbs/update.ts';
import type { UpdateRules } from '../strategy-update.ts';

// Its kind is CertificateSigningRequest: nothing else comes this way.
const rules = approvalUpdate as unknown as UpdateRules;

export const approvalSubresource: Subresource = {
  name: 'approval',
  kind: { group: 'certificates.k8s.io', version: 'v1', kind: 'CertificateSigningRequest' },
  verbs: { get, patch: patchWith(rules), update: updateWith(rules) },
};
