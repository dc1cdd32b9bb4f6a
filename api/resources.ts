/** The table of kinds: everything generic iterates over it. Adding a built-in kind is one file and one line here. */
import type { Resource } from './machinery/resource.ts';
import { mutatingAdmissionPolicies } from './admissionregistration/v1/mutating-admission-policy.ts';
import { mutatingAdmissionPolicyBindings } from './admissionregistration/v1/mutating-admission-policy-binding.ts';
import { mutatingWebhookConfigurations } from './admissionregistration/v1/mutating-webhook-configuration.ts';
import { validatingAdmissionPolicies } from './admissionregistration/v1/validating-admission-policy.ts';
import { validatingAdmissionPolicyBindings } from './admissionregistration/v1/validating-admission-policy-binding.ts';
import { validatingWebhookConfigurations } from './admissionregistration/v1/validating-webhook-configuration.ts';
import { customResourceDefinitions } from './apiextensions/v1/custom-resource-definition.ts';
import { apiServices } from './apiregistration/v1/api-service.ts';
import { controllerRevisions } from './apps/v1/controller-revision.ts';
import { daemonSets } from './apps/v1/daemon-set.ts';
import { deployments } from './apps/v1/deployment.ts';
import { replicaSets } from './apps/v1/replica-set.ts';
import { statefulSets } from './apps/v1/stateful-set.ts';
import { controllerRevisionsV1beta1, deploymentsV1beta1, statefulSetsV1beta1 } from './apps/v1beta1/workloads.ts';
import {
  controllerRevisionsV1beta2,
  daemonSetsV1beta2,
  deploymentsV1beta2,
  replicaSetsV1beta2,
  statefulSetsV1beta2,
} from './apps/v1beta2/workloads.ts';
import { selfSubjectReviews, tokenReviews } from './authentication/v1/reviews.ts';
import {
  localSubjectAccessReviews,
  selfSubjectAccessReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
} from './authorization/v1/reviews.ts';
import { horizontalPodAutoscalersV1 } from './autoscaling/v1/horizontal-pod-autoscaler.ts';
import { horizontalPodAutoscalers } from './autoscaling/v2/horizontal-pod-autoscaler.ts';
import { horizontalPodAutoscalersV2beta2 } from './autoscaling/v2beta2/horizontal-pod-autoscaler.ts';
import { cronJobs } from './batch/v1/cron-job.ts';
import { jobs } from './batch/v1/job.ts';
import { certificateSigningRequests } from './certificates/v1/certificate-signing-request.ts';
import { cronJobsV1beta1 } from './batch/v1beta1/cron-job.ts';
import { leases } from './coordination/v1/lease.ts';
import { bindings } from './core/v1/binding.ts';
import { componentStatuses } from './core/v1/component-status.ts';
import { configMaps } from './core/v1/config-map.ts';
import { endpoints } from './core/v1/endpoints.ts';
import { events } from './core/v1/event.ts';
import { limitRanges } from './core/v1/limit-range.ts';
import { namespaces } from './core/v1/namespace.ts';
import { nodes } from './core/v1/node.ts';
import { persistentVolumeClaims } from './core/v1/persistent-volume-claim.ts';
import { persistentVolumes } from './core/v1/persistent-volume.ts';
import { podTemplates } from './core/v1/pod-template.ts';
import { pods } from './core/v1/pod.ts';
import { replicationControllers } from './core/v1/replication-controller.ts';
import { resourceQuotas } from './core/v1/resource-quota.ts';
import { secrets } from './core/v1/secret.ts';
import { serviceAccounts } from './core/v1/service-account.ts';
import { services } from './core/v1/service.ts';
import { endpointSlices } from './discovery/v1/endpoint-slice.ts';
import { eventsV1 } from './events/v1/event.ts';
import { podDisruptionBudgets } from './policy/v1/pod-disruption-budget.ts';
import { podDisruptionBudgetsV1beta1 } from './policy/v1beta1/pod-disruption-budget.ts';
import { runtimeClasses } from './node/v1/runtime-class.ts';
import { extensionsIngresses } from './extensions/v1beta1/ingress.ts';
import {
  daemonSetsInExtensions,
  deploymentsInExtensions,
  replicaSetsInExtensions,
} from './extensions/v1beta1/workloads.ts';
import { flowSchemas } from './flowcontrol/v1/flow-schema.ts';
import { priorityLevelConfigurations } from './flowcontrol/v1/priority-level-configuration.ts';
import { nodeMetrics } from './metrics/v1beta1/node-metrics.ts';
import { podMetrics } from './metrics/v1beta1/pod-metrics.ts';
import { ingressClasses } from './networking/v1/ingress-class.ts';
import { ingresses } from './networking/v1/ingress.ts';
import { ipAddresses } from './networking/v1/ip-address.ts';
import { networkPolicies } from './networking/v1/network-policy.ts';
import { serviceCidrs } from './networking/v1/service-cidr.ts';
import { ingressClassesV1beta1 } from './networking/v1beta1/ingress-class.ts';
import { ingressesV1beta1 } from './networking/v1beta1/ingress.ts';
import { clusterRoleBindings } from './rbac/v1/cluster-role-binding.ts';
import { clusterRoles } from './rbac/v1/cluster-role.ts';
import { roleBindings } from './rbac/v1/role-binding.ts';
import { roles } from './rbac/v1/role.ts';
import { deviceClasses } from './resource/v1/device-class.ts';
import { resourceClaimTemplates } from './resource/v1/resource-claim-template.ts';
import { resourceClaims } from './resource/v1/resource-claim.ts';
import { resourceSlices } from './resource/v1/resource-slice.ts';
import {
  clusterRoleBindingsV1beta1,
  clusterRolesV1beta1,
  roleBindingsV1beta1,
  rolesV1beta1,
} from './rbac/v1beta1/rbac.ts';
import { priorityClasses } from './scheduling/v1/priority-class.ts';
import { csiDrivers } from './storage/v1/csi-driver.ts';
import { csiNodes } from './storage/v1/csi-node.ts';
import { csiStorageCapacities } from './storage/v1/csi-storage-capacity.ts';
import { storageClasses } from './storage/v1/storage-class.ts';
import { volumeAttachments } from './storage/v1/volume-attachment.ts';
import { volumeAttributesClasses } from './storage/v1/volume-attributes-class.ts';

