/** The admission chain: the first plugin in the list is the first to see a request. */
import type { LimitRange } from '../../api/core/v1/limit-range.ts';
import type { ServiceAccount } from '../../api/core/v1/service-account.ts';
import type { Listers } from '../../api/machinery/handler.ts';
import type { RuntimeClass } from '../../api/node/v1/runtime-class.ts';
import type { PriorityClass } from '../../api/scheduling/v1/priority-class.ts';
import type { StorageClass } from '../../api/storage/v1/storage-class.ts';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import { listerIfServed } from '../authz/optional-lister.ts';
import type { AdmissionPlugin } from './admission.ts';
import { defaultIngressClass } from './default-ingress-class.ts';
import { certificateApproval } from './certificate-approval.ts';
import { certificateSigning } from './certificate-signing.ts';
import { certificateSubjectRestriction } from './certificate-subject-restriction.ts';
import { defaultStorageClass } from './default-storage-class.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { denyServiceExternalIps } from './deny-service-external-ips.ts';
import { eventRateLimit } from './event-rate-limit.ts';
import type { EventRateLimit } from './event-rate-limit.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { persistentVolumeClaimResize } from './persistent-volume-claim-resize.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { priorityAdmission } from './priority.ts';
import { runtimeClassAdmission } from './runtime-class.ts';
import { serviceAccountAdmission } from './service-account.ts';
import { storageObjectInUseProtection } from './storage-object-in-use-protection.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';

export interface PluginOptions {
  listers: Listers;
  random: Random;
  clock: Clock;
  /** None: events are not limited. */
  eventRateLimits: readonly EventRateLimit[];
  authorize: Authorizer;
  /** What users of the cluster have written: policies and webhooks. They see what the others have made of an object. */
  authored: readonly AdmissionPlugin[];
}

/** In upstream's order (`pkg/kubeapiserver/options/plugins.go AllOrderedPlugins`). */
export function admissionPlugins(options: PluginOptions): AdmissionPlugin[] {
  const { listers, random, clock, authorize, authored, eventRateLimits } = options;
  const storageClasses = listerIfServed<StorageClass>(listers, { group: 'storage.k8s.io', plural: 'storageclasses' });
  return [
    namespaceLifecycle(listers({ group: '', plural: 'namespaces' })),
    limitRanger(listerIfServed<LimitRange>(listers, { group: '', plural: 'limitranges' })),
    serviceAccountAdmission(listers<ServiceAccount>({ group: '', plural: 'serviceaccounts' }), random),
    nodeRestriction(listers),
    taintNodesByCondition,
    priorityAdmission(
      listerIfServed<PriorityClass>(listers, { group: 'scheduling.k8s.io', plural: 'priorityclasses' }),
    ),
    defaultTolerationSeconds,
    ...(eventRateLimits.length > 0 ? [eventRateLimit(eventRateLimits, clock)] : []),
    defaultStorageClass(storageClasses),
    storageObjectInUseProtection,
    persistentVolumeClaimResize(storageClasses),
    runtimeClassAdmission(listerIfServed<RuntimeClass>(listers, { group: 'node.k8s.io', plural: 'runtimeclasses' })),
    certificateApproval(authorize),
    certificateSigning(authorize),
    certificateSubjectRestriction,
    defaultIngressClass(listers({ group: 'networking.k8s.io', plural: 'ingressclasses' })),
    denyServiceExternalIps,
    podTopologyLabels(listers({ group: '', plural: 'nodes' })),
    ...authored,
  ];
}
