/**
 * What workloads with a selector and a pod template have in common
 * (upstream: `pkg/apis/apps/validation/validation.go`, `ValidatePodTemplateSpecForReplicaSet`).
 */
import type { PodTemplateSpec } from '../../../core/v1/pod/types.ts';
import { validatePodTemplateSpec } from '../../../core/v1/pod/validation.ts';
import { forbidden, invalid, notSupported, required, sortedMap } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { selectorFromObject } from '../../../machinery/label-selector.ts';
import type { LabelSelector } from '../../../machinery/meta.ts';
import { validateLabelSelector } from '../../../machinery/validation.ts';

export interface SelectorAndTemplate {
  selector: LabelSelector | undefined;
  template: PodTemplateSpec | undefined;
}

/** `path` is the spec's. The template must carry the labels that the selector asks for and restart its containers. */
export function validateSelectorAndTemplate(
  { selector, template }: SelectorAndTemplate,
  path: FieldPath,
): FieldError[] {
  const selectorPath = path.child('selector');
  const problems = validateLabelSelector(selector, selectorPath);
  // A selector that cannot be read ends it: the template is not looked at.
  if (problems.length > 0) return [...problems, invalid(selectorPath, selector, 'invalid label selector')];
  const errors: FieldError[] = [];
  if (!selector) errors.push(required(selectorPath));
  // Upstream says "deployment" for ReplicaSets too.
  else if (isEmptySelector(selector))
    errors.push(invalid(selectorPath, selector, 'empty selector is invalid for deployment'));
  const templatePath = path.child('template');
  if (!template) return [...errors, required(templatePath)];
  const labels = template.metadata?.labels ?? {};
  // No selector selects nothing, an empty one everything.
  if (!selector || !selectorFromObject(selector).matches(labels)) {
    errors.push(
      invalid(
        templatePath.child('metadata', 'labels'),
        sortedMap(labels),
        '`selector` does not match template `labels`',
      ),
    );
  }
  return [
    ...errors,
    ...validatePodTemplateSpec(template, templatePath),
    ...validateRunsForEver(template, { path: templatePath, kind: 'ReplicaSet' }),
  ];
}

/** Of a selector that is there. */
export function isEmptySelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector): boolean {
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
}

/** Pods of a workload that never ends restart their containers; `kind` is named in the message, `path` the template's. */
export function validateRunsForEver(
  template: PodTemplateSpec,
  { path, kind }: { path: FieldPath; kind: string },
): FieldError[] {
  const errors: FieldError[] = [];
  const { restartPolicy, activeDeadlineSeconds } = template.spec ?? {};
  if (restartPolicy !== 'Always')
    errors.push(notSupported(path.child('spec', 'restartPolicy'), restartPolicy ?? '', ['Always']));
  if (activeDeadlineSeconds !== undefined) {
    const detail = `activeDeadlineSeconds in ${kind} is not Supported`;
    errors.push(forbidden(path.child('spec', 'activeDeadlineSeconds'), detail));
  }
  return errors;
}

/**
 * The template carries the labels that the selector asks for; no selector asks for what nothing has. Silent about
 * selectors that cannot be read. `path` is the spec's.
 */
export function validateTemplateLabels({ selector, template }: SelectorAndTemplate, path: FieldPath): FieldError[] {
  const labels = template?.metadata?.labels ?? {};
  if (validateLabelSelector(selector, path).length > 0 || selectorFromObject(selector).matches(labels)) return [];
  const detail = '`selector` does not match template `labels`';
  return [invalid(path.child('template', 'metadata', 'labels'), sortedMap(labels), detail)];
}

/** A disk that is attached to several machines is read only (`ValidateReadOnlyPersistentDisks`). `path` is the template's. */
export function validateReadOnlyDisks({ spec }: PodTemplateSpec, path: FieldPath): FieldError[] {
  const detail =
    'must be true for replicated pods > 1; GCE PD can only be mounted on multiple machines if it is read-only';
  return (spec.volumes ?? []).flatMap(({ gcePersistentDisk }, i) => {
    if (!gcePersistentDisk || gcePersistentDisk.readOnly === true) return [];
    return [invalid(path.child('spec', 'volumes').index(i).child('gcePersistentDisk', 'readOnly'), false, detail)];
  });
}
