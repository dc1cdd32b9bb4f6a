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
  else if (isEmpty(selector)) errors.push(invalid(selectorPath, selector, 'empty selector is invalid for deployment'));
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
  return [...errors, ...validateLongRunningTemplate(template, templatePath)];
}

function isEmpty({ matchLabels = {}, matchExpressions = [] }: LabelSelector): boolean {
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
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
