/**
 * What workloads with a selector and a pod template have in common
 * (upstream: `pkg/apis/apps/validation/validation.go`, `ValidatePodTemplateSpecForReplicaSet`).
 */
import type { PodTemplateSpec } from '../../../core/v1/pod/types.ts';
import { validatePodTemplateSpec } from '../../../core/v1/pod/validation.ts';
import { forbidden, invalid, notSupported, required } from '../../../machinery/field-error.ts';
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
  const templatePath = path.child('template');
  const selectorErrors = validateSelector(selector, selectorPath);
  if (!template) return [...selectorErrors, required(templatePath)];
  const errors = [...selectorErrors];
  const labels = template.metadata?.labels ?? {};
  if (selectorErrors.length === 0 && !selectorFromObject(selector).matches(labels)) {
    errors.push(
      invalid(templatePath.child('metadata', 'labels'), labels, '`selector` does not match template `labels`'),
    );
  }
  return [...errors, ...validateLongRunningTemplate(template, templatePath)];
}

function validateSelector(selector: LabelSelector | undefined, path: FieldPath): FieldError[] {
  if (!selector) return [required(path)];
  const errors = validateLabelSelector(selector, path);
  const count = Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length;
  // Upstream says "deployment" for ReplicaSets too.
  if (count === 0) errors.push(invalid(path, selector, 'empty selector is invalid for deployment'));
  return errors;
}

function validateLongRunningTemplate(template: PodTemplateSpec, path: FieldPath): FieldError[] {
  const errors = validatePodTemplateSpec(template, path);
  const { restartPolicy, activeDeadlineSeconds } = template.spec ?? {};
  if (restartPolicy !== 'Always')
    errors.push(notSupported(path.child('spec', 'restartPolicy'), restartPolicy ?? '', ['Always']));
  if (activeDeadlineSeconds !== undefined) {
    const detail = 'activeDeadlineSeconds in ReplicaSet is not Supported';
    errors.push(forbidden(path.child('spec', 'activeDeadlineSeconds'), detail));
  }
  return errors;
}
