/** Field numbers of the protobuf messages of what administers and extends a cluster; `messages.ts` says how to read them. */
export const CLUSTER_MESSAGES = `
# admissionregistration.v1
ApplyConfiguration expression=1:string
AuditAnnotation key=1:string valueExpression=2:string
ExpressionWarning fieldRef=2:string warning=3:string
JSONPatch expression=1:string
MatchCondition name=1:string expression=2:string
MatchResources namespaceSelector=1:meta.v1.LabelSelector objectSelector=2:meta.v1.LabelSelector resourceRules=3:[].NamedRuleWithOperations excludeResourceRules=4:[].NamedRuleWithOperations matchPolicy=7:string
MutatingAdmissionPolicy metadata=1:meta.v1.ObjectMeta spec=2:.MutatingAdmissionPolicySpec
MutatingAdmissionPolicyBinding metadata=1:meta.v1.ObjectMeta spec=2:.MutatingAdmissionPolicyBindingSpec
MutatingAdmissionPolicyBindingList metadata=1:meta.v1.ListMeta items=2:[].MutatingAdmissionPolicyBinding
MutatingAdmissionPolicyBindingSpec policyName=1:string paramRef=2:.ParamRef matchResources=3:.MatchResources
MutatingAdmissionPolicyList metadata=1:meta.v1.ListMeta items=2:[].MutatingAdmissionPolicy
MutatingAdmissionPolicySpec paramKind=1:.ParamKind matchConstraints=2:.MatchResources variables=3:[].Variable mutations=4:[].Mutation failurePolicy=5:string matchConditions=6:[].MatchCondition reinvocationPolicy=7:string
MutatingWebhook name=1:string clientConfig=2:.WebhookClientConfig rules=3:[].RuleWithOperations failurePolicy=4:string namespaceSelector=5:meta.v1.LabelSelector sideEffects=6:string timeoutSeconds=7:int32 admissionReviewVersions=8:[]string matchPolicy=9:string reinvocationPolicy=10:string objectSelector=11:meta.v1.LabelSelector matchConditions=12:[].MatchCondition
MutatingWebhookConfiguration metadata=1:meta.v1.ObjectMeta webhooks=2:[].MutatingWebhook
MutatingWebhookConfigurationList metadata=1:meta.v1.ListMeta items=2:[].MutatingWebhookConfiguration
Mutation patchType=2:string applyConfiguration=3:.ApplyConfiguration jsonPatch=4:.JSONPatch
NamedRuleWithOperations resourceNames=1:[]string ruleWithOperations=2:<.RuleWithOperations
ParamKind apiVersion=1:string kind=2:string
ParamRef name=1:string namespace=2:string selector=3:meta.v1.LabelSelector parameterNotFoundAction=4:string
Rule apiGroups=1:[]string apiVersions=2:[]string resources=3:[]string scope=4:string
RuleWithOperations operations=1:[]string rule=2:<.Rule
ServiceReference namespace=1:string name=2:string path=3:string port=4:int32
TypeChecking expressionWarnings=1:[].ExpressionWarning
ValidatingAdmissionPolicy metadata=1:meta.v1.ObjectMeta spec=2:.ValidatingAdmissionPolicySpec status=3:.ValidatingAdmissionPolicyStatus
ValidatingAdmissionPolicyBinding metadata=1:meta.v1.ObjectMeta spec=2:.ValidatingAdmissionPolicyBindingSpec
ValidatingAdmissionPolicyBindingList metadata=1:meta.v1.ListMeta items=2:[].ValidatingAdmissionPolicyBinding
ValidatingAdmissionPolicyBindingSpec policyName=1:string paramRef=2:.ParamRef matchResources=3:.MatchResources validationActions=4:[]string
ValidatingAdmissionPolicyList metadata=1:meta.v1.ListMeta items=2:[].ValidatingAdmissionPolicy
ValidatingAdmissionPolicySpec paramKind=1:.ParamKind matchConstraints=2:.MatchResources validations=3:[].Validation failurePolicy=4:string auditAnnotations=5:[].AuditAnnotation matchConditions=6:[].MatchCondition variables=7:[].Variable
ValidatingAdmissionPolicyStatus observedGeneration=1:int64 typeChecking=2:.TypeChecking conditions=3:[]meta.v1.Condition
ValidatingWebhook name=1:string clientConfig=2:.WebhookClientConfig rules=3:[].RuleWithOperations failurePolicy=4:string namespaceSelector=5:meta.v1.LabelSelector sideEffects=6:string timeoutSeconds=7:int32 admissionReviewVersions=8:[]string matchPolicy=9:string objectSelector=10:meta.v1.LabelSelector matchConditions=11:[].MatchCondition
ValidatingWebhookConfiguration metadata=1:meta.v1.ObjectMeta webhooks=2:[].ValidatingWebhook
ValidatingWebhookConfigurationList metadata=1:meta.v1.ListMeta items=2:[].ValidatingWebhookConfiguration
Validation expression=1:string message=2:string reason=3:string messageExpression=4:string
Variable name=1:string expression=2:string
WebhookClientConfig service=1:.ServiceReference caBundle=2:bytes url=3:string
# admissionregistration.v1beta1
ApplyConfiguration expression=1:string
AuditAnnotation key=1:string valueExpression=2:string
ExpressionWarning fieldRef=2:string warning=3:string
JSONPatch expression=1:string
MatchCondition name=1:string expression=2:string
MatchResources namespaceSelector=1:meta.v1.LabelSelector objectSelector=2:meta.v1.LabelSelector resourceRules=3:[].NamedRuleWithOperations excludeResourceRules=4:[].NamedRuleWithOperations matchPolicy=7:string
MutatingAdmissionPolicy metadata=1:meta.v1.ObjectMeta spec=2:.MutatingAdmissionPolicySpec
MutatingAdmissionPolicyBinding metadata=1:meta.v1.ObjectMeta spec=2:.MutatingAdmissionPolicyBindingSpec
MutatingAdmissionPolicyBindingList metadata=1:meta.v1.ListMeta items=2:[].MutatingAdmissionPolicyBinding
MutatingAdmissionPolicyBindingSpec policyName=1:string paramRef=2:.ParamRef matchResources=3:.MatchResources
MutatingAdmissionPolicyList metadata=1:meta.v1.ListMeta items=2:[].MutatingAdmissionPolicy
MutatingAdmissionPolicySpec paramKind=1:.ParamKind matchConstraints=2:.MatchResources variables=3:[].Variable mutations=4:[].Mutation failurePolicy=5:string matchConditions=6:[].MatchCondition reinvocationPolicy=7:string
MutatingWebhook name=1:string clientConfig=2:.WebhookClientConfig rules=3:[]admissionregistration.v1.RuleWithOperations failurePolicy=4:string namespaceSelector=5:meta.v1.LabelSelector sideEffects=6:string timeoutSeconds=7:int32 admissionReviewVersions=8:[]string matchPolicy=9:string reinvocationPolicy=10:string objectSelector=11:meta.v1.LabelSelector matchConditions=12:[].MatchCondition
MutatingWebhookConfiguration metadata=1:meta.v1.ObjectMeta webhooks=2:[].MutatingWebhook
MutatingWebhookConfigurationList metadata=1:meta.v1.ListMeta items=2:[].MutatingWebhookConfiguration
Mutation patchType=2:string applyConfiguration=3:.ApplyConfiguration jsonPatch=4:.JSONPatch
NamedRuleWithOperations resourceNames=1:[]string ruleWithOperations=2:<admissionregistration.v1.RuleWithOperations
ParamKind apiVersion=1:string kind=2:string
ParamRef name=1:string namespace=2:string selector=3:meta.v1.LabelSelector parameterNotFoundAction=4:string
ServiceReference namespace=1:string name=2:string path=3:string port=4:int32
TypeChecking expressionWarnings=1:[].ExpressionWarning
ValidatingAdmissionPolicy metadata=1:meta.v1.ObjectMeta spec=2:.ValidatingAdmissionPolicySpec status=3:.ValidatingAdmissionPolicyStatus
ValidatingAdmissionPolicyBinding metadata=1:meta.v1.ObjectMeta spec=2:.ValidatingAdmissionPolicyBindingSpec
ValidatingAdmissionPolicyBindingList metadata=1:meta.v1.ListMeta items=2:[].ValidatingAdmissionPolicyBinding
ValidatingAdmissionPolicyBindingSpec policyName=1:string paramRef=2:.ParamRef matchResources=3:.MatchResources validationActions=4:[]string
ValidatingAdmissionPolicyList metadata=1:meta.v1.ListMeta items=2:[].ValidatingAdmissionPolicy
ValidatingAdmissionPolicySpec paramKind=1:.ParamKind matchConstraints=2:.MatchResources validations=3:[].Validation failurePolicy=4:string auditAnnotations=5:[].AuditAnnotation matchConditions=6:[].MatchCondition variables=7:[].Variable
ValidatingAdmissionPolicyStatus observedGeneration=1:int64 typeChecking=2:.TypeChecking conditions=3:[]meta.v1.Condition
ValidatingWebhook name=1:string clientConfig=2:.WebhookClientConfig rules=3:[]admissionregistration.v1.RuleWithOperations failurePolicy=4:string namespaceSelector=5:meta.v1.LabelSelector sideEffects=6:string timeoutSeconds=7:int32 admissionReviewVersions=8:[]string matchPolicy=9:string objectSelector=10:meta.v1.LabelSelector matchConditions=11:[].MatchCondition
ValidatingWebhookConfiguration metadata=1:meta.v1.ObjectMeta webhooks=2:[].ValidatingWebhook
ValidatingWebhookConfigurationList metadata=1:meta.v1.ListMeta items=2:[].ValidatingWebhookConfiguration
Validation expression=1:string message=2:string reason=3:string messageExpression=4:string
Variable name=1:string expression=2:string
WebhookClientConfig service=1:.ServiceReference caBundle=2:bytes url=3:string
# apiextensions.v1
CustomResourceColumnDefinition name=1:string type=2:string format=3:string description=4:string priority=5:int32 jsonPath=6:string
CustomResourceConversion strategy=1:string webhook=2:.WebhookConversion
CustomResourceDefinition metadata=1:meta.v1.ObjectMeta spec=2:.CustomResourceDefinitionSpec status=3:.CustomResourceDefinitionStatus
CustomResourceDefinitionCondition type=1:string status=2:string lastTransitionTime=3:meta.v1.Time reason=4:string message=5:string observedGeneration=6:int64
CustomResourceDefinitionList metadata=1:meta.v1.ListMeta items=2:[].CustomResourceDefinition
CustomResourceDefinitionNames plural=1:string singular=2:string shortNames=3:[]string kind=4:string listKind=5:string categories=6:[]string
CustomResourceDefinitionSpec group=1:string names=3:.CustomResourceDefinitionNames scope=4:string versions=7:[].CustomResourceDefinitionVersion conversion=9:.CustomResourceConversion preserveUnknownFields=10:bool
CustomResourceDefinitionStatus conditions=1:[].CustomResourceDefinitionCondition acceptedNames=2:.CustomResourceDefinitionNames storedVersions=3:[]string observedGeneration=4:int64
CustomResourceDefinitionVersion name=1:string served=2:bool storage=3:bool schema=4:.CustomResourceValidation subresources=5:.CustomResourceSubresources additionalPrinterColumns=6:[].CustomResourceColumnDefinition deprecated=7:bool deprecationWarning=8:string selectableFields=9:[].SelectableField
CustomResourceSubresourceScale specReplicasPath=1:string statusReplicasPath=2:string labelSelectorPath=3:string
CustomResourceSubresourceStatus
CustomResourceSubresources status=1:.CustomResourceSubresourceStatus scale=2:.CustomResourceSubresourceScale
CustomResourceValidation openAPIV3Schema=1:.JSONSchemaProps
ExternalDocumentation description=1:string url=2:string
JSON raw=1:bytes
JSONSchemaProps id=1:string $schema=2:string $ref=3:string description=4:string type=5:string format=6:string title=7:string default=8:.JSON maximum=9:double exclusiveMaximum=10:bool minimum=11:double exclusiveMinimum=12:bool maxLength=13:int64 minLength=14:int64 pattern=15:string maxItems=16:int64 minItems=17:int64 uniqueItems=18:bool multipleOf=19:double enum=20:[].JSON maxProperties=21:int64 minProperties=22:int64 required=23:[]string items=24:.JSONSchemaPropsOrArray allOf=25:[].JSONSchemaProps oneOf=26:[].JSONSchemaProps anyOf=27:[].JSONSchemaProps not=28:.JSONSchemaProps properties=29:{}.JSONSchemaProps additionalProperties=30:.JSONSchemaPropsOrBool patternProperties=31:{}.JSONSchemaProps dependencies=32:{}.JSONSchemaPropsOrStringArray additionalItems=33:.JSONSchemaPropsOrBool definitions=34:{}.JSONSchemaProps externalDocs=35:.ExternalDocumentation example=36:.JSON nullable=37:bool x-kubernetes-preserve-unknown-fields=38:bool x-kubernetes-embedded-resource=39:bool x-kubernetes-int-or-string=40:bool x-kubernetes-list-map-keys=41:[]string x-kubernetes-list-type=42:string x-kubernetes-map-type=43:string x-kubernetes-validations=44:[].ValidationRule
JSONSchemaPropsOrArray schema=1:.JSONSchemaProps jSONSchemas=2:[].JSONSchemaProps
JSONSchemaPropsOrBool allows=1:bool schema=2:.JSONSchemaProps
JSONSchemaPropsOrStringArray schema=1:.JSONSchemaProps property=2:[]string
SelectableField jsonPath=1:string
ServiceReference namespace=1:string name=2:string path=3:string port=4:int32
ValidationRule rule=1:string message=2:string messageExpression=3:string reason=4:string fieldPath=5:string optionalOldSelf=6:bool
WebhookClientConfig service=1:.ServiceReference caBundle=2:bytes url=3:string
WebhookConversion clientConfig=2:.WebhookClientConfig conversionReviewVersions=3:[]string
# apiregistration.v1
APIService metadata=1:meta.v1.ObjectMeta spec=2:.APIServiceSpec status=3:.APIServiceStatus
APIServiceCondition type=1:string status=2:string lastTransitionTime=3:meta.v1.Time reason=4:string message=5:string
APIServiceList metadata=1:meta.v1.ListMeta items=2:[].APIService
APIServiceSpec service=1:.ServiceReference group=2:string version=3:string insecureSkipTLSVerify=4:bool caBundle=5:bytes groupPriorityMinimum=7:int32 versionPriority=8:int32
APIServiceStatus conditions=1:[].APIServiceCondition
ServiceReference namespace=1:string name=2:string port=3:int32
# authentication.v1
BoundObjectReference kind=1:string apiVersion=2:string name=3:string uid=4:string
ExtraValue items=1:[]string
SelfSubjectReview metadata=1:meta.v1.ObjectMeta status=2:.SelfSubjectReviewStatus
SelfSubjectReviewStatus userInfo=1:.UserInfo
TokenRequest metadata=1:meta.v1.ObjectMeta spec=2:.TokenRequestSpec status=3:.TokenRequestStatus
TokenRequestSpec audiences=1:[]string boundObjectRef=3:.BoundObjectReference expirationSeconds=4:int64
TokenRequestStatus token=1:string expirationTimestamp=2:meta.v1.Time
TokenReview metadata=1:meta.v1.ObjectMeta spec=2:.TokenReviewSpec status=3:.TokenReviewStatus
TokenReviewSpec token=1:string audiences=2:[]string
TokenReviewStatus authenticated=1:bool user=2:.UserInfo error=3:string audiences=4:[]string
UserInfo username=1:string uid=2:string groups=3:[]string extra=4:{}.ExtraValue
# authorization.v1
ExtraValue items=1:[]string
FieldSelectorAttributes rawSelector=1:string requirements=2:[]meta.v1.FieldSelectorRequirement
LabelSelectorAttributes rawSelector=1:string requirements=2:[]meta.v1.LabelSelectorRequirement
LocalSubjectAccessReview metadata=1:meta.v1.ObjectMeta spec=2:.SubjectAccessReviewSpec status=3:.SubjectAccessReviewStatus
NonResourceAttributes path=1:string verb=2:string
NonResourceRule verbs=1:[]string nonResourceURLs=2:[]string
ResourceAttributes namespace=1:string verb=2:string group=3:string version=4:string resource=5:string subresource=6:string name=7:string fieldSelector=8:.FieldSelectorAttributes labelSelector=9:.LabelSelectorAttributes
ResourceRule verbs=1:[]string apiGroups=2:[]string resources=3:[]string resourceNames=4:[]string
SelfSubjectAccessReview metadata=1:meta.v1.ObjectMeta spec=2:.SelfSubjectAccessReviewSpec status=3:.SubjectAccessReviewStatus
SelfSubjectAccessReviewSpec resourceAttributes=1:.ResourceAttributes nonResourceAttributes=2:.NonResourceAttributes
SelfSubjectRulesReview metadata=1:meta.v1.ObjectMeta spec=2:.SelfSubjectRulesReviewSpec status=3:.SubjectRulesReviewStatus
SelfSubjectRulesReviewSpec namespace=1:string
SubjectAccessReview metadata=1:meta.v1.ObjectMeta spec=2:.SubjectAccessReviewSpec status=3:.SubjectAccessReviewStatus
SubjectAccessReviewSpec resourceAttributes=1:.ResourceAttributes nonResourceAttributes=2:.NonResourceAttributes user=3:string groups=4:[]string extra=5:{}.ExtraValue uid=6:string
SubjectAccessReviewStatus allowed=1:bool reason=2:string evaluationError=3:string denied=4:bool
SubjectRulesReviewStatus resourceRules=1:[].ResourceRule nonResourceRules=2:[].NonResourceRule incomplete=3:bool evaluationError=4:string
# certificates.v1
CertificateSigningRequest metadata=1:meta.v1.ObjectMeta spec=2:.CertificateSigningRequestSpec status=3:.CertificateSigningRequestStatus
CertificateSigningRequestCondition type=1:string reason=2:string message=3:string lastUpdateTime=4:meta.v1.Time lastTransitionTime=5:meta.v1.Time status=6:string
CertificateSigningRequestList metadata=1:meta.v1.ListMeta items=2:[].CertificateSigningRequest
CertificateSigningRequestSpec request=1:bytes username=2:string uid=3:string groups=4:[]string usages=5:[]string extra=6:{}.ExtraValue signerName=7:string expirationSeconds=8:int32
CertificateSigningRequestStatus conditions=1:[].CertificateSigningRequestCondition certificate=2:bytes
ExtraValue items=1:[]string
# flowcontrol.v1
ExemptPriorityLevelConfiguration nominalConcurrencyShares=1:int32 lendablePercent=2:int32
FlowDistinguisherMethod type=1:string
FlowSchema metadata=1:meta.v1.ObjectMeta spec=2:.FlowSchemaSpec status=3:.FlowSchemaStatus
FlowSchemaCondition type=1:string status=2:string lastTransitionTime=3:meta.v1.Time reason=4:string message=5:string
FlowSchemaList metadata=1:meta.v1.ListMeta items=2:[].FlowSchema
FlowSchemaSpec priorityLevelConfiguration=1:.PriorityLevelConfigurationReference matchingPrecedence=2:int32 distinguisherMethod=3:.FlowDistinguisherMethod rules=4:[].PolicyRulesWithSubjects
FlowSchemaStatus conditions=1:[].FlowSchemaCondition
GroupSubject name=1:string
LimitResponse type=1:string queuing=2:.QueuingConfiguration
LimitedPriorityLevelConfiguration nominalConcurrencyShares=1:int32 limitResponse=2:.LimitResponse lendablePercent=3:int32 borrowingLimitPercent=4:int32
NonResourcePolicyRule verbs=1:[]string nonResourceURLs=6:[]string
PolicyRulesWithSubjects subjects=1:[].Subject resourceRules=2:[].ResourcePolicyRule nonResourceRules=3:[].NonResourcePolicyRule
PriorityLevelConfiguration metadata=1:meta.v1.ObjectMeta spec=2:.PriorityLevelConfigurationSpec status=3:.PriorityLevelConfigurationStatus
PriorityLevelConfigurationCondition type=1:string status=2:string lastTransitionTime=3:meta.v1.Time reason=4:string message=5:string
PriorityLevelConfigurationList metadata=1:meta.v1.ListMeta items=2:[].PriorityLevelConfiguration
PriorityLevelConfigurationReference name=1:string
PriorityLevelConfigurationSpec type=1:string limited=2:.LimitedPriorityLevelConfiguration exempt=3:.ExemptPriorityLevelConfiguration
PriorityLevelConfigurationStatus conditions=1:[].PriorityLevelConfigurationCondition
QueuingConfiguration queues=1:int32 handSize=2:int32 queueLengthLimit=3:int32
ResourcePolicyRule verbs=1:[]string apiGroups=2:[]string resources=3:[]string clusterScope=4:bool namespaces=5:[]string
ServiceAccountSubject namespace=1:string name=2:string
Subject kind=1:string user=2:.UserSubject group=3:.GroupSubject serviceAccount=4:.ServiceAccountSubject
UserSubject name=1:string
# node.v1
Overhead podFixed=1:{}api.resource.Quantity
RuntimeClass metadata=1:meta.v1.ObjectMeta handler=2:string overhead=3:.Overhead scheduling=4:.Scheduling
RuntimeClassList metadata=1:meta.v1.ListMeta items=2:[].RuntimeClass
Scheduling nodeSelector=1:{}string tolerations=2:[]core.v1.Toleration
# rbac.v1
AggregationRule clusterRoleSelectors=1:[]meta.v1.LabelSelector
ClusterRole metadata=1:meta.v1.ObjectMeta rules=2:[].PolicyRule aggregationRule=3:.AggregationRule
ClusterRoleBinding metadata=1:meta.v1.ObjectMeta subjects=2:[].Subject roleRef=3:.RoleRef
ClusterRoleBindingList metadata=1:meta.v1.ListMeta items=2:[].ClusterRoleBinding
ClusterRoleList metadata=1:meta.v1.ListMeta items=2:[].ClusterRole
PolicyRule verbs=1:[]string apiGroups=2:[]string resources=3:[]string resourceNames=4:[]string nonResourceURLs=5:[]string
Role metadata=1:meta.v1.ObjectMeta rules=2:[].PolicyRule
RoleBinding metadata=1:meta.v1.ObjectMeta subjects=2:[].Subject roleRef=3:.RoleRef
RoleBindingList metadata=1:meta.v1.ListMeta items=2:[].RoleBinding
RoleList metadata=1:meta.v1.ListMeta items=2:[].Role
RoleRef apiGroup=1:string kind=2:string name=3:string
Subject kind=1:string apiGroup=2:string name=3:string namespace=4:string
# rbac.v1beta1
AggregationRule clusterRoleSelectors=1:[]meta.v1.LabelSelector
ClusterRole metadata=1:meta.v1.ObjectMeta rules=2:[].PolicyRule aggregationRule=3:.AggregationRule
ClusterRoleBinding metadata=1:meta.v1.ObjectMeta subjects=2:[].Subject roleRef=3:.RoleRef
ClusterRoleBindingList metadata=1:meta.v1.ListMeta items=2:[].ClusterRoleBinding
ClusterRoleList metadata=1:meta.v1.ListMeta items=2:[].ClusterRole
PolicyRule verbs=1:[]string apiGroups=2:[]string resources=3:[]string resourceNames=4:[]string nonResourceURLs=5:[]string
Role metadata=1:meta.v1.ObjectMeta rules=2:[].PolicyRule
RoleBinding metadata=1:meta.v1.ObjectMeta subjects=2:[].Subject roleRef=3:.RoleRef
RoleBindingList metadata=1:meta.v1.ListMeta items=2:[].RoleBinding
RoleList metadata=1:meta.v1.ListMeta items=2:[].Role
RoleRef apiGroup=1:string kind=2:string name=3:string
Subject kind=1:string apiGroup=2:string name=3:string namespace=4:string
# resource.v1
AllocatedDeviceStatus driver=1:string pool=2:string device=3:string conditions=4:[]meta.v1.Condition data=5:runtime.RawExtension networkData=6:.NetworkDeviceData shareID=7:string
AllocationResult devices=1:.DeviceAllocationResult nodeSelector=3:core.v1.NodeSelector allocationTimestamp=5:meta.v1.Time
CELDeviceSelector expression=1:string
CapacityRequestPolicy default=1:api.resource.Quantity validValues=3:[]api.resource.Quantity validRange=4:.CapacityRequestPolicyRange
CapacityRequestPolicyRange min=1:api.resource.Quantity max=2:api.resource.Quantity step=3:api.resource.Quantity
CapacityRequirements requests=1:{}api.resource.Quantity
Counter value=1:api.resource.Quantity
CounterSet name=1:string counters=2:{}.Counter
Device name=1:string attributes=2:{}.DeviceAttribute capacity=3:{}.DeviceCapacity consumesCounters=4:[].DeviceCounterConsumption nodeName=5:string nodeSelector=6:core.v1.NodeSelector allNodes=7:bool taints=8:[].DeviceTaint bindsToNode=9:bool bindingConditions=10:[]string bindingFailureConditions=11:[]string allowMultipleAllocations=12:bool nodeAllocatableResourceMappings=13:{}.NodeAllocatableResourceMapping
DeviceAllocationConfiguration source=1:string requests=2:[]string deviceConfiguration=3:<.DeviceConfiguration
DeviceAllocationResult results=1:[].DeviceRequestAllocationResult config=2:[].DeviceAllocationConfiguration
DeviceAttribute int=2:int64 bool=3:bool string=4:string version=5:string ints=6:[]int64 bools=7:[]bool strings=8:[]string versions=9:[]string
DeviceCapacity value=1:api.resource.Quantity requestPolicy=2:.CapacityRequestPolicy
DeviceClaim requests=1:[].DeviceRequest constraints=2:[].DeviceConstraint config=3:[].DeviceClaimConfiguration
DeviceClaimConfiguration requests=1:[]string deviceConfiguration=2:<.DeviceConfiguration
DeviceClass metadata=1:meta.v1.ObjectMeta spec=2:.DeviceClassSpec
DeviceClassConfiguration deviceConfiguration=1:<.DeviceConfiguration
DeviceClassList metadata=1:meta.v1.ListMeta items=2:[].DeviceClass
DeviceClassSpec selectors=1:[].DeviceSelector config=2:[].DeviceClassConfiguration extendedResourceName=4:string
DeviceConfiguration opaque=1:.OpaqueDeviceConfiguration
DeviceConstraint requests=1:[]string matchAttribute=2:string distinctAttribute=3:string
DeviceCounterConsumption counterSet=1:string counters=2:{}.Counter
DeviceRequest name=1:string exactly=2:.ExactDeviceRequest firstAvailable=3:[].DeviceSubRequest
DeviceRequestAllocationResult request=1:string driver=2:string pool=3:string device=4:string adminAccess=5:bool tolerations=6:[].DeviceToleration bindingConditions=7:[]string bindingFailureConditions=8:[]string shareID=9:string consumedCapacity=10:{}api.resource.Quantity
DeviceSelector cel=1:.CELDeviceSelector
DeviceSubRequest name=1:string deviceClassName=2:string selectors=3:[].DeviceSelector allocationMode=4:string count=5:int64 tolerations=6:[].DeviceToleration capacity=7:.CapacityRequirements
DeviceTaint key=1:string value=2:string effect=3:string timeAdded=4:meta.v1.Time
DeviceToleration key=1:string operator=2:string value=3:string effect=4:string tolerationSeconds=5:int64
ExactDeviceRequest deviceClassName=1:string selectors=2:[].DeviceSelector allocationMode=3:string count=4:int64 adminAccess=5:bool tolerations=6:[].DeviceToleration capacity=7:.CapacityRequirements
NetworkDeviceData interfaceName=1:string ips=2:[]string hardwareAddress=3:string
NodeAllocatableResourceMapping capacityKey=1:string allocationMultiplier=2:api.resource.Quantity
OpaqueDeviceConfiguration driver=1:string parameters=2:runtime.RawExtension
ResourceClaim metadata=1:meta.v1.ObjectMeta spec=2:.ResourceClaimSpec status=3:.ResourceClaimStatus
ResourceClaimConsumerReference apiGroup=1:string resource=3:string name=4:string uid=5:string
ResourceClaimList metadata=1:meta.v1.ListMeta items=2:[].ResourceClaim
ResourceClaimSpec devices=1:.DeviceClaim
ResourceClaimStatus allocation=1:.AllocationResult reservedFor=2:[].ResourceClaimConsumerReference devices=4:[].AllocatedDeviceStatus
ResourceClaimTemplate metadata=1:meta.v1.ObjectMeta spec=2:.ResourceClaimTemplateSpec
ResourceClaimTemplateList metadata=1:meta.v1.ListMeta items=2:[].ResourceClaimTemplate
ResourceClaimTemplateSpec metadata=1:meta.v1.ObjectMeta spec=2:.ResourceClaimSpec
ResourcePool name=1:string generation=2:int64 resourceSliceCount=3:int64
ResourceSlice metadata=1:meta.v1.ObjectMeta spec=2:.ResourceSliceSpec
ResourceSliceList metadata=1:meta.v1.ListMeta items=2:[].ResourceSlice
ResourceSliceSpec driver=1:string pool=2:.ResourcePool nodeName=3:string nodeSelector=4:core.v1.NodeSelector allNodes=5:bool devices=6:[].Device perDeviceNodeSelection=7:bool sharedCounters=8:[].CounterSet
# storage.v1
CSIDriver metadata=1:meta.v1.ObjectMeta spec=2:.CSIDriverSpec
CSIDriverList metadata=1:meta.v1.ListMeta items=2:[].CSIDriver
CSIDriverSpec attachRequired=1:bool podInfoOnMount=2:bool volumeLifecycleModes=3:[]string storageCapacity=4:bool fsGroupPolicy=5:string tokenRequests=6:[].TokenRequest requiresRepublish=7:bool seLinuxMount=8:bool nodeAllocatableUpdatePeriodSeconds=9:int64 serviceAccountTokenInSecrets=10:bool preventPodSchedulingIfMissing=11:bool
CSINode metadata=1:meta.v1.ObjectMeta spec=2:.CSINodeSpec
CSINodeDriver name=1:string nodeID=2:string topologyKeys=3:[]string allocatable=4:.VolumeNodeResources
CSINodeList metadata=1:meta.v1.ListMeta items=2:[].CSINode
CSINodeSpec drivers=1:[].CSINodeDriver
CSIStorageCapacity metadata=1:meta.v1.ObjectMeta nodeTopology=2:meta.v1.LabelSelector storageClassName=3:string capacity=4:api.resource.Quantity maximumVolumeSize=5:api.resource.Quantity
CSIStorageCapacityList metadata=1:meta.v1.ListMeta items=2:[].CSIStorageCapacity
StorageClass metadata=1:meta.v1.ObjectMeta provisioner=2:string parameters=3:{}string reclaimPolicy=4:string mountOptions=5:[]string allowVolumeExpansion=6:bool volumeBindingMode=7:string allowedTopologies=8:[]core.v1.TopologySelectorTerm
StorageClassList metadata=1:meta.v1.ListMeta items=2:[].StorageClass
TokenRequest audience=1:string expirationSeconds=2:int64
VolumeAttachment metadata=1:meta.v1.ObjectMeta spec=2:.VolumeAttachmentSpec status=3:.VolumeAttachmentStatus
VolumeAttachmentList metadata=1:meta.v1.ListMeta items=2:[].VolumeAttachment
VolumeAttachmentSource persistentVolumeName=1:string inlineVolumeSpec=2:core.v1.PersistentVolumeSpec
VolumeAttachmentSpec attacher=1:string source=2:.VolumeAttachmentSource nodeName=3:string
VolumeAttachmentStatus attached=1:bool attachmentMetadata=2:{}string attachError=3:.VolumeError detachError=4:.VolumeError
VolumeAttributesClass metadata=1:meta.v1.ObjectMeta driverName=2:string parameters=3:{}string
VolumeAttributesClassList metadata=1:meta.v1.ListMeta items=2:[].VolumeAttributesClass
VolumeError time=1:meta.v1.Time message=2:string errorCode=3:int32
VolumeNodeResources count=1:int32
`;
