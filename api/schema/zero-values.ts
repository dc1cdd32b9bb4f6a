/**
 * What Go's API types make of a field that says nothing (upstream: the `json` tags in `staging/src/k8s.io/api`,
 * `types.go` of each group, and `apimachinery/pkg/apis/meta/v1/types.go`). A value with `omitempty` is left out when it
 * is zero; a struct held by value, a time held by value (as `null`), and a scalar without `omitempty` stand in every
 * object; behind a pointer, zero is a value like any other. Most optional scalars are values, most optional structs
 * pointers: the tables name the rest.
 */
import type { Schema } from './schema.ts';

/** Scalars of these names are pointers, in every model that the exceptions do not name. */
const POINTER_NAMES = words(`
  $ref activeDeadlineSeconds adminAccess allNodes allocateLoadBalancerNodePorts allowMultipleAllocations
  allowPrivilegeEscalation allowVolumeExpansion appProtocol attachRequired automountServiceAccountToken
  averageUtilization backoffLimit backoffLimitPerIndex bindsToNode blockOwnerDeletion bool borrowingLimitPercent
  cachingMode capacity capacityKey collisionCount commonEncodingVersion completionMode completions
  currentCPUUtilizationPercentage currentVolumeAttributesClassName defaultMode deletionGracePeriodSeconds
  deprecationWarning disruptionMode distinctAttribute enableServiceLinks endPort endpointsNamespace errorCode
  expirationSeconds extendedResourceName failedIndexes failedJobsHistoryLimit failurePolicy fsGroup
  fsGroupChangePolicy fsGroupPolicy gmsaCredentialSpec gmsaCredentialSpecName gracePeriodSeconds holderIdentity
  hostProcess hostUsers hostnameOverride ignoreStoreReadErrorWithClusterBreakingPotential immutable ingressClassName
  initiatorName int internalTrafficPolicy ipFamilyPolicy ipMode labelSelectorPath leaseDurationSeconds
  leaseTransitions lendablePercent loadBalancerClass localhostProfile managedBy manualSelector matchAttribute
  matchPolicy maxExpirationSeconds maxFailedIndexes maxItems maxLength maxProperties maximum minDomains minItems
  minLength minProperties minReplicas minimum mode mountPropagation multipleOf nodeAffinityPolicy
  nodeAllocatableUpdatePeriodSeconds nodeName nodeTaintsPolicy nominalConcurrencyShares optional optionalOldSelf
  orphanDependents parallelism parameterNotFoundAction pathType perDeviceNodeSelection persistentVolumeName
  podGroupName podInfoOnMount podReplacementPolicy preemptionPolicy preferredHolder
  preventPodSchedulingIfMissing privileged procMount progressDeadlineSeconds propagationPolicy
  readOnlyRootFilesystem ready reclaimPolicy recursiveReadOnly recursiveReadOnlyMounts remainingItemCount
  requiresRepublish resourceClaimName resourceClaimTemplateName revisionHistoryLimit runAsGroup runAsNonRoot
  runAsUser runAsUserName runtimeClassName scope seLinuxChangePolicy seLinuxMount secretNamespace selectPolicy
  service serviceAccountTokenInSecrets serving setHostnameAsFQDN shareID shareProcessNamespace sideEffects
  stabilizationWindowSeconds started startingDeadlineSeconds stopSignal storageCapacity string succeededCount
  succeededIndexes successfulJobsHistoryLimit supplementalGroupsPolicy suspend targetCPUUtilizationPercentage
  terminating terminatingReplicas terminationGracePeriodSeconds timeZone timeoutSeconds tolerationSeconds
  trafficDistribution ttlSecondsAfterFinished unhealthyPodEvictionPolicy url userNamespaces
  volumeAttributesClassName volumeBindingMode volumeMode x-kubernetes-list-type x-kubernetes-map-type
  x-kubernetes-preserve-unknown-fields zone`);