const all = [
  bindings,
  componentStatuses,
  configMaps,
  endpoints,
  events,
  limitRanges,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  podTemplates,
  replicationControllers,
  resourceQuotas,
  secrets,
  serviceAccounts,
  services,
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
  mutatingWebhookConfigurations,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
  validatingWebhookConfigurations,
  customResourceDefinitions,
  apiServices,
  controllerRevisions,
  daemonSets,
  deployments,
  replicaSets,
  statefulSets,
  selfSubjectReviews,
  tokenReviews,
  localSubjectAccessReviews,
  selfSubjectAccessReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
  horizontalPodAutoscalers,
  horizontalPodAutoscalersV1,
  cronJobs,
  jobs,
  certificateSigningRequests,
  leases,
  endpointSlices,
  eventsV1,
  podDisruptionBudgets,
  runtimeClasses,
  flowSchemas,
  priorityLevelConfigurations,
  ingressClasses,
  ingresses,
  ipAddresses,
  networkPolicies,
  serviceCidrs,
  ingressClassesV1beta1,
  ingressesV1beta1,
  extensionsIngresses,
  clusterRoleBindings,
  clusterRoles,
  roleBindings,
  roles,
  deviceClasses,
  resourceClaimTemplates,
  resourceClaims,
  resourceSlices,
  priorityClasses,
  csiDrivers,
  csiNodes,
  csiStorageCapacities,
  storageClasses,
  volumeAttachments,
  volumeAttributesClasses,
  nodeMetrics,
  podMetrics,
  // Versions of the past, behind those of today, whose storage they share.
  controllerRevisionsV1beta2,
  daemonSetsV1beta2,
  deploymentsV1beta2,
  replicaSetsV1beta2,
  statefulSetsV1beta2,
  controllerRevisionsV1beta1,
  deploymentsV1beta1,
  statefulSetsV1beta1,
  daemonSetsInExtensions,
  deploymentsInExtensions,
  replicaSetsInExtensions,
  horizontalPodAutoscalersV2beta2,
  cronJobsV1beta1,
  podDisruptionBudgetsV1beta1,
  clusterRoleBindingsV1beta1,
  clusterRolesV1beta1,
  roleBindingsV1beta1,
  rolesV1beta1,
] as const;

export const resources = all as unknown as readonly Resource[];
