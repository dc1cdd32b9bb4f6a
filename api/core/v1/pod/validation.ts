/**
 * Validation of pods, their specs and templates
 * (`pkg/apis/core/validation/validation.go ValidatePodSpec`, `ValidatePodTemplateSpec`, `ValidatePodCreate`).
 */
import { fieldPath, forbidden, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import {
  invalidEach,
  isInRange,
  isQualifiedName,
  validateAnnotations,
  validateDnsSubdomainName,
  validateLabels,
} from '../../../machinery/validation.ts';
import { validateRequiredEnum } from './enums.ts';
import type { Pod, PodSpec, PodTemplateSpec } from './types.ts';
import { validateAffinity, validateTopologySpread } from './validate-affinity.ts';
import { validatePodAnnotations, validateProfileAnnotationsMatch } from './validate-annotations.ts';
import { validateContainers, validateImageText } from './validate-containers.ts';
import { validateDnsConfig, validateHostNames, validateHostNetworkPorts } from './validate-network.ts';
import { validateOs } from './validate-os.ts';
import { validatePodLevelResources, validateResourceRequirements } from './validate-resources.ts';
import { validateResourceClaims, validateSchedulingGates, validateTolerations } from './validate-scheduling.ts';
import { validateHostUsers, validatePodSecurityContext } from './validate-security.ts';
import { validateVolumes } from './validate-volumes.ts';

const MAX_INT32 = 2 ** 31 - 1;

export interface PodSpecOptions {
  /** The spec is that of a pod with this name, not of a template; `''` while the name is not known. */
  podName?: string;
}

/** A defaulted spec. */
export function validatePodSpec(spec: PodSpec, path: FieldPath, options: PodSpecOptions = {}): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.terminationGracePeriodSeconds == null) errors.push(required(path.child('terminationGracePeriodSeconds')));
  const { volumes, errors: volumeErrors } = validateVolumes(spec, path.child('volumes'), options.podName ?? '');
  errors.push(...volumeErrors, ...validateResourceClaims(spec, path.child('resourceClaims')));
  const claimNames = new Set((spec.resourceClaims ?? []).map(({ name }) => name));
  errors.push(...validateContainers({ spec, volumes, claimNames }, path));
  errors.push(...validatePodLevelResources(spec, path.child('resources')));
  errors.push(...validateHostNetworkPorts(spec, path, options.podName !== undefined));
  errors.push(...validatePolicies(spec, path));
  errors.push(...validatePodSecurityContext(spec, path.child('securityContext')));
  errors.push(...validatePlacement(spec, path));
  errors.push(...validateDnsConfig(spec, path.child('dnsConfig')));
  errors.push(...validateHostUsers(spec, path));
  errors.push(...validateNames(spec, path));
  errors.push(...validateHostNames(spec, path));
  errors.push(...validateResourceRequirements({ limits: spec.overhead ?? {} }, path.child('overhead')));
  errors.push(...validateOs(spec, path));
  return errors;
}

function validatePolicies(spec: PodSpec, path: FieldPath): FieldError[] {
  const errors = validateRequiredEnum('restartPolicy', spec.restartPolicy, path.child('restartPolicy'));
  errors.push(...validateRequiredEnum('dnsPolicy', spec.dnsPolicy, path.child('dnsPolicy')));
  if (spec.preemptionPolicy != null) {
    errors.push(...validateRequiredEnum('preemptionPolicy', spec.preemptionPolicy, path.child('preemptionPolicy')));
  }
  const deadline = spec.activeDeadlineSeconds;
  if (deadline != null) {
    errors.push(...invalidEach(path.child('activeDeadlineSeconds'), deadline, isInRange(deadline, 1, MAX_INT32)));
  }
  return errors;
}

function validatePlacement(spec: PodSpec, path: FieldPath): FieldError[] {
  const errors = validateLabels(spec.nodeSelector, path.child('nodeSelector'));
  errors.push(...validateAffinity(spec.affinity, path.child('affinity')));
  for (const [i, { conditionType = '' }] of (spec.readinessGates ?? []).entries()) {
    const gatePath = path.child('readinessGates').index(i).child('conditionType');
    errors.push(...invalidEach(gatePath, conditionType, isQualifiedName(conditionType)));
  }
  errors.push(...validateSchedulingGates(spec, path.child('schedulingGates')));
  errors.push(...validateTopologySpread(spec.topologySpreadConstraints, path.child('topologySpreadConstraints')));
  errors.push(...validateTolerations(spec.tolerations, path.child('tolerations')));
  return errors;
}