/** Pointers all the same, and values all the same. */
const POINTERS = words(`
  AppsV1beta1DeploymentSpec.replicas ExtensionsV1beta1DeploymentSpec.replicas
  AdmissionregistrationV1ServiceReference.path AdmissionregistrationV1ServiceReference.port
  ApiextensionsV1ServiceReference.path ApiextensionsV1ServiceReference.port ApiregistrationV1ServiceReference.port
  DiscoveryV1EndpointPort.name DiscoveryV1EndpointPort.port DiscoveryV1EndpointPort.protocol
  V1AzureDiskVolumeSource.fsType V1AzureDiskVolumeSource.kind V1AzureDiskVolumeSource.readOnly
  V1CSIVolumeSource.fsType V1CSIVolumeSource.readOnly V1ClusterTrustBundleProjection.name
  V1ClusterTrustBundleProjection.signerName V1Container.restartPolicy V1DeploymentSpec.replicas
  V1DeviceAttribute.version V1Endpoint.hostname V1EphemeralContainer.restartPolicy V1FCVolumeSource.lun
  V1HorizontalPodAutoscalerStatus.observedGeneration V1HostPathVolumeSource.type
  V1IngressClassParametersReference.apiGroup V1IngressClassParametersReference.namespace V1IngressPortStatus.error
  V1LeaseSpec.strategy V1LocalVolumeSource.fsType V1MutatingWebhook.reinvocationPolicy V1NetworkPolicyPort.protocol
  V1OwnerReference.controller V1PersistentVolumeClaimSpec.storageClassName V1PodDNSConfigOption.value
  V1PodFailurePolicyOnExitCodesRequirement.containerName V1PodSpec.priority V1PortStatus.error
  V1Preconditions.resourceVersion V1Preconditions.uid V1ReplicaSetSpec.replicas V1ReplicationControllerSpec.replicas
  V1RollingUpdateStatefulSetStrategy.partition V1StatefulSetSpec.replicas V1TypedLocalObjectReference.apiGroup
  V1TypedObjectReference.apiGroup V1TypedObjectReference.namespace V1Validation.reason V1ValidationRule.reason
  V1VolumeNodeResources.count V1alpha2PodGroupSpec.priority V1alpha2PodGroupTemplate.priority
  V1alpha3DeviceTaintSelector.device V1alpha3DeviceTaintSelector.driver V1alpha3DeviceTaintSelector.pool
  V1beta1DeviceAttribute.version V1beta2DeviceAttribute.version V1beta2DeviceTaintSelector.device
  V1beta2DeviceTaintSelector.driver V1beta2DeviceTaintSelector.pool V2HorizontalPodAutoscalerStatus.observedGeneration`);
const VALUES = words(`
  V1ContainerStatus.ready V1CustomResourceDefinitionSpec.scope V1ExternalDocumentation.url
  V1PodExtendedResourceClaimStatus.resourceClaimName V1PodSpec.nodeName V1Probe.timeoutSeconds
  V1VolumeAttachmentSpec.nodeName V1beta1PodCertificateRequestSpec.nodeName V1beta1ResourceSliceSpec.allNodes
  V1beta1ResourceSliceSpec.nodeName`);

/** Structs of these names are values, in every model that the exceptions do not name. */
const STRUCT_VALUE_NAMES = words(`
  acceptedNames backend clientConfig conditions current daemonEndpoints deprecatedSource describedObject devices
  involvedObject jobTemplate kubeletEndpoint lastState limitResponse loadBalancer metadata metric names nodeInfo
  podAffinityTerm podSelector pool port preference preferredVersion priorityLevelConfiguration regarding resources
  roleRef scaleTargetRef source spec state status strategy taint target template updateStrategy userInfo`);
const STRUCT_POINTERS = words(`
  NetworkingV1beta1IngressSpec.backend
  V1ContainerStatus.resources V1CustomResourceSubresources.status V1NetworkPolicyPeer.podSelector V1PodSpec.resources
  V1PodStatus.resources V1ReplicationControllerSpec.template V1WebhookConversion.clientConfig`);
const STRUCT_VALUES = words('V1TokenReviewStatus.user V1beta1StorageVersionMigrationSpec.resource');

/** Times of these names are values; those that are not set are `null`. Objects' own creation time is left out. */
const TIME_VALUE_NAMES = words(`
  deprecatedFirstTimestamp deprecatedLastTimestamp eventTime expirationTimestamp finishedAt firstTimestamp
  lastHeartbeatTime lastObservedTime lastProbeTime lastTimestamp lastTransitionTime lastUpdateTime startedAt`);
const TIME_VALUES = words('V1VolumeError.time V1beta1NodeMetrics.timestamp V1beta1PodMetrics.timestamp');

