/** Kinds bear objects of which any part is missing: strategies and cells never throw. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import { apiServices } from './apiregistration/v1/api-service.ts';
import { mutatingAdmissionPolicies } from './admissionregistration/v1/mutating-admission-policy.ts';
import { mutatingAdmissionPolicyBindings } from './admissionregistration/v1/mutating-admission-policy-binding.ts';
import { validatingAdmissionPolicies } from './admissionregistration/v1/validating-admission-policy.ts';
import { validatingAdmissionPolicyBindings } from './admissionregistration/v1/validating-admission-policy-binding.ts';
import { validatingWebhookConfigurations } from './admissionregistration/v1/validating-webhook-configuration.ts';
import { customResourceDefinitions } from './apiextensions/v1/custom-resource-definition.ts';
import { controllerRevisions } from './apps/v1/controller-revision.ts';
import { daemonSets } from './apps/v1/daemon-set.ts';
import { deployments } from './apps/v1/deployment.ts';
import { replicaSets } from './apps/v1/replica-set.ts';
import { statefulSets } from './apps/v1/stateful-set.ts';
import { statefulSetsV1beta1 } from './apps/v1beta1/workloads.ts';
import { horizontalPodAutoscalersV1 } from './autoscaling/v1/horizontal-pod-autoscaler.ts';
import { horizontalPodAutoscalers } from './autoscaling/v2/horizontal-pod-autoscaler.ts';
import { cronJobs } from './batch/v1/cron-job.ts';
import { jobs } from './batch/v1/job.ts';
import { leases } from './coordination/v1/lease.ts';
import { configMaps } from './core/v1/config-map.ts';
import { endpoints } from './core/v1/endpoints.ts';
import { events } from './core/v1/event.ts';
import { namespaces } from './core/v1/namespace.ts';
import { replicationControllers } from './core/v1/replication-controller.ts';
import { secrets } from './core/v1/secret.ts';
import { serviceAccounts } from './core/v1/service-account.ts';
import { services } from './core/v1/service.ts';
import { endpointSlices } from './discovery/v1/endpoint-slice.ts';
import { eventsV1 } from './events/v1/event.ts';
import { certificateSigningRequests } from './certificates/v1/certificate-signing-request.ts';
import { componentStatuses } from './core/v1/component-status.ts';
import { limitRanges } from './core/v1/limit-range.ts';
import { persistentVolumeClaims } from './core/v1/persistent-volume-claim.ts';
import { persistentVolumes } from './core/v1/persistent-volume.ts';
import { resourceQuotas } from './core/v1/resource-quota.ts';
import { runtimeClasses } from './node/v1/runtime-class.ts';
import { priorityClasses } from './scheduling/v1/priority-class.ts';
import { csiDrivers } from './storage/v1/csi-driver.ts';
import { csiNodes } from './storage/v1/csi-node.ts';
import { csiStorageCapacities } from './storage/v1/csi-storage-capacity.ts';
import { storageClasses } from './storage/v1/storage-class.ts';
import { volumeAttachments } from './storage/v1/volume-attachment.ts';
import { volumeAttributesClasses } from './storage/v1/volume-attributes-class.ts';
import type { ApiObject } from './machinery/meta.ts';
import type { Resource, StrategyContext } from './machinery/resource.ts';
import { daemonSetsInExtensions, deploymentsInExtensions } from './extensions/v1beta1/workloads.ts';
import { podDisruptionBudgets } from './policy/v1/pod-disruption-budget.ts';
import { flowSchemas } from './flowcontrol/v1/flow-schema.ts';
import { priorityLevelConfigurations } from './flowcontrol/v1/priority-level-configuration.ts';
import { ingressesV1beta1 } from './networking/v1beta1/ingress.ts';
import { ingressClasses } from './networking/v1/ingress-class.ts';
import { ingresses } from './networking/v1/ingress.ts';
import { ipAddresses } from './networking/v1/ip-address.ts';
import { networkPolicies } from './networking/v1/network-policy.ts';
import { serviceCidrs } from './networking/v1/service-cidr.ts';
import { podDisruptionBudgetsV1beta1 } from './policy/v1beta1/pod-disruption-budget.ts';
import { clusterRoleBindings } from './rbac/v1/cluster-role-binding.ts';
import { clusterRoles } from './rbac/v1/cluster-role.ts';
import { deviceClasses } from './resource/v1/device-class.ts';
import { resourceClaimTemplates } from './resource/v1/resource-claim-template.ts';
import { resourceClaims } from './resource/v1/resource-claim.ts';
import { resourceSlices } from './resource/v1/resource-slice.ts';
import { roleBindings } from './rbac/v1/role-binding.ts';
import { roles } from './rbac/v1/role.ts';

const workload = `{replicas: 1, minReadySeconds: 1, selector: {matchLabels: {a: b}, matchExpressions: [{key: a, operator: In, values: [b]}]},
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}`;
const pods =
  'selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}';
const job = `{completions: 5, parallelism: 2, completionMode: Indexed, backoffLimitPerIndex: 1, maxFailedIndexes: 2, managedBy: a.b/c,
  successPolicy: {rules: [{succeededIndexes: 1-2, succeededCount: 1}]}, podReplacementPolicy: Failed,
  podFailurePolicy: {rules: [{action: Count, onExitCodes: {operator: In, containerName: c, values: [1, 2]}}, {action: Ignore, onPodConditions: [{type: A, status: "True"}]}]},
  ${pods}}`;
const claim = `{devices: {requests: [{name: a, exactly: {deviceClassName: c, allocationMode: ExactCount, count: 1, selectors: [{cel: {expression: a}}],
  tolerations: [{key: k, operator: Equal, value: v, effect: NoSchedule}]}}, {name: b, firstAvailable: [{name: c, deviceClassName: d}]}],
  constraints: [{requests: [a], matchAttribute: a/b}], config: [{requests: [a], opaque: {driver: d, parameters: {}}}]}}`;
const binding =
  '{roleRef: {kind: ClusterRole, name: r}, subjects: [{kind: User, name: u}, {kind: ServiceAccount, name: s, namespace: n}]}';
const rules = '[{verbs: [get], apiGroups: [""], resources: [pods]}, {verbs: [get], nonResourceURLs: [/x]}]';

const match = `{matchPolicy: Exact, namespaceSelector: {matchLabels: {a: b}}, objectSelector: {matchExpressions: [{key: a, operator: In, values: [b]}]},
  resourceRules: [{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [pods, pods/exec], resourceNames: [a], scope: Namespaced}]}`;
const policy = `failurePolicy: Fail, paramKind: {apiVersion: a/v1, kind: K}, matchConstraints: ${match},
  matchConditions: [{name: a, expression: 'true'}], variables: [{name: a, expression: '1'}]`;
const policyBinding = `policyName: p, paramRef: {name: a, namespace: n, parameterNotFoundAction: Deny}, matchResources: ${match}`;

const full: [Resource<never>, string][] = [
  [
    validatingWebhookConfigurations,
    `{webhooks: [{name: a.b.c, clientConfig: {url: 'https://a/b', caBundle: AAAA}, rules: [{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [pods/exec]}],
    namespaceSelector: {}, objectSelector: {}, sideEffects: None, admissionReviewVersions: [v1], matchConditions: [{name: a, expression: 'true'}]},
    {name: b.b.c, clientConfig: {service: {name: s, namespace: n, path: /a, port: 1}}, timeoutSeconds: 1}]}`,
  ],
  [
    validatingAdmissionPolicies,
    `{spec: {${policy}, validations: [{expression: 'true', messageExpression: "'a'", reason: Invalid}],
    auditAnnotations: [{key: a, valueExpression: "'a'"}]}, status: {typeChecking: {expressionWarnings: [{fieldRef: a, warning: b}]}}}`,
  ],
  [
    mutatingAdmissionPolicies,
    `{spec: {${policy}, reinvocationPolicy: Never, mutations: [{patchType: JSONPatch, jsonPatch: {expression: '[]'}}]}}`,
  ],
  [validatingAdmissionPolicyBindings, `{spec: {${policyBinding}, validationActions: [Deny]}}`],
  [mutatingAdmissionPolicyBindings, `{spec: {${policyBinding}}}`],
  [configMaps, '{data: {a: b}, binaryData: {c: AAAA}, immutable: true}'],
  [namespaces, '{spec: {finalizers: [kubernetes]}, status: {phase: Active}}'],
  [
    services,
    `{spec: {type: LoadBalancer, clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], ipFamilies: [IPv4], ipFamilyPolicy: SingleStack,
    selector: {a: b}, externalIPs: [1.2.3.4], sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 1}},
    externalTrafficPolicy: Local, healthCheckNodePort: 3, ports: [{name: a, port: 1, targetPort: b, nodePort: 2}, {name: c, port: 3}]},
    status: {loadBalancer: {ingress: [{ip: 1.2.3.4, ipMode: VIP}, {hostname: a}]}}}`,
  ],
  [
    endpoints,
    '{subsets: [{addresses: [{ip: 10.0.0.1, hostname: a, nodeName: n}], notReadyAddresses: [{ip: 10.0.0.2}], ports: [{name: a, port: 1}]}]}',
  ],
  [
    endpointSlices,
    `{addressType: IPv4, endpoints: [{addresses: [10.0.0.1], hostname: h, hints: {forZones: [{name: z}], forNodes: [{name: n}]}}],
    ports: [{name: a, port: 1, protocol: TCP, appProtocol: http}]}`,
  ],
  [secrets, '{type: kubernetes.io/tls, data: {tls.crt: AAAA, tls.key: AAAA}, stringData: {a: b}}'],
  [serviceAccounts, '{secrets: [{name: a}], imagePullSecrets: [{name: b}]}'],
  [
    events,
    `{involvedObject: {kind: Pod, namespace: d, name: p}, reason: r, message: m, source: {component: c}, count: 2, type: Normal,
    series: {count: 2, lastObservedTime: "2026-01-01T00:00:00Z"}, eventTime: "2026-01-01T00:00:00Z", reportingComponent: a, reportingInstance: b, action: c}`,
  ],
  [
    eventsV1,
    `{regarding: {kind: Pod, namespace: d, name: p}, reason: r, note: m, type: Normal, reportingController: a, reportingInstance: b,
    series: {count: 2, lastObservedTime: "2026-01-01T00:00:00Z"}, eventTime: "2026-01-01T00:00:00Z", action: c}`,
  ],
  [deployments, `{spec: ${workload}, status: {replicas: 1, readyReplicas: 1, collisionCount: 1}}`],
  [replicaSets, `{spec: ${workload}, status: {replicas: 1, readyReplicas: 1}}`],
  [
    daemonSets,
    `{spec: {${pods}, updateStrategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1}}}, status: {numberReady: 1}}`,
  ],
  [
    statefulSets,
    `{spec: {${pods}, serviceName: s, ordinals: {start: 1}, podManagementPolicy: Parallel, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 1}},
    persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain}, volumeClaimTemplates: [{metadata: {name: a}, spec: {resources: {requests: {storage: 1Gi}}}}]},
    status: {replicas: 1, readyReplicas: 1}}`,
  ],
  [
    replicationControllers,
    `{spec: {replicas: 2, selector: {a: b}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}, status: {replicas: 1}}`,
  ],
  [
    jobs,
    `{spec: ${job}, status: {active: 1, succeeded: 1, completedIndexes: "0,2-3", failedIndexes: "1", conditions: [{type: Complete, status: "True"}]}}`,
  ],
  [
    cronJobs,
    `{spec: {schedule: "TZ=UTC */5 * * * ?", timeZone: Europe/Berlin, concurrencyPolicy: Forbid, jobTemplate: {metadata: {labels: {a: b}}, spec: ${job}}},
    status: {active: [{name: a}], lastScheduleTime: "2026-01-01T00:00:00Z"}}`,
  ],
  [deploymentsInExtensions, `{spec: {rollbackTo: {revision: 1}, ${pods}}, status: {replicas: 1}}`],
  [
    daemonSetsInExtensions,
    `{spec: {templateGeneration: 1, updateStrategy: {type: RollingUpdate}, ${pods}}, status: {numberReady: 1}}`,
  ],
  [statefulSetsV1beta1, `{spec: {updateStrategy: {type: RollingUpdate}, ${pods}}, status: {replicas: 1}}`],
  [podDisruptionBudgetsV1beta1, '{spec: {minAvailable: 1, selector: {}}, status: {disruptionsAllowed: 1}}'],
  [
    horizontalPodAutoscalers,
    `{spec: {maxReplicas: 2, minReplicas: 1, scaleTargetRef: {kind: a, name: b}, behavior: {scaleUp: {policies: [{type: Pods, value: 1, periodSeconds: 1}]}},
    metrics: [{type: Pods, pods: {metric: {name: a}, target: {type: Value, averageValue: "1"}}}, {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 1}}},
    {type: Object, object: {metric: {name: a}, describedObject: {kind: a, name: b}, target: {type: Value, value: "1"}}}, {type: External, external: {metric: {name: a}, target: {type: Value, value: "1"}}}]},
    status: {desiredReplicas: 1, currentMetrics: [{type: Pods, pods: {metric: {name: a}, current: {averageValue: "1"}}}, {type: Resource, resource: {name: cpu, current: {averageUtilization: 1}}}], conditions: [{type: a, status: b}]}}`,
  ],
  [
    horizontalPodAutoscalersV1,
    `{spec: {maxReplicas: 2, minReplicas: 1, scaleTargetRef: {kind: a, name: b}, targetCPUUtilizationPercentage: 1}, status: {currentReplicas: 1, currentCPUUtilizationPercentage: 1}}`,
  ],
  [controllerRevisions, '{revision: 1, data: {a: b}}'],
  [
    leases,
    '{spec: {holderIdentity: a, leaseDurationSeconds: 1, leaseTransitions: 1, strategy: a/b, preferredHolder: c}}',
  ],
  [
    podDisruptionBudgets,
    '{spec: {minAvailable: 1, maxUnavailable: 10%, selector: {matchLabels: {a: b}}, unhealthyPodEvictionPolicy: AlwaysAllow}, status: {disruptionsAllowed: 1}}',
  ],
  [
    apiServices,
    `{spec: {group: a, version: v1, groupPriorityMinimum: 1, versionPriority: 1, caBundle: AAAA, insecureSkipTLSVerify: true,
    service: {namespace: a, name: b, port: 1}}, status: {conditions: [{type: Available, status: "True", reason: r}]}}`,
  ],
  [
    flowSchemas,
    `{spec: {priorityLevelConfiguration: {name: a}, matchingPrecedence: 5, distinguisherMethod: {type: ByUser}, rules: [{subjects: [
    {kind: User, user: {name: a}}, {kind: ServiceAccount, serviceAccount: {name: a, namespace: b}}], resourceRules: [{verbs: [get],
    apiGroups: [a], resources: [b], namespaces: [c]}], nonResourceRules: [{verbs: [get], nonResourceURLs: [/a]}]}]},
    status: {conditions: [{type: Dangling, status: "True"}]}}`,
  ],
  [
    priorityLevelConfigurations,
    `{spec: {type: Limited, exempt: {lendablePercent: 1}, limited: {nominalConcurrencyShares: 1, lendablePercent: 1, borrowingLimitPercent: 1,
    limitResponse: {type: Queue, queuing: {queues: 8, handSize: 2, queueLengthLimit: 3}}}}, status: {conditions: [{type: A}]}}`,
  ],
  [
    ingresses,
    `{spec: {ingressClassName: a, defaultBackend: {resource: {apiGroup: a, kind: b, name: c}}, tls: [{hosts: [a], secretName: b}],
    rules: [{host: "*.a", http: {paths: [{path: /, pathType: Exact, backend: {service: {name: s, port: {number: 1}}}}]}}]},
    status: {loadBalancer: {ingress: [{ip: 1.2.3.4}, {hostname: a}]}}}`,
  ],
  [
    ingressesV1beta1,
    `{spec: {backend: {serviceName: a, servicePort: 1}, rules: [{host: a, http: {paths: [{path: /, backend: {serviceName: a, servicePort: b}}]}}]},
    status: {loadBalancer: {ingress: [{ip: 1.2.3.4}]}}}`,
  ],
  [
    ingressClasses,
    '{spec: {controller: a/b, parameters: {apiGroup: a, kind: b, name: c, namespace: d, scope: Namespace}}}',
  ],
  [
    networkPolicies,
    `{spec: {podSelector: {matchLabels: {a: b}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {a: b}}}],
    ports: [{port: 1, endPort: 2, protocol: TCP}]}], egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]}]}}`,
  ],
  [ipAddresses, '{spec: {parentRef: {group: a, resource: b, namespace: c, name: d}}}'],
  [serviceCidrs, '{spec: {cidrs: [10.0.0.0/8, 2001:db8::/64]}, status: {conditions: [{type: Ready}]}}'],
  [
    deviceClasses,
    '{spec: {selectors: [{cel: {expression: a}}], config: [{opaque: {driver: d}}], extendedResourceName: a}}',
  ],
  [resourceClaimTemplates, `{spec: {metadata: {labels: {a: b}}, spec: ${claim}}}`],
  [
    resourceClaims,
    `{spec: ${claim}, status: {allocation: {devices: {results: [{request: a, driver: d, pool: p, device: e, shareID: s}],
    config: [{source: FromClass, requests: [a], opaque: {driver: d}}]}}, reservedFor: [{resource: pods, name: a, uid: b}],
    devices: [{driver: d, pool: p, device: e, conditions: [{type: Ready}], networkData: {ips: [10.0.0.1/8]}}]}}`,
  ],
  [
    resourceSlices,
    `{spec: {driver: d, nodeName: n, pool: {name: p, generation: 1, resourceSliceCount: 1}, perDeviceNodeSelection: true,
    sharedCounters: [{name: c, counters: {a: {value: "1"}}}], devices: [{name: d, allNodes: true, allowMultipleAllocations: true,
    attributes: {a: {version: 1.0.0}}, capacity: {m: {value: "1", requestPolicy: {default: "1", validRange: {min: "1", max: "2", step: "1"}}}},
    taints: [{key: k, effect: NoSchedule}], bindingConditions: [a], consumesCounters: [{counterSet: c, counters: {a: {value: "1"}}}]}]}}`,
  ],
  [
    limitRanges,
    `{spec: {limits: [{type: Container, default: {cpu: 1}, defaultRequest: {cpu: 1}, max: {cpu: 1}, min: {cpu: 1}, maxLimitRequestRatio: {cpu: 1}},
    {type: PersistentVolumeClaim, max: {storage: 1}}]}}`,
  ],
  [
    resourceQuotas,
    `{spec: {hard: {pods: 1, limits.cpu: 1}, scopes: [Terminating], scopeSelector: {matchExpressions: [{scopeName: PriorityClass, operator: In, values: [a]}]}},
    status: {hard: {pods: 1, limits.cpu: 1}, used: {pods: 1}}}`,
  ],
  [
    persistentVolumes,
    `{spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], claimRef: {namespace: a, name: b}, storageClassName: c, volumeMode: Block,
    persistentVolumeReclaimPolicy: Recycle, hostPath: {path: /a}, local: {path: /b}, csi: {driver: d, volumeHandle: h, nodePublishSecretRef: {name: a}},
    iscsi: {targetPortal: a, iqn: b}, rbd: {monitors: [a], image: b}, azureFile: {shareName: a}, cephfs: {monitors: [a]}, cinder: {volumeID: a},
    nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: In, values: [b]}]}]}}}, status: {phase: Bound}}`,
  ],
  [
    persistentVolumeClaims,
    `{spec: {accessModes: [ReadWriteOnce], selector: {matchLabels: {a: b}}, resources: {requests: {storage: 1Gi}, limits: {storage: 2Gi}}, volumeName: v,
    storageClassName: c, volumeMode: Block, dataSource: {apiGroup: a, kind: b, name: c}, dataSourceRef: {apiGroup: a, kind: b, name: c, namespace: d},
    volumeAttributesClassName: a}, status: {phase: Bound, accessModes: [ReadWriteOnce], capacity: {storage: 1Gi}, allocatedResources: {storage: 1Gi}}}`,
  ],
  [componentStatuses, '{conditions: [{type: Healthy, status: "True", message: ok, error: a}]}'],
  [
    certificateSigningRequests,
    `{spec: {request: AAAA, signerName: a.b/c, usages: [any], expirationSeconds: 600, username: u, groups: [g], extra: {a: [b]}},
    status: {conditions: [{type: Approved, status: "True", reason: r, lastUpdateTime: "2026-01-01T00:00:00Z"}], certificate: AAAA}}`,
  ],
  [
    runtimeClasses,
    `{handler: runc, overhead: {podFixed: {cpu: 1}}, scheduling: {nodeSelector: {beta.kubernetes.io/os: linux}, tolerations: [{key: a, operator: Exists}]}}`,
  ],
  [priorityClasses, '{value: 1, globalDefault: true, description: a, preemptionPolicy: Never}'],
  [
    csiDrivers,
    `{spec: {attachRequired: true, fsGroupPolicy: File, tokenRequests: [{audience: a, expirationSeconds: 600}], volumeLifecycleModes: [Persistent],
    nodeAllocatableUpdatePeriodSeconds: 10}}`,
  ],
  [csiNodes, '{spec: {drivers: [{name: a, nodeID: b, topologyKeys: [c], allocatable: {count: 1}}]}}'],
  [
    csiStorageCapacities,
    '{storageClassName: a, capacity: 1Gi, maximumVolumeSize: 1Gi, nodeTopology: {matchLabels: {a: b}}}',
  ],
  [
    storageClasses,
    `{provisioner: a, parameters: {b: c}, reclaimPolicy: Delete, volumeBindingMode: Immediate, mountOptions: [ro], allowVolumeExpansion: true,
    allowedTopologies: [{matchLabelExpressions: [{key: a, values: [b]}]}]}`,
  ],
  [
    volumeAttachments,
    `{spec: {attacher: a, nodeName: b, source: {inlineVolumeSpec: {accessModes: [ReadWriteOnce], csi: {driver: a, volumeHandle: b}}}},
    status: {attached: true, attachError: {message: a, errorCode: 1}, detachError: {message: b}, attachmentMetadata: {a: b}}}`,
  ],
  [volumeAttributesClasses, '{driverName: a, parameters: {b: c}}'],
  [roles, `{rules: ${rules}}`],
  [clusterRoles, `{rules: ${rules}, aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}}`],
  [
    customResourceDefinitions,
    `{spec: {group: a.com, scope: Cluster, names: {plural: as, kind: A, shortNames: [b], categories: [all]},
    conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {service: {name: s, namespace: n}, caBundle: AAAA}}},
    versions: [{name: v1, served: true, storage: true, deprecated: true, deprecationWarning: w, subresources: {status: {}, scale:
    {specReplicasPath: .spec.a, statusReplicasPath: .status.a}}, selectableFields: [{jsonPath: .spec.a}], additionalPrinterColumns:
    [{name: A, type: string, jsonPath: .a}], schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties:
    {a: {type: integer, format: int32}, b: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [k], items: {type: object,
    required: [k], properties: {k: {type: string, pattern: a}}}}}, anyOf: [{required: [a]}], x-kubernetes-validations: [{rule: "true", fieldPath: .a}]}}}}}]},
    status: {storedVersions: [v1], acceptedNames: {plural: as, kind: A}, conditions: [{type: Established, status: "True"}]}}`,
  ],
  [roleBindings, binding],
  [clusterRoleBindings, binding],
] as [Resource<never>, string][];

const metadata = `{name: a, namespace: d, generation: 1, labels: {a: b}, annotations: {c: d}, creationTimestamp: "2026-01-01T00:00:00Z",
  ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: w, uid: u, controller: true}]}`;

const context: StrategyContext = { user: { name: 'u', groups: [] }, nowMs: 0, dryRun: false };

/** Every place in a value where a field can go missing. */
function fieldsIn(value: unknown): [Record<string, unknown>, string][] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(fieldsIn);
  const object = value as Record<string, unknown>;
  return Object.keys(object).flatMap((key) => [
    [object, key] as [Record<string, unknown>, string],
    ...fieldsIn(object[key]),
  ]);
}

function damaged(text: string, choices: readonly number[]): ApiObject {
  const object = { metadata: parse(metadata), ...parse(text) } as ApiObject;
  for (const choice of choices) {
    const places = fieldsIn(object).filter(([, key]) => key !== 'metadata');
    const [owner, key] = places[choice % Math.max(1, places.length)] ?? [];
    if (owner !== undefined) delete owner[key!];
  }
  return object;
}

describe.each(
  full.map(
    ([resource, text]) =>
      [`${resource.names.plural}.${resource.group}`, resource as unknown as Resource, text] as const,
  ),
)('%s', (_name, resource, text) => {
  it('bear objects with missing parts', () => {
    const choices = fc.array(fc.nat(), { maxLength: 4 });
    fc.assert(
      fc.property(choices, choices, (first, second) => {
        const { strategy } = resource;
        const previous = damaged(text, first);
        strategy.default?.(previous);
        strategy.prepareForCreate?.(previous, context);
        expect(Array.isArray(strategy.validate?.(previous) ?? [])).toBe(true);
        const next = damaged(text, second);
        strategy.default?.(next);
        strategy.status?.validateUpdate?.(next, previous);
        strategy.prepareForUpdate?.(next, previous, context);
        strategy.validateUpdate?.(next, previous);
        strategy.warnings?.(next, previous);
        for (const { cell } of resource.additionalPrinterColumns) expect(cell(next, 0)).toBeDefined();
        for (const field of Object.values(resource.selectableFields)) expect(typeof field(next)).toBe('string');
      }),
      { numRuns: 200 },
    );
  });
});
