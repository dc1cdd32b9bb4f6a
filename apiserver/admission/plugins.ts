/** The admission chain: the first plugin in the list is the first to see a request. */
import type { ServiceAccount } from '../../api/core/v1/service-account.ts';
import type { Listers } from '../../api/machinery/handler.ts';
import type { Random } from '../../base/random.ts';
import type { AdmissionPlugin } from './admission.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { priorityAdmission } from './priority.ts';
import { runtimeClassAdmission } from './runtime-class.ts';
import { serviceAccountAdmission } from './service-account.ts';

export function admissionPlugins({ listers, random }: { listers: Listers; random: Random }): AdmissionPlugin[] {
  return [
    namespaceLifecycle(listers({ group: '', plural: 'namespaces' })),
    serviceAccountAdmission(listers<ServiceAccount>({ group: '', plural: 'serviceaccounts' }), random),
    nodeRestriction(listers),
    priorityAdmission,
    defaultTolerationSeconds,
    runtimeClassAdmission,
  ];
}
