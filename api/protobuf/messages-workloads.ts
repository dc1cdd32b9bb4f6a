/** Field numbers of the protobuf messages of workloads, their networking and their events; `messages.ts` says how to read them. */
export const WORKLOADS_MESSAGES = `
# apps.v1
ControllerRevision metadata=1:meta.v1.ObjectMeta data=2:runtime.RawExtension revision=3:int64
ControllerRevisionList metadata=1:meta.v1.ListMeta items=2:[].ControllerRevision
DaemonSet metadata=1:meta.v1.ObjectMeta spec=2:.DaemonSetSpec status=3:.DaemonSetStatus
DaemonSetCondition type=1:string status=2:string lastTransitionTime=3:meta.v1.Time reason=4:string message=5:string
DaemonSetList metadata=1:meta.v1.ListMeta items=2:[].DaemonSet
DaemonSetSpec selector=1:meta.v1.LabelSelector template=2:core.v1.PodTemplateSpec updateStrategy=3:.DaemonSetUpdateStrategy minReadySeconds=4:int32 revisionHistoryLimit=6:int32
DaemonSetStatus currentNumberScheduled=1:int32 numberMisscheduled=2:int32 desiredNumberScheduled=3:int32 numberReady=4:int32 observedGeneration=5:int64 updatedNumberScheduled=6:int32 numberAvailable=7:int32 numberUnavailable=8:int32 collisionCount=9:int32 conditions=10:[].DaemonSetCondition
DaemonSetUpdateStrategy type=1:string rollingUpdate=2:.RollingUpdateDaemonSet
Deployment metadata=1:meta.v1.ObjectMeta spec=2:.DeploymentSpec status=3:.DeploymentStatus
DeploymentCondition type=1:string status=2:string reason=4:string message=5:string lastUpdateTime=6:meta.v1.Time lastTransitionTime=7:meta.v1.Time
DeploymentList metadata=1:meta.v1.ListMeta items=2:[].Deployment
DeploymentSpec replicas=1:int32 selector=2:meta.v1.LabelSelector template=3:core.v1.PodTemplateSpec strategy=4:.DeploymentStrategy minReadySeconds=5:int32 revisionHistoryLimit=6:int32 paused=7:bool progressDeadlineSeconds=9:int32
DeploymentStatus observedGeneration=1:int64 replicas=2:int32 updatedReplicas=3:int32 availableReplicas=4:int32 unavailableReplicas=5:int32 conditions=6:[].DeploymentCondition readyReplicas=7:int32 collisionCount=8:int32 terminatingReplicas=9:int32
DeploymentStrategy type=1:string rollingUpdate=2:.RollingUpdateDeployment
ReplicaSet metadata=1:meta.v1.ObjectMeta spec=2:.ReplicaSetSpec status=3:.ReplicaSetStatus
ReplicaSetCondition type=1:string status=2:string lastTransitionTime=3:meta.v1.Time reason=4:string message=5:string
ReplicaSetList metadata=1:meta.v1.ListMeta items=2:[].ReplicaSet
ReplicaSetSpec replicas=1:int32 selector=2:meta.v1.LabelSelector template=3:core.v1.PodTemplateSpec minReadySeconds=4:int32
ReplicaSetStatus replicas=1:int32 fullyLabeledReplicas=2:int32 observedGeneration=3:int64 readyReplicas=4:int32 availableReplicas=5:int32 conditions=6:[].ReplicaSetCondition terminatingReplicas=7:int32
RollingUpdateDaemonSet maxUnavailable=1:util.intstr.IntOrString maxSurge=2:util.intstr.IntOrString
RollingUpdateDeployment maxUnavailable=1:util.intstr.IntOrString maxSurge=2:util.intstr.IntOrString
RollingUpdateStatefulSetStrategy partition=1:int32 maxUnavailable=2:util.intstr.IntOrString
StatefulSet metadata=1:meta.v1.ObjectMeta spec=2:.StatefulSetSpec status=3:.StatefulSetStatus
StatefulSetCondition type=1:string status=2:string lastTransitionTime=3:meta.v1.Time reason=4:string message=5:string
StatefulSetList metadata=1:meta.v1.ListMeta items=2:[].StatefulSet
StatefulSetOrdinals start=1:int32
StatefulSetPersistentVolumeClaimRetentionPolicy whenDeleted=1:string whenScaled=2:string
StatefulSetSpec replicas=1:int32 selector=2:meta.v1.LabelSelector template=3:core.v1.PodTemplateSpec volumeClaimTemplates=4:[]core.v1.PersistentVolumeClaim serviceName=5:string podManagementPolicy=6:string updateStrategy=7:.StatefulSetUpdateStrategy revisionHistoryLimit=8:int32 minReadySeconds=9:int32 persistentVolumeClaimRetentionPolicy=10:.StatefulSetPersistentVolumeClaimRetentionPolicy ordinals=11:.StatefulSetOrdinals
StatefulSetStatus observedGeneration=1:int64 replicas=2:int32 readyReplicas=3:int32 currentReplicas=4:int32 updatedReplicas=5:int32 currentRevision=6:string updateRevision=7:string collisionCount=9:int32 conditions=10:[].StatefulSetCondition availableReplicas=11:int32
StatefulSetUpdateStrategy type=1:string rollingUpdate=2:.RollingUpdateStatefulSetStrategy
# apps.v1beta1
ControllerRevision metadata=1:meta.v1.ObjectMeta data=2:runtime.RawExtension revision=3:int64
ControllerRevisionList metadata=1:meta.v1.ListMeta items=2:[].ControllerRevision
Deployment metadata=1:meta.v1.ObjectMeta spec=2:.DeploymentSpec status=3:.DeploymentStatus
DeploymentCondition type=1:string status=2:string reason=4:string message=5:string lastUpdateTime=6:meta.v1.Time lastTransitionTime=7:meta.v1.Time
DeploymentList metadata=1:meta.v1.ListMeta items=2:[].Deployment
DeploymentSpec replicas=1:int32 selector=2:meta.v1.LabelSelector template=3:core.v1.PodTemplateSpec strategy=4:.DeploymentStrategy minReadySeconds=5:int32 revisionHistoryLimit=6:int32 paused=7:bool rollbackTo=8:.RollbackConfig progressDeadlineSeconds=9:int32
DeploymentStatus observedGeneration=1:int64 replicas=2:int32 updatedReplicas=3:int32 availableReplicas=4:int32 unavailableReplicas=5:int32 conditions=6:[].DeploymentCondition readyReplicas=7:int32 collisionCount=8:int32 terminatingReplicas=9:int32
DeploymentStrategy type=1:string rollingUpdate=2:.RollingUpdateDeployment
RollbackConfig revision=1:int64
RollingUpdateDeployment maxUnavailable=1:util.intstr.IntOrString maxSurge=2:util.intstr.IntOrString
RollingUpdateStatefulSetStrategy partition=1:int32 maxUnavailable=2:util.intstr.IntOrString
Scale metadata=1:meta.v1.ObjectMeta spec=2:.ScaleSpec status=3:.ScaleStatus
ScaleSpec replicas=1:int32
ScaleStatus replicas=1:int32 selector=2:{}string targetSelector=3:string
StatefulSet metadata=1:meta.v1.ObjectMeta spec=2:.StatefulSetSpec status=3:.StatefulSetStatus
StatefulSetCondition type=1:string status=2:string lastTransitionTime=3:meta.v1.Time reason=4:string message=5:string
StatefulSetList metadata=1:meta.v1.ListMeta items=2:[].StatefulSet
StatefulSetOrdinals start=1:int32
StatefulSetPersistentVolumeClaimRetentionPolicy whenDeleted=1:string whenScaled=2:string
StatefulSetSpec replicas=1:int32 selector=2:meta.v1.LabelSelector template=3:core.v1.PodTemplateSpec volumeClaimTemplates=4:[]core.v1.PersistentVolumeClaim serviceName=5:string podManagementPolicy=6:string updateStrategy=7:.StatefulSetUpdateStrategy revisionHistoryLimit=8:int32 minReadySeconds=9:int32 persistentVolumeClaimRetentionPolicy=10:.StatefulSetPersistentVolumeClaimRetentionPolicy ordinals=11:.StatefulSetOrdinals
StatefulSetStatus observedGeneration=1:int64 replicas=2:int32 readyReplicas=3:int32 currentReplicas=4:int32 updatedReplicas=5:int32 currentRevision=6:string updateRevision=7:string collisionCount=9:int32 conditions=10:[].StatefulSetCondition availableReplicas=11:int32
StatefulSetUpdateStrategy type=1:string rollingUpdate=2:.RollingUpdateStatefulSetStrategy
# apps.v1beta2
ControllerRevision metadata=1:meta.v1.ObjectMeta data=2:runtime.RawExtension revision=3:int64
ControllerRevisionList metadata=1:meta.v1.ListMeta items=2:[].ControllerRevision
DaemonSet metadata=1:meta.v1.ObjectMeta spec=2:.DaemonSetSpec status=3:.DaemonSetStatus
DaemonSetCondition type=1:string status=2:string lastTransitionTime=3:meta.v1.Time reason=4:string message=5:string
DaemonSetList metadata=1:meta.v1.ListMeta items=2:[].DaemonSet
DaemonSetSpec selector=1:meta.v1.LabelSelector template=2:core.v1.PodTemplateSpec updateStrategy=3:.DaemonSetUpdateStrategy minReadySeconds=4:int32 revisionHistoryLimit=6:int32
DaemonSetStatus currentNumberScheduled=1:int32 numberMisscheduled=2:int32 desiredNumberScheduled=3:int32 numberReady=4:int32 observedGeneration=5:int64 updatedNumberScheduled=6:int32 numberAvailable=7:int32 numberUnavailable=8:int32 collisionCount=9:int32 conditions=10:[].DaemonSetCondition
DaemonSetUpdateStrategy type=1:string rollingUpdate=2:.RollingUpdateDaemonSet
Deployment metadata=1:meta.v1.ObjectMeta spec=2:.DeploymentSpec status=3:.DeploymentStatus
DeploymentCondition type=1:string status=2:string reason=4:string message=5:string lastUpdateTime=6:meta.v1.Time lastTransitionTime=7:meta.v1.Time
DeploymentList metadata=1:meta.v1.ListMeta items=2:[].Deployment
DeploymentSpec replicas=1:int32 selector=2:meta.v1.LabelSelector template=3:core.v1.PodTemplateSpec strategy=4:.DeploymentStrategy minReadySeconds=5:int32 revisionHistoryLimit=6:int32 paused=7:bool progressDeadlineSeconds=9:int32
DeploymentStatus observedGeneration=1:int64 replicas=2:int32 updatedReplicas=3:int32 availableReplicas=4:int32 unavailableReplicas=5:int32 conditions=6:[].DeploymentCondition readyReplicas=7:int32 collisionCount=8:int32 terminatingReplicas=9:int32
DeploymentStrategy type=1:string rollingUpdate=2:.RollingUpdateDeployment
ReplicaSet metadata=1:meta.v1.ObjectMeta spec=2:.ReplicaSetSpec status=3:.ReplicaSetStatus
ReplicaSetCondition type=1:string status=2:string lastTransitionTime=3:meta.v1.Time reason=4:string message=5:string
ReplicaSetList metadata=1:meta.v1.ListMeta items=2:[].ReplicaSet
ReplicaSetSpec replicas=1:int32 selector=2:meta.v1.LabelSelector template=3:core.v1.PodTemplateSpec minReadySeconds=4:int32
ReplicaSetStatus replicas=1:int32 fullyLabeledReplicas=2:int32 observedGeneration=3:int64 readyReplicas=4:int32 availableReplicas=5:int32 conditions=6:[].ReplicaSetCondition terminatingReplicas=7:int32
RollingUpdateDaemonSet maxUnavailable=1:util.intstr.IntOrString maxSurge=2:util.intstr.IntOrString
RollingUpdateDeployment maxUnavailable=1:util.intstr.IntOrString maxSurge=2:util.intstr.IntOrString
RollingUpdateStatefulSetStrategy partition=1:int32 maxUnavailable=2:util.intstr.IntOrString
Scale metadata=1:meta.v1.ObjectMeta spec=2:.ScaleSpec status=3:.ScaleStatus
ScaleSpec replicas=1:int32
ScaleStatus replicas=1:int32 selector=2:{}string targetSelector=3:string
StatefulSet metadata=1:meta.v1.ObjectMeta spec=2:.StatefulSetSpec status=3:.StatefulSetStatus
StatefulSetCondition type=1:string status=2:string lastTransitionTime=3:meta.v1.Time reason=4:string message=5:string
StatefulSetList metadata=1:meta.v1.ListMeta items=2:[].StatefulSet
StatefulSetOrdinals start=1:int32
StatefulSetPersistentVolumeClaimRetentionPolicy whenDeleted=1:string whenScaled=2:string
StatefulSetSpec replicas=1:int32 selector=2:meta.v1.LabelSelector template=3:core.v1.PodTemplateSpec volumeClaimTemplates=4:[]core.v1.PersistentVolumeClaim serviceName=5:string podManagementPolicy=6:string updateStrategy=7:.StatefulSetUpdateStrategy revisionHistoryLimit=8:int32 minReadySeconds=9:int32 persistentVolumeClaimRetentionPolicy=10:.StatefulSetPersistentVolumeClaimRetentionPolicy ordinals=11:.StatefulSetOrdinals
StatefulSetStatus observedGeneration=1:int64 replicas=2:int32 readyReplicas=3:int32 currentReplicas=4:int32 updatedReplicas=5:int32 currentRevision=6:string updateRevision=7:string collisionCount=9:int32 conditions=10:[].StatefulSetCondition availableReplicas=11:int32
StatefulSetUpdateStrategy type=1:string rollingUpdate=2:.RollingUpdateStatefulSetStrategy
# autoscaling.v1
CrossVersionObjectReference kind=1:string name=2:string apiVersion=3:string
HorizontalPodAutoscaler metadata=1:meta.v1.ObjectMeta spec=2:.HorizontalPodAutoscalerSpec status=3:.HorizontalPodAutoscalerStatus
HorizontalPodAutoscalerList metadata=1:meta.v1.ListMeta items=2:[].HorizontalPodAutoscaler
HorizontalPodAutoscalerSpec scaleTargetRef=1:.CrossVersionObjectReference minReplicas=2:int32 maxReplicas=3:int32 targetCPUUtilizationPercentage=4:int32
HorizontalPodAutoscalerStatus observedGeneration=1:int64 lastScaleTime=2:meta.v1.Time currentReplicas=3:int32 desiredReplicas=4:int32 currentCPUUtilizationPercentage=5:int32
Scale metadata=1:meta.v1.ObjectMeta spec=2:.ScaleSpec status=3:.ScaleStatus
ScaleSpec replicas=1:int32
ScaleStatus replicas=1:int32 selector=2:string
# autoscaling.v2
ContainerResourceMetricSource name=1:string target=2:.MetricTarget container=3:string
ContainerResourceMetricStatus name=1:string current=2:.MetricValueStatus container=3:string
CrossVersionObjectReference kind=1:string name=2:string apiVersion=3:string
ExternalMetricSource metric=1:.MetricIdentifier target=2:.MetricTarget
ExternalMetricStatus metric=1:.MetricIdentifier current=2:.MetricValueStatus
HPAScalingPolicy type=1:string value=2:int32 periodSeconds=3:int32
HPAScalingRules selectPolicy=1:string policies=2:[].HPAScalingPolicy stabilizationWindowSeconds=3:int32 tolerance=4:api.resource.Quantity
HorizontalPodAutoscaler metadata=1:meta.v1.ObjectMeta spec=2:.HorizontalPodAutoscalerSpec status=3:.HorizontalPodAutoscalerStatus
HorizontalPodAutoscalerBehavior scaleUp=1:.HPAScalingRules scaleDown=2:.HPAScalingRules
HorizontalPodAutoscalerCondition type=1:string status=2:string lastTransitionTime=3:meta.v1.Time reason=4:string message=5:string
HorizontalPodAutoscalerList metadata=1:meta.v1.ListMeta items=2:[].HorizontalPodAutoscaler
HorizontalPodAutoscalerSpec scaleTargetRef=1:.CrossVersionObjectReference minReplicas=2:int32 maxReplicas=3:int32 metrics=4:[].MetricSpec behavior=5:.HorizontalPodAutoscalerBehavior
HorizontalPodAutoscalerStatus observedGeneration=1:int64 lastScaleTime=2:meta.v1.Time currentReplicas=3:int32 desiredReplicas=4:int32 currentMetrics=5:[].MetricStatus conditions=6:[].HorizontalPodAutoscalerCondition
MetricIdentifier name=1:string selector=2:meta.v1.LabelSelector
MetricSpec type=1:string object=2:.ObjectMetricSource pods=3:.PodsMetricSource resource=4:.ResourceMetricSource external=5:.ExternalMetricSource containerResource=7:.ContainerResourceMetricSource
MetricStatus type=1:string object=2:.ObjectMetricStatus pods=3:.PodsMetricStatus resource=4:.ResourceMetricStatus external=5:.ExternalMetricStatus containerResource=7:.ContainerResourceMetricStatus
MetricTarget type=1:string value=2:api.resource.Quantity averageValue=3:api.resource.Quantity averageUtilization=4:int32
MetricValueStatus value=1:api.resource.Quantity averageValue=2:api.resource.Quantity averageUtilization=3:int32
ObjectMetricSource describedObject=1:.CrossVersionObjectReference target=2:.MetricTarget metric=3:.MetricIdentifier
ObjectMetricStatus metric=1:.MetricIdentifier current=2:.MetricValueStatus describedObject=3:.CrossVersionObjectReference
PodsMetricSource metric=1:.MetricIdentifier target=2:.MetricTarget
PodsMetricStatus metric=1:.MetricIdentifier current=2:.MetricValueStatus
ResourceMetricSource name=1:string target=2:.MetricTarget
ResourceMetricStatus name=1:string current=2:.MetricValueStatus
# batch.v1
CronJob metadata=1:meta.v1.ObjectMeta spec=2:.CronJobSpec status=3:.CronJobStatus
CronJobList metadata=1:meta.v1.ListMeta items=2:[].CronJob
CronJobSpec schedule=1:string startingDeadlineSeconds=2:int64 concurrencyPolicy=3:string suspend=4:bool jobTemplate=5:.JobTemplateSpec successfulJobsHistoryLimit=6:int32 failedJobsHistoryLimit=7:int32 timeZone=8:string
CronJobStatus active=1:[]core.v1.ObjectReference lastScheduleTime=4:meta.v1.Time lastSuccessfulTime=5:meta.v1.Time
Job metadata=1:meta.v1.ObjectMeta spec=2:.JobSpec status=3:.JobStatus
JobCondition type=1:string status=2:string lastProbeTime=3:meta.v1.Time lastTransitionTime=4:meta.v1.Time reason=5:string message=6:string
JobList metadata=1:meta.v1.ListMeta items=2:[].Job
JobSpec parallelism=1:int32 completions=2:int32 activeDeadlineSeconds=3:int64 selector=4:meta.v1.LabelSelector manualSelector=5:bool template=6:core.v1.PodTemplateSpec backoffLimit=7:int32 ttlSecondsAfterFinished=8:int32 completionMode=9:string suspend=10:bool podFailurePolicy=11:.PodFailurePolicy backoffLimitPerIndex=12:int32 maxFailedIndexes=13:int32 podReplacementPolicy=14:string managedBy=15:string successPolicy=16:.SuccessPolicy
JobStatus conditions=1:[].JobCondition startTime=2:meta.v1.Time completionTime=3:meta.v1.Time active=4:int32 succeeded=5:int32 failed=6:int32 completedIndexes=7:string uncountedTerminatedPods=8:.UncountedTerminatedPods ready=9:int32 failedIndexes=10:string terminating=11:int32
JobTemplateSpec metadata=1:meta.v1.ObjectMeta spec=2:.JobSpec
PodFailurePolicy rules=1:[].PodFailurePolicyRule
PodFailurePolicyOnExitCodesRequirement containerName=1:string operator=2:string values=3:[]int32
PodFailurePolicyOnPodConditionsPattern type=1:string status=2:string
PodFailurePolicyRule action=1:string onExitCodes=2:.PodFailurePolicyOnExitCodesRequirement onPodConditions=3:[].PodFailurePolicyOnPodConditionsPattern
SuccessPolicy rules=1:[].SuccessPolicyRule
SuccessPolicyRule succeededIndexes=1:string succeededCount=2:int32
UncountedTerminatedPods succeeded=1:[]string failed=2:[]string
# batch.v1beta1
CronJob metadata=1:meta.v1.ObjectMeta spec=2:.CronJobSpec status=3:.CronJobStatus
CronJobList metadata=1:meta.v1.ListMeta items=2:[].CronJob
CronJobSpec schedule=1:string startingDeadlineSeconds=2:int64 concurrencyPolicy=3:string suspend=4:bool jobTemplate=5:.JobTemplateSpec successfulJobsHistoryLimit=6:int32 failedJobsHistoryLimit=7:int32 timeZone=8:string
CronJobStatus active=1:[]core.v1.ObjectReference lastScheduleTime=4:meta.v1.Time lastSuccessfulTime=5:meta.v1.Time
JobTemplateSpec metadata=1:meta.v1.ObjectMeta spec=2:batch.v1.JobSpec
# coordination.v1
Lease metadata=1:meta.v1.ObjectMeta spec=2:.LeaseSpec
LeaseList metadata=1:meta.v1.ListMeta items=2:[].Lease
LeaseSpec holderIdentity=1:string leaseDurationSeconds=2:int32 acquireTime=3:meta.v1.MicroTime renewTime=4:meta.v1.MicroTime leaseTransitions=5:int32 strategy=6:string preferredHolder=7:string
# discovery.v1
Endpoint addresses=1:[]string conditions=2:.EndpointConditions hostname=3:string targetRef=4:core.v1.ObjectReference deprecatedTopology=5:{}string nodeName=6:string zone=7:string hints=8:.EndpointHints
EndpointConditions ready=1:bool serving=2:bool terminating=3:bool
EndpointHints forZones=1:[].ForZone forNodes=2:[].ForNode
EndpointPort name=1:string protocol=2:string port=3:int32 appProtocol=4:string
EndpointSlice metadata=1:meta.v1.ObjectMeta endpoints=2:[].Endpoint ports=3:[].EndpointPort addressType=4:string
EndpointSliceList metadata=1:meta.v1.ListMeta items=2:[].EndpointSlice
ForNode name=1:string
ForZone name=1:string
# events.v1
Event metadata=1:meta.v1.ObjectMeta eventTime=2:meta.v1.MicroTime series=3:.EventSeries reportingController=4:string reportingInstance=5:string action=6:string reason=7:string regarding=8:core.v1.ObjectReference related=9:core.v1.ObjectReference note=10:string type=11:string deprecatedSource=12:core.v1.EventSource deprecatedFirstTimestamp=13:meta.v1.Time deprecatedLastTimestamp=14:meta.v1.Time deprecatedCount=15:int32
EventList metadata=1:meta.v1.ListMeta items=2:[].Event
EventSeries count=1:int32 lastObservedTime=2:meta.v1.MicroTime
# extensions.v1beta1
DaemonSet metadata=1:meta.v1.ObjectMeta spec=2:.DaemonSetSpec status=3:.DaemonSetStatus
DaemonSetCondition type=1:string status=2:string lastTransitionTime=3:meta.v1.Time reason=4:string message=5:string
DaemonSetList metadata=1:meta.v1.ListMeta items=2:[].DaemonSet
DaemonSetSpec selector=1:meta.v1.LabelSelector template=2:core.v1.PodTemplateSpec updateStrategy=3:.DaemonSetUpdateStrategy minReadySeconds=4:int32 templateGeneration=5:int64 revisionHistoryLimit=6:int32
DaemonSetStatus currentNumberScheduled=1:int32 numberMisscheduled=2:int32 desiredNumberScheduled=3:int32 numberReady=4:int32 observedGeneration=5:int64 updatedNumberScheduled=6:int32 numberAvailable=7:int32 numberUnavailable=8:int32 collisionCount=9:int32 conditions=10:[].DaemonSetCondition
DaemonSetUpdateStrategy type=1:string rollingUpdate=2:.RollingUpdateDaemonSet
Deployment metadata=1:meta.v1.ObjectMeta spec=2:.DeploymentSpec status=3:.DeploymentStatus
DeploymentCondition type=1:string status=2:string reason=4:string message=5:string lastUpdateTime=6:meta.v1.Time lastTransitionTime=7:meta.v1.Time
DeploymentList metadata=1:meta.v1.ListMeta items=2:[].Deployment
DeploymentSpec replicas=1:int32 selector=2:meta.v1.LabelSelector template=3:core.v1.PodTemplateSpec strategy=4:.DeploymentStrategy minReadySeconds=5:int32 revisionHistoryLimit=6:int32 paused=7:bool rollbackTo=8:.RollbackConfig progressDeadlineSeconds=9:int32
DeploymentStatus observedGeneration=1:int64 replicas=2:int32 updatedReplicas=3:int32 availableReplicas=4:int32 unavailableReplicas=5:int32 conditions=6:[].DeploymentCondition readyReplicas=7:int32 collisionCount=8:int32 terminatingReplicas=9:int32
DeploymentStrategy type=1:string rollingUpdate=2:.RollingUpdateDeployment
HTTPIngressPath path=1:string backend=2:.IngressBackend pathType=3:string
HTTPIngressRuleValue paths=1:[].HTTPIngressPath
IPBlock cidr=1:string except=2:[]string
Ingress metadata=1:meta.v1.ObjectMeta spec=2:.IngressSpec status=3:.IngressStatus
IngressBackend serviceName=1:string servicePort=2:util.intstr.IntOrString resource=3:core.v1.TypedLocalObjectReference
IngressList metadata=1:meta.v1.ListMeta items=2:[].Ingress
IngressLoadBalancerIngress ip=1:string hostname=2:string ports=4:[].IngressPortStatus
IngressLoadBalancerStatus ingress=1:[].IngressLoadBalancerIngress
IngressPortStatus port=1:int32 protocol=2:string error=3:string
IngressRule host=1:string ingressRuleValue=2:<.IngressRuleValue
IngressRuleValue http=1:.HTTPIngressRuleValue
IngressSpec backend=1:.IngressBackend tls=2:[].IngressTLS rules=3:[].IngressRule ingressClassName=4:string
IngressStatus loadBalancer=1:.IngressLoadBalancerStatus
IngressTLS hosts=1:[]string secretName=2:string
NetworkPolicy metadata=1:meta.v1.ObjectMeta spec=2:.NetworkPolicySpec
NetworkPolicyEgressRule ports=1:[].NetworkPolicyPort to=2:[].NetworkPolicyPeer
NetworkPolicyIngressRule ports=1:[].NetworkPolicyPort from=2:[].NetworkPolicyPeer
NetworkPolicyList metadata=1:meta.v1.ListMeta items=2:[].NetworkPolicy
NetworkPolicyPeer podSelector=1:meta.v1.LabelSelector namespaceSelector=2:meta.v1.LabelSelector ipBlock=3:.IPBlock
NetworkPolicyPort protocol=1:string port=2:util.intstr.IntOrString endPort=3:int32
NetworkPolicySpec podSelector=1:meta.v1.LabelSelector ingress=2:[].NetworkPolicyIngressRule egress=3:[].NetworkPolicyEgressRule policyTypes=4:[]string
ReplicaSet metadata=1:meta.v1.ObjectMeta spec=2:.ReplicaSetSpec status=3:.ReplicaSetStatus
ReplicaSetCondition type=1:string status=2:string lastTransitionTime=3:meta.v1.Time reason=4:string message=5:string
ReplicaSetList metadata=1:meta.v1.ListMeta items=2:[].ReplicaSet
ReplicaSetSpec replicas=1:int32 selector=2:meta.v1.LabelSelector template=3:core.v1.PodTemplateSpec minReadySeconds=4:int32
ReplicaSetStatus replicas=1:int32 fullyLabeledReplicas=2:int32 observedGeneration=3:int64 readyReplicas=4:int32 availableReplicas=5:int32 conditions=6:[].ReplicaSetCondition terminatingReplicas=7:int32
RollbackConfig revision=1:int64
RollingUpdateDaemonSet maxUnavailable=1:util.intstr.IntOrString maxSurge=2:util.intstr.IntOrString
RollingUpdateDeployment maxUnavailable=1:util.intstr.IntOrString maxSurge=2:util.intstr.IntOrString
Scale metadata=1:meta.v1.ObjectMeta spec=2:.ScaleSpec status=3:.ScaleStatus
ScaleSpec replicas=1:int32
ScaleStatus replicas=1:int32 selector=2:{}string targetSelector=3:string
# networking.v1
HTTPIngressPath path=1:string backend=2:.IngressBackend pathType=3:string
HTTPIngressRuleValue paths=1:[].HTTPIngressPath
IPAddress metadata=1:meta.v1.ObjectMeta spec=2:.IPAddressSpec
IPAddressList metadata=1:meta.v1.ListMeta items=2:[].IPAddress
IPAddressSpec parentRef=1:.ParentReference
IPBlock cidr=1:string except=2:[]string
Ingress metadata=1:meta.v1.ObjectMeta spec=2:.IngressSpec status=3:.IngressStatus
IngressBackend resource=3:core.v1.TypedLocalObjectReference service=4:.IngressServiceBackend
IngressClass metadata=1:meta.v1.ObjectMeta spec=2:.IngressClassSpec
IngressClassList metadata=1:meta.v1.ListMeta items=2:[].IngressClass
IngressClassParametersReference apiGroup=1:string kind=2:string name=3:string scope=4:string namespace=5:string
IngressClassSpec controller=1:string parameters=2:.IngressClassParametersReference
IngressList metadata=1:meta.v1.ListMeta items=2:[].Ingress
IngressLoadBalancerIngress ip=1:string hostname=2:string ports=4:[].IngressPortStatus
IngressLoadBalancerStatus ingress=1:[].IngressLoadBalancerIngress
IngressPortStatus port=1:int32 protocol=2:string error=3:string
IngressRule host=1:string ingressRuleValue=2:<.IngressRuleValue
IngressRuleValue http=1:.HTTPIngressRuleValue
IngressServiceBackend name=1:string port=2:.ServiceBackendPort
IngressSpec defaultBackend=1:.IngressBackend tls=2:[].IngressTLS rules=3:[].IngressRule ingressClassName=4:string
IngressStatus loadBalancer=1:.IngressLoadBalancerStatus
IngressTLS hosts=1:[]string secretName=2:string
NetworkPolicy metadata=1:meta.v1.ObjectMeta spec=2:.NetworkPolicySpec
NetworkPolicyEgressRule ports=1:[].NetworkPolicyPort to=2:[].NetworkPolicyPeer
NetworkPolicyIngressRule ports=1:[].NetworkPolicyPort from=2:[].NetworkPolicyPeer
NetworkPolicyList metadata=1:meta.v1.ListMeta items=2:[].NetworkPolicy
NetworkPolicyPeer podSelector=1:meta.v1.LabelSelector namespaceSelector=2:meta.v1.LabelSelector ipBlock=3:.IPBlock
NetworkPolicyPort protocol=1:string port=2:util.intstr.IntOrString endPort=3:int32
NetworkPolicySpec podSelector=1:meta.v1.LabelSelector ingress=2:[].NetworkPolicyIngressRule egress=3:[].NetworkPolicyEgressRule policyTypes=4:[]string
ParentReference group=1:string resource=2:string namespace=3:string name=4:string
ServiceBackendPort name=1:string number=2:int32
ServiceCIDR metadata=1:meta.v1.ObjectMeta spec=2:.ServiceCIDRSpec status=3:.ServiceCIDRStatus
ServiceCIDRList metadata=1:meta.v1.ListMeta items=2:[].ServiceCIDR
ServiceCIDRSpec cidrs=1:[]string
ServiceCIDRStatus conditions=1:[]meta.v1.Condition
# networking.v1beta1
HTTPIngressPath path=1:string backend=2:.IngressBackend pathType=3:string
HTTPIngressRuleValue paths=1:[].HTTPIngressPath
IPAddress metadata=1:meta.v1.ObjectMeta spec=2:.IPAddressSpec
IPAddressList metadata=1:meta.v1.ListMeta items=2:[].IPAddress
IPAddressSpec parentRef=1:.ParentReference
Ingress metadata=1:meta.v1.ObjectMeta spec=2:.IngressSpec status=3:.IngressStatus
IngressBackend serviceName=1:string servicePort=2:util.intstr.IntOrString resource=3:core.v1.TypedLocalObjectReference
IngressClass metadata=1:meta.v1.ObjectMeta spec=2:.IngressClassSpec
IngressClassList metadata=1:meta.v1.ListMeta items=2:[].IngressClass
IngressClassParametersReference apiGroup=1:string kind=2:string name=3:string scope=4:string namespace=5:string
IngressClassSpec controller=1:string parameters=2:.IngressClassParametersReference
IngressList metadata=1:meta.v1.ListMeta items=2:[].Ingress
IngressLoadBalancerIngress ip=1:string hostname=2:string ports=4:[].IngressPortStatus
IngressLoadBalancerStatus ingress=1:[].IngressLoadBalancerIngress
IngressPortStatus port=1:int32 protocol=2:string error=3:string
IngressRule host=1:string ingressRuleValue=2:<.IngressRuleValue
IngressRuleValue http=1:.HTTPIngressRuleValue
IngressSpec backend=1:.IngressBackend tls=2:[].IngressTLS rules=3:[].IngressRule ingressClassName=4:string
IngressStatus loadBalancer=1:.IngressLoadBalancerStatus
IngressTLS hosts=1:[]string secretName=2:string
ParentReference group=1:string resource=2:string namespace=3:string name=4:string
ServiceCIDR metadata=1:meta.v1.ObjectMeta spec=2:.ServiceCIDRSpec status=3:.ServiceCIDRStatus
ServiceCIDRList metadata=1:meta.v1.ListMeta items=2:[].ServiceCIDR
ServiceCIDRSpec cidrs=1:[]string
ServiceCIDRStatus conditions=1:[]meta.v1.Condition
# policy.v1
Eviction metadata=1:meta.v1.ObjectMeta deleteOptions=2:meta.v1.DeleteOptions
PodDisruptionBudget metadata=1:meta.v1.ObjectMeta spec=2:.PodDisruptionBudgetSpec status=3:.PodDisruptionBudgetStatus
PodDisruptionBudgetList metadata=1:meta.v1.ListMeta items=2:[].PodDisruptionBudget
PodDisruptionBudgetSpec minAvailable=1:util.intstr.IntOrString selector=2:meta.v1.LabelSelector maxUnavailable=3:util.intstr.IntOrString unhealthyPodEvictionPolicy=4:string
PodDisruptionBudgetStatus observedGeneration=1:int64 disruptedPods=2:{}meta.v1.Time disruptionsAllowed=3:int32 currentHealthy=4:int32 desiredHealthy=5:int32 expectedPods=6:int32 conditions=7:[]meta.v1.Condition
# policy.v1beta1
Eviction metadata=1:meta.v1.ObjectMeta deleteOptions=2:meta.v1.DeleteOptions
PodDisruptionBudget metadata=1:meta.v1.ObjectMeta spec=2:.PodDisruptionBudgetSpec status=3:.PodDisruptionBudgetStatus
PodDisruptionBudgetList metadata=1:meta.v1.ListMeta items=2:[].PodDisruptionBudget
PodDisruptionBudgetSpec minAvailable=1:util.intstr.IntOrString selector=2:meta.v1.LabelSelector maxUnavailable=3:util.intstr.IntOrString unhealthyPodEvictionPolicy=4:string
PodDisruptionBudgetStatus observedGeneration=1:int64 disruptedPods=2:{}meta.v1.Time disruptionsAllowed=3:int32 currentHealthy=4:int32 desiredHealthy=5:int32 expectedPods=6:int32 conditions=7:[]meta.v1.Condition
# scheduling.v1
PriorityClass metadata=1:meta.v1.ObjectMeta value=2:int32 globalDefault=3:bool description=4:string preemptionPolicy=5:string
PriorityClassList metadata=1:meta.v1.ListMeta items=2:[].PriorityClass
`;