/** Optional for a client, and without `omitempty` all the same. */
const KEPT = words(`
  CoreV1Event.reportingComponent CoreV1Event.reportingInstance RbacV1beta1ClusterRole.rules RbacV1beta1Role.rules
  V1AllocatedDeviceStatus.conditions
  V1CSINodeDriver.topologyKeys V1ClusterRole.rules V1ContainerImage.names
  V1CustomResourceDefinitionStatus.conditions V1CustomResourceDefinitionStatus.storedVersions
  V1DeviceClaim.requests V1EndpointSlice.endpoints V1EndpointSlice.ports V1FlowSchemaSpec.matchingPrecedence
  V1NodeRuntimeHandler.name V1PodDisruptionBudgetStatus.currentHealthy V1PodDisruptionBudgetStatus.desiredHealthy
  V1PodDisruptionBudgetStatus.disruptionsAllowed V1PodDisruptionBudgetStatus.expectedPods
  V1PodFailurePolicyOnPodConditionsPattern.status V1PriorityClass.value V1ProjectedVolumeSource.sources
  V1QueuingConfiguration.handSize V1QueuingConfiguration.queueLengthLimit V1QueuingConfiguration.queues
  V1ResourcePolicyRule.namespaces V1Role.rules V1RoleRef.apiGroup V1StatefulSetOrdinals.start
  V1StatefulSetSpec.serviceName V1StatefulSetStatus.availableReplicas V1TokenRequestSpec.audiences
  V1TokenRequestStatus.token V1beta1AllocatedDeviceStatus.conditions V1beta1DeviceClaim.requests
  V1beta1DeviceRequest.deviceClassName V1beta1PodCertificateRequestSpec.pkixPublicKey
  V1beta1PodCertificateRequestSpec.proofOfPossession V1beta2AllocatedDeviceStatus.conditions
  V1beta2DeviceClaim.requests V2HorizontalPodAutoscalerStatus.currentMetrics`);

/** Required of a client, and with `omitempty` all the same. */
const OMITTED = words(`
  V1ContainerRestartRule.action V1ContainerRestartRuleOnExitCodes.operator V1CounterSet.counters
  V1DeviceCounterConsumption.counters V1ImageVolumeStatus.imageRef V1ParentReference.name V1ParentReference.resource
  V1PodCertificateProjection.keyType V1PodCertificateProjection.signerName V1TokenReviewSpec.token
  V1ValidatingAdmissionPolicyBindingSpec.policyName V1ValidatingAdmissionPolicyBindingSpec.validationActions
  V1alpha1ServerStorageVersion.apiServerID V1alpha1ServerStorageVersion.decodableVersions
  V1alpha1ServerStorageVersion.encodingVersion V1alpha1StorageVersionCondition.message V1beta1CounterSet.counters
  V1beta1DeviceCounterConsumption.counters V1beta1LeaseCandidateSpec.strategy V1beta1ParentReference.name
  V1beta1ParentReference.resource V1beta2CounterSet.counters V1beta2DeviceCounterConsumption.counters`);

export interface ZeroField {
  model: string;
  name: string;
  /** What the field is, its ref resolved; `struct` also for a model that is not generated yet. */
  kind: 'struct' | 'container' | 'scalar' | 'time' | 'other';
  required: boolean;
}

/**
 * `omitted`: zero (`''`, 0, false, an empty list or map) is left out. `written`: the zero value stands where nothing
 * was given. `undefined`: neither; what was given stays.
 */
export function whenEmpty({ model, name, kind, required }: ZeroField): Schema['whenEmpty'] {
  const key = `${model}.${name}`;
  if (kind === 'other') return undefined;
  if (kind === 'time') return TIME_VALUE_NAMES.has(name) || TIME_VALUES.has(key) ? 'written' : undefined;
  if (kind === 'struct') return isStructValue(key, name) ? 'written' : undefined;
  const omits = required ? OMITTED.has(key) : !KEPT.has(key);
  if (kind === 'container') return omits ? 'omitted' : undefined;
  const isPointer = VALUES.has(key) ? false : POINTER_NAMES.has(name) || POINTERS.has(key);
  if (isPointer) return undefined;
  return omits ? 'omitted' : 'written';
}

function isStructValue(key: string, name: string): boolean {
  return STRUCT_POINTERS.has(key) ? false : STRUCT_VALUE_NAMES.has(name) || STRUCT_VALUES.has(key);
}

/** Every `<model>.<field>` that the tables name. */
export function zeroTableKeys(): string[] {
  return [POINTERS, VALUES, STRUCT_POINTERS, STRUCT_VALUES, TIME_VALUES, KEPT, OMITTED].flatMap((table) => [...table]);
}

/** Every field name that the tables give for all models. */
export function zeroTableNames(): string[] {
  return [...POINTER_NAMES, ...STRUCT_VALUE_NAMES, ...TIME_VALUE_NAMES];
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}
