/**
 * Annotations that the API server itself understands
 * (`pkg/apis/core/validation/validation.go ValidatePodSpecificAnnotations` and its updates).
 */
import { forbidden, invalid } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { allContainers, containersWithPath } from './containers.ts';
import type { Pod, PodSpec, SecurityContext } from './types.ts';
import { validateLocalDescendingPath } from './validate-paths.ts';

export const MIRROR_POD_ANNOTATION = 'kubernetes.io/config.mirror';
export const POD_DELETION_COST_ANNOTATION = 'controller.kubernetes.io/pod-deletion-cost';
export const SECCOMP_POD_ANNOTATION = 'seccomp.security.alpha.kubernetes.io/pod';
export const SECCOMP_CONTAINER_PREFIX = 'container.seccomp.security.alpha.kubernetes.io/';
export const APPARMOR_CONTAINER_PREFIX = 'container.apparmor.security.beta.kubernetes.io/';

type Annotations = Readonly<Record<string, string>>;

/** `path` is that of the annotations. Also for templates. */
export function validatePodAnnotations(
  annotations: Annotations | undefined,
  spec: PodSpec,
  path: FieldPath,
): FieldError[] {
  if (!annotations) return [];
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(annotations)) {
    if (key === MIRROR_POD_ANNOTATION && !spec.nodeName) {
      errors.push(invalid(path.key(key), value, 'must set spec.nodeName if mirror pod annotation is set'));
    } else if (key === POD_DELETION_COST_ANNOTATION && !isInt32(value)) {
      errors.push(invalid(path.key(key), value, 'must be a 32bit integer'));
    } else if (key === SECCOMP_POD_ANNOTATION || key.startsWith(SECCOMP_CONTAINER_PREFIX)) {
      errors.push(...validateSeccompAnnotation(value, path.child(key)));
    } else if (key.startsWith(APPARMOR_CONTAINER_PREFIX)) {
      errors.push(...validateAppArmorAnnotation(key, value, { spec, path: path.key(key) }));
    }
  }
  return errors;
}

function isInt32(text: string): boolean {
  return /^(?:0|[1-9]\d*|-\d+)$/.test(text) && Number(text) >= -(2 ** 31) && Number(text) < 2 ** 31;
}

function validateSeccompAnnotation(value: string, path: FieldPath): FieldError[] {
  if (value === 'runtime/default' || value === 'docker/default' || value === 'unconfined') return [];
  if (value.startsWith('localhost/')) return validateLocalDescendingPath(value.slice('localhost/'.length), path);
  return [invalid(path, value, 'must be a valid seccomp profile')];
}

function validateAppArmorAnnotation(key: string, value: string, at: { spec: PodSpec; path: FieldPath }): FieldError[] {
  const name = key.slice(APPARMOR_CONTAINER_PREFIX.length);
  const isKnown = allContainers(at.spec).some((container) => container.name === name);
  const errors = isKnown ? [] : [invalid(at.path, name, 'container not found')];
  if (value !== '' && value !== 'runtime/default' && value !== 'unconfined' && !value.startsWith('localhost/')) {
    errors.push(invalid(at.path, value, `invalid AppArmor profile name: ${JSON.stringify(value)}`));
  }
  return errors;
}

/** On creation, annotations and the fields that replace them must say the same. `path` is the spec's. */
export function validateProfileAnnotationsMatch(pod: Pod, path: FieldPath): FieldError[] {
  const annotations = pod.metadata.annotations;
  if (!annotations) return [];
  const errors: FieldError[] = [];
  const podContext = pod.spec.securityContext;
  const compare = (key: string, profile: Profile | undefined, rule: { path: FieldPath; what: string }): void => {
    if (!Object.hasOwn(annotations, key) || !profile) return;
    errors.push(...validateSameProfile(annotations[key]!, profile, rule));
  };
  const seccompPath = path.child('securityContext', 'seccompProfile');
  compare(SECCOMP_POD_ANNOTATION, podContext?.seccompProfile, { path: seccompPath, what: 'seccomp' });
  for (const [{ name, securityContext }, containerPath] of containersWithPath(pod.spec, path)) {
    const contextPath = containerPath.child('securityContext');
    const seccomp = { path: contextPath.child('seccompProfile'), what: 'seccomp' };
    compare(`${SECCOMP_CONTAINER_PREFIX}${name}`, securityContext?.seccompProfile, seccomp);
    if (pod.spec.os?.name === 'windows') continue;
    const appArmor = { path: contextPath.child('appArmorProfile'), what: 'apparmor' };
    const profile = securityContext?.appArmorProfile ?? podContext?.appArmorProfile;
    compare(`${APPARMOR_CONTAINER_PREFIX}${name}`, profile, appArmor);
  }
  return errors;
}

type Profile = NonNullable<SecurityContext['appArmorProfile']>;

function validateSameProfile(
  annotation: string,
  profile: Profile,
  rule: { path: FieldPath; what: string },
): FieldError[] {
  const { type, localhostProfile } = profile;
  const mismatch = [forbidden(rule.path.child('type'), `${rule.what} type in annotation and field must match`)];
  if (type === 'Unconfined') return annotation === 'unconfined' ? [] : mismatch;
  if (type === 'RuntimeDefault') {
    const isDefault = annotation === 'runtime/default' || (rule.what === 'seccomp' && annotation === 'docker/default');
    return isDefault ? [] : mismatch;
  }
  if (type !== 'Localhost') return [];
  if (!annotation.startsWith('localhost/')) return mismatch;
  if (annotation.slice('localhost/'.length) === localhostProfile) return [];
  return [forbidden(rule.path.child('localhostProfile'), `${rule.what} profile in annotation and field must match`)];
}

/** What of them may not change once the pod exists (`ValidatePodSpecificAnnotationUpdates`). */
export function validatePodAnnotationsUpdate(next: Pod, previous: Pod, path: FieldPath): FieldError[] {
  const after = next.metadata.annotations ?? {};
  const before = previous.metadata.annotations ?? {};
  const errors: FieldError[] = [];
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (before[key] === after[key]) continue;
    const verb = Object.hasOwn(before, key) ? 'may not remove or update' : 'may not add';
    if (key.startsWith(APPARMOR_CONTAINER_PREFIX))
      errors.push(forbidden(path.key(key), `${verb} AppArmor annotations`));
    if (key === MIRROR_POD_ANNOTATION) errors.push(forbidden(path.key(key), `${verb} mirror pod annotation`));
  }
  errors.push(...validatePodAnnotations(after, next.spec, path));
  return errors;
}

export function isMirrorPod(pod: Pod): boolean {
  return Object.hasOwn(pod.metadata.annotations ?? {}, MIRROR_POD_ANNOTATION);
}
