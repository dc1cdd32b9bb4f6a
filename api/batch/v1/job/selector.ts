/** The selector of a Job, which the server makes unless the Job brings one (`pkg/registry/batch/job/strategy.go`). */
import { fieldPath, invalid, required, sortedMap } from '../../../machinery/field-error.ts';
import type { FieldError } from '../../../machinery/field-error.ts';
import { selectorFromObject } from '../../../machinery/label-selector.ts';
import { validateLabelSelector } from '../../../machinery/validation.ts';
import type { Job, JobSpec } from './types.ts';

const CONTROLLER_UID = 'batch.kubernetes.io/controller-uid';
const JOB_NAME = 'batch.kubernetes.io/job-name';
const OLD_CONTROLLER_UID = 'controller-uid';
const OLD_JOB_NAME = 'job-name';

const SPEC = fieldPath('spec');
const TEMPLATE_METADATA = SPEC.child('template', 'metadata');

/** Labels that the user set stay; validation refuses those that are wrong. */
export function generateSelector({ metadata, spec }: Job): void {
  if (spec.manualSelector === true) return;
  const { name = '', uid = '' } = metadata;
  const template = (spec.template.metadata ??= {});
  template.labels = {
    [OLD_JOB_NAME]: name,
    [JOB_NAME]: name,
    [OLD_CONTROLLER_UID]: uid,
    [CONTROLLER_UID]: uid,
    ...template.labels,
  };
  const selector = (spec.selector ??= {});
  selector.matchLabels = { [CONTROLLER_UID]: uid, ...selector.matchLabels };
}

/** `wantsPrefixed` is false for Jobs that were stored without the labels in Kubernetes' own domain. */
export function validateGeneratedSelector({ metadata, spec }: Job, wantsPrefixed: boolean): FieldError[] {
  // A Job without a selector is refused elsewhere.
  if (spec.manualSelector === true || !spec.selector) return [];
  const { name = '', uid = '' } = metadata;
  const expected: Record<string, string> = {
    [OLD_CONTROLLER_UID]: uid,
    [OLD_JOB_NAME]: name,
    ...(wantsPrefixed ? { [CONTROLLER_UID]: uid, [JOB_NAME]: name } : {}),
  };
  const labels = spec.template.metadata?.labels ?? {};
  const errors = Object.entries(expected).flatMap(([key, value]) => validateHasLabel(labels, key, value));
  if (validateLabelSelector(spec.selector, SPEC).length > 0 || selectorFromObject(spec.selector).matches(expected))
    return errors;
  return [...errors, invalid(SPEC.child('selector'), spec.selector, '`selector` not auto-generated')];
}

function validateHasLabel(labels: Readonly<Record<string, string>>, key: string, value: string): FieldError[] {
  if (!Object.hasOwn(labels, key)) {
    return [required(TEMPLATE_METADATA.child('labels').key(key), `must be '${value}'`)];
  }
  if (labels[key] === value) return [];
  return [invalid(TEMPLATE_METADATA.child('labels').key(key), sortedMap(labels), `must be '${value}'`)];
}

/** Generated or not, the selector matches the pods that the Job will make. */
export function validateJobSelector({ selector, template }: JobSpec): FieldError[] {
  const path = SPEC.child('selector');
  const errors = selector ? validateLabelSelector(selector, path) : [required(path)];
  if (selector && errors.length > 0) return errors;
  const labels = template.metadata?.labels ?? {};
  if (selectorFromObject(selector).matches(labels)) return errors;
  const detail = '`selector` does not match template `labels`';
  return [...errors, invalid(TEMPLATE_METADATA.child('labels'), sortedMap(labels), detail)];
}

/** Whether a stored Job's pods carry the labels in Kubernetes' own domain. */
export function hasPrefixedLabels({ template }: JobSpec): boolean {
  const labels = template.metadata?.labels ?? {};
  return Object.hasOwn(labels, CONTROLLER_UID) && Object.hasOwn(labels, JOB_NAME);
}
