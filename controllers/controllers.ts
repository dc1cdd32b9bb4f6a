/**
 * The table of controllers; each acts as the service account of its name in kube-system, to which the bootstrap roles
 * are bound. The garbage collector, which watches every kind, runs beside them.
 */
import type { Resource } from '../api/machinery/resource.ts';
import type { RequestSigner } from '../base/pki-requests.ts';
import type { Controller } from '../client/controller.ts';
import { bootstrapSigner } from './bootstrap/bootstrap-signer.ts';
import { tokenCleaner } from './bootstrap/token-cleaner.ts';
import { certificateApprover } from './certificates/certificate-approver.ts';
import { certificateCleaner } from './certificates/certificate-cleaner.ts';
import { certificateSigner } from './certificates/certificate-signer.ts';
import { clusterRoleAggregation } from './cluster-role-aggregation.ts';
import { daemonSetController } from './daemon-set/daemon-set.ts';
import { cronJobController } from './cron-job/cron-job.ts';
import { deploymentController } from './deployment/deployment.ts';
import { disruptionController } from './disruption/disruption.ts';
import { staleDisruptionController } from './disruption/stale-disruption.ts';
import { endpointSliceController } from './endpoint-slice.ts';
import { endpointSliceMirroringController } from './endpoint-slice-mirroring/endpoint-slice-mirroring.ts';
import { endpointsController } from './endpoints.ts';
import { ephemeralVolumeController } from './ephemeral-volume.ts';
import { jobController } from './job/job.ts';
import { orphanPodsOfJobs } from './job/orphan-pods.ts';
import { horizontalPodAutoscalerController } from './horizontal-pod-autoscaler/horizontal-pod-autoscaler.ts';
import { namespaceController } from './namespace.ts';
import { nodeIpamController } from './node-ipam.ts';
import type { NodeIpamOptions } from './node-ipam.ts';
import { nodeLifecycleController } from './node-lifecycle/node-lifecycle.ts';
import { nodeTtlController } from './node-ttl.ts';
import { expandController } from './persistent-volume/expand.ts';
import { persistentVolumeBinder } from './persistent-volume/persistent-volume-binder.ts';
import { persistentVolumeClaimProtection } from './persistent-volume-claim-protection.ts';
import { persistentVolumeProtection } from './persistent-volume-protection.ts';
import { podGcController } from './pod-gc.ts';
import { replicaSetController } from './replica-set.ts';
import { replicationController } from './replication-controller.ts';
import { claimCleanUp } from './resource-claim/claim-clean-up.ts';
import { claimsOfPods } from './resource-claim/claims-of-pods.ts';
import { resourceQuotaController } from './resource-quota.ts';
import { rootCaPublisher } from './root-ca-publisher.ts';
import { serviceAccountController } from './service-account.ts';
import { serviceAccountTokenController } from './service-account-token.ts';
import type { TokenOptions } from './service-account-token.ts';
import { statefulSetController } from './stateful-set/stateful-set.ts';
import { taintEvictionController } from './taint-eviction.ts';
import { ttlAfterFinishedController } from './ttl-after-finished.ts';
import { validatingAdmissionPolicyStatus } from './validating-admission-policy-status.ts';

export interface ControllersOptions {
  resources: readonly Resource[];
  /** PEM. */
  rootCa: string;
  /** Signs with the cluster's authority. Without it, certificate requests are left to somebody else. */
  signRequest?: RequestSigner;
  /** Signs tokens of service accounts. Without it, the secrets that ask for them are left to somebody else. */
  signToken?: TokenOptions['signToken'];
  /** Without it, nodes have no other ranges of pod addresses than their kubelets bring. */
  nodeIpam?: NodeIpamOptions;
}

export function controllers({ resources, rootCa, signRequest, signToken, nodeIpam }: ControllersOptions): Controller[] {
  return [
    serviceAccountController,
    ...(signToken === undefined ? [] : [serviceAccountTokenController({ rootCa, signToken })]),
    rootCaPublisher(rootCa),
    ...(signRequest === undefined ? [] : [certificateApprover, certificateSigner(signRequest), certificateCleaner]),
    bootstrapSigner,
    tokenCleaner,
    namespaceController(resources),
    clusterRoleAggregation,
    replicaSetController,
    replicationController,
    deploymentController,
    jobController(),
    orphanPodsOfJobs,
    cronJobController(),
    ttlAfterFinishedController,
    statefulSetController,
    daemonSetController(),
    endpointSliceController,
    endpointSliceMirroringController,
    endpointsController,
    ephemeralVolumeController,
    claimsOfPods,
    claimCleanUp,
    expandController,
    persistentVolumeBinder,
    persistentVolumeClaimProtection,
    persistentVolumeProtection,
    podGcController(),
    resourceQuotaController(resources),
    validatingAdmissionPolicyStatus(resources),
    nodeLifecycleController(),
    taintEvictionController(),
    nodeTtlController(),
    ...(nodeIpam === undefined ? [] : [nodeIpamController(nodeIpam)]),
    disruptionController(resources),
    staleDisruptionController,
    horizontalPodAutoscalerController(resources),
  ];
}
