/**
 * Types that are more than a JSON type but not a model: the client package flattens them into `string` or `any`.
 * `SCALARS` are their schemas, by the names under which the generated table has them; `FIELD_TYPES` says where they
 * stand.
 */
import type { Schema } from './schema.ts';

export const SCALARS: Readonly<Record<string, Schema>> = {
  Quantity: { type: 'string', format: 'quantity', intOrString: true },
  IntOrString: { format: 'int-or-string', intOrString: true },
  Time: { type: 'string', format: 'date-time' },
  MicroTime: { type: 'string', format: 'date-time-micro' },
  /** An object of any kind. */
  RawExtension: { type: 'object', preserveUnknownFields: true },
  FieldsV1: { type: 'object', preserveUnknownFields: true },
  /** Any JSON value. */
  JSON: { preserveUnknownFields: true },
  JSONSchemaPropsOrArray: { format: 'schema-or-array', preserveUnknownFields: true },
  JSONSchemaPropsOrBool: { format: 'schema-or-bool', preserveUnknownFields: true },
  JSONSchemaPropsOrStringArray: { format: 'schema-or-string-array', preserveUnknownFields: true },
  /** An object without fields. */
  CustomResourceSubresourceStatus: { type: 'object', properties: {} },
  EmptyObject: { type: 'object', properties: {} },
};

/** Definition names of the scalars that OpenAPI refers to. */
export const SCALAR_DEFINITIONS: Readonly<Record<string, string>> = {
  Quantity: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
  IntOrString: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  Time: 'io.k8s.apimachinery.pkg.apis.meta.v1.Time',
  MicroTime: 'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime',
  RawExtension: 'io.k8s.apimachinery.pkg.runtime.RawExtension',
  FieldsV1: 'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1',
  JSON: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON',
  JSONSchemaPropsOrArray: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray',
  JSONSchemaPropsOrBool: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool',
  JSONSchemaPropsOrStringArray: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray',
  CustomResourceSubresourceStatus:
    'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceSubresourceStatus',
};

/**
 * What stands in a field instead of the package's type: a scalar's name, or an integer format. It takes the place of
 * the innermost type: `V1PodSpec.overhead` stays a map, `V1CapacityRequestPolicy.validValues` a list.
 */
export const FIELD_TYPES: Readonly<Record<string, string>> = {
  ...fieldsOf(
    'Quantity',
    `V1ContainerStatus.allocatedResources V1LimitRangeItem.default V1LimitRangeItem.defaultRequest
    V1LimitRangeItem.max V1LimitRangeItem.maxLimitRequestRatio V1LimitRangeItem.min
    V1NodeAllocatableResourceClaimStatus.resources V1NodeStatus.allocatable V1NodeStatus.capacity
    V1PersistentVolumeClaimStatus.allocatedResources V1PersistentVolumeClaimStatus.capacity
    V1PersistentVolumeSpec.capacity V1PodSpec.overhead V1PodStatus.allocatedResources V1ResourceQuotaSpec.hard
    V1ResourceQuotaStatus.hard V1ResourceQuotaStatus.used V1ResourceRequirements.limits
    V1ResourceRequirements.requests V1VolumeResourceRequirements.limits V1VolumeResourceRequirements.requests
    V1Overhead.podFixed V1EmptyDirVolumeSource.sizeLimit V1ResourceFieldSelector.divisor
    V1CSIStorageCapacity.capacity V1CSIStorageCapacity.maximumVolumeSize V2HPAScalingRules.tolerance
    V2MetricTarget.averageValue V2MetricTarget.value V2MetricValueStatus.averageValue V2MetricValueStatus.value`,
  ),
  ...fieldsOf(
    'Quantity',
    inResourceVersions(`CapacityRequirements.requests CapacityRequestPolicy.default
    CapacityRequestPolicy.validValues CapacityRequestPolicyRange.max CapacityRequestPolicyRange.min
    CapacityRequestPolicyRange.step Counter.value DeviceCapacity.value DeviceRequestAllocationResult.consumedCapacity
    NodeAllocatableResourceMapping.allocationMultiplier`),
  ),
  ...fieldsOf('RawExtension', inResourceVersions('AllocatedDeviceStatus.data OpaqueDeviceConfiguration.parameters')),
  ...fieldsOf(
    'RawExtension',
    'V1WatchEvent.object V1ControllerRevision.data AppsV1beta1ControllerRevision.data AppsV1beta2ControllerRevision.data',
  ),
  ...fieldsOf('FieldsV1', 'V1ManagedFieldsEntry.fieldsV1'),
  ...fieldsOf('JSON', 'V1JSONSchemaProps.default V1JSONSchemaProps.example V1JSONSchemaProps.enum'),
  ...fieldsOf('JSONSchemaPropsOrBool', 'V1JSONSchemaProps.additionalItems V1JSONSchemaProps.additionalProperties'),
  ...fieldsOf('JSONSchemaPropsOrStringArray', 'V1JSONSchemaProps.dependencies'),
  ...fieldsOf('JSONSchemaPropsOrArray', 'V1JSONSchemaProps.items'),
  ...fieldsOf('CustomResourceSubresourceStatus', 'V1CustomResourceSubresources.status'),
  ...fieldsOf('EmptyObject', 'V1alpha1StorageVersion.spec V1alpha2PodGroupSchedulingPolicy.basic'),
  ...fieldsOf('byte', 'V1ConfigMap.binaryData V1Secret.data'),
  ...fieldsOf('int32', 'V1ContainerRestartRuleOnExitCodes.values V1PodFailurePolicyOnExitCodesRequirement.values'),
  ...fieldsOf('int64', 'V1LinuxContainerUser.supplementalGroups V1PodSecurityContext.supplementalGroups'),
  ...fieldsOf('int64', 'ExtensionsV1beta1DaemonSetSpec.templateGeneration V1beta1RollbackConfig.revision'),
  ...fieldsOf('int64', inResourceVersions('DeviceAttribute.ints')),
};

/** Values that the server fills in before it looks for a list item by its keys. */
export const KEY_DEFAULTS: Readonly<Record<string, unknown>> = {
  'V1ContainerPort.protocol': 'TCP',
  'V1ServicePort.protocol': 'TCP',
};

function fieldsOf(type: string, fields: string): Record<string, string> {
  return Object.fromEntries(
    fields
      .trim()
      .split(/\s+/)
      .map((field) => [field, type]),
  );
}

/** The same fields in every version of the resource.k8s.io group that has them. */
function inResourceVersions(fields: string): string {
  const names = fields.trim().split(/\s+/);
  return ['V1', 'V1beta1', 'V1beta2'].flatMap((version) => names.map((name) => version + name)).join(' ');
}
