/**
 * DenyServiceExternalIPs: nobody may take addresses for a Service that are not its own (CVE-2020-8554); those that it
 * has may stay (upstream `plugin/pkg/admission/serviceexternalips/admission.go`, off by default there).
 */
import type { Service } from '../../api/core/v1/service.ts';
import type { AdmissionPlugin } from './admission.ts';
import { isKind, refuse } from './refusal.ts';

export const denyServiceExternalIps: AdmissionPlugin = {
  name: 'DenyServiceExternalIPs',
  validate(attributes) {
    const { operation, resource, subresource } = attributes;
    if (subresource !== '' || operation === 'DELETE' || !isKind(resource, 'services')) return;
    const before = (attributes.oldObject as Service | undefined)?.spec?.externalIPs ?? [];
    const after = (attributes.object as Service).spec?.externalIPs ?? [];
    if (after.some((address) => !before.includes(address)))
      refuse(attributes, 'Use of external IPs is denied by admission control.');
  },
};