/** Objects that the spec refers to by name. */
function validateNames(spec: PodSpec, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['serviceAccountName', 'nodeName', 'priorityClassName'] as const) {
    const name = spec[field];
    if (name) errors.push(...invalidEach(path.child(field), name, validateDnsSubdomainName(name, false)));
  }
  const runtimeClass = spec.runtimeClassName;
  if (runtimeClass != null) {
    const problems = validateDnsSubdomainName(runtimeClass, false);
    errors.push(...invalidEach(path.child('runtimeClassName'), runtimeClass, problems));
  }
  const group = spec.schedulingGroup?.podGroupName;
  if (group != null) {
    const groupPath = path.child('schedulingGroup', 'podGroupName');
    errors.push(...invalidEach(groupPath, group, validateDnsSubdomainName(group, false)));
  }
  return errors;
}

/** A defaulted template. `path` is the template's. */
export function validatePodTemplateSpec(template: PodTemplateSpec, path: FieldPath): FieldError[] {
  const { labels, annotations } = template.metadata ?? {};
  const { spec } = template;
  const errors = validateLabels(labels, path.child('labels'));
  errors.push(...validateAnnotations(annotations, path.child('annotations')));
  errors.push(...validatePodAnnotations(annotations, spec, path.child('annotations')));
  errors.push(...validatePodSpec(spec, path.child('spec')));
  errors.push(...validateNoSeccompMismatch(template, path.child('spec')));
  if (spec.ephemeralContainers?.length) {
    errors.push(
      forbidden(path.child('spec', 'ephemeralContainers'), 'ephemeral containers not allowed in pod template'),
    );
  }
  return errors;
}

function validateNoSeccompMismatch(template: PodTemplateSpec, path: FieldPath): FieldError[] {
  const { annotations } = template.metadata ?? {};
  if (!annotations) return [];
  return validateProfileAnnotationsMatch({ metadata: { annotations }, spec: template.spec }, path);
}

/** A new pod (`ValidatePodCreate`). Metadata is validated generically. */
export function validatePodCreate(pod: Pod): FieldError[] {
  const errors = validatePodAndSpec(pod);
  const path = fieldPath('spec');
  const { spec } = pod;
  if (spec.ephemeralContainers?.length)
    errors.push(forbidden(path.child('ephemeralContainers'), 'cannot be set on create'));
  if (spec.nodeName && spec.schedulingGates?.length) {
    errors.push(forbidden(path.child('nodeName'), 'cannot be set until all schedulingGates have been cleared'));
  }
  errors.push(...validateProfileAnnotationsMatch(pod, path));
  return errors;
}

/** What holds for pods at any time (`validatePodMetadataAndSpec`), but for metadata. */
export function validatePodAndSpec(pod: Pod): FieldError[] {
  const path = fieldPath('spec');
  const { spec } = pod;
  const errors = validatePodAnnotations(pod.metadata.annotations, spec, fieldPath('metadata', 'annotations'));
  errors.push(...validatePodSpec(spec, path, { podName: pod.metadata.name ?? '' }));
  if (!spec.serviceAccountName) errors.push(...validateNoTokens(spec, path.child('volumes')));
  for (const field of ['containers', 'initContainers'] as const) {
    for (const [i, container] of (spec[field] ?? []).entries()) {
      errors.push(...validateImageText(container, path.child(field).index(i)));
    }
  }
  for (const [i, { image }] of (spec.volumes ?? []).entries()) {
    if (image && !image.reference) errors.push(required(path.child('volumes').index(i).child('image', 'reference')));
  }
  return errors;
}

function validateNoTokens(spec: PodSpec, path: FieldPath): FieldError[] {
  return (spec.volumes ?? []).flatMap(({ projected }, i) =>
    (projected?.sources ?? []).flatMap(({ serviceAccountToken }, j) => {
      if (!serviceAccountToken) return [];
      const tokenPath = path.index(i).child('projected', 'sources').index(j).child('serviceAccountToken');
      return [forbidden(tokenPath, 'must not be specified when serviceAccountName is not set')];
    }),
  );
}
