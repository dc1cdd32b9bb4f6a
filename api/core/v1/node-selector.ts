/**
 * Validation of node selectors, as pods' affinity and volumes have them
 * (`pkg/apis/core/validation/validation.go ValidateNodeSelector`).
 */
import type { V1NodeSelector, V1NodeSelectorRequirement, V1NodeSelectorTerm } from '@kubernetes/client-node';
import { forbidden, invalid, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import {
  invalidEach,
  isQualifiedName,
  isValidLabelValue,
  validateDnsSubdomainName,
} from '../../machinery/validation.ts';

export function validateNodeSelector(selector: V1NodeSelector, path: FieldPath): FieldError[] {
  const terms = selector.nodeSelectorTerms ?? [];
  const termsPath = path.child('nodeSelectorTerms');
  if (terms.length === 0) return [required(termsPath, 'must have at least one node selector term')];
  return terms.flatMap((term, i) => validateNodeSelectorTerm(term, termsPath.index(i)));
}

export function validateNodeSelectorTerm(term: V1NodeSelectorTerm, path: FieldPath): FieldError[] {
  const labels = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  return [
    ...labels.flatMap((requirement, i) => validateRequirement(requirement, path.child('matchExpressions').index(i))),
    ...fields.flatMap((requirement, i) => validateFieldRequirement(requirement, path.child('matchFields').index(i))),
  ];
}

function validateRequirement(requirement: V1NodeSelectorRequirement, path: FieldPath): FieldError[] {
  const { key = '', operator, values = [] } = requirement;
  const valuesPath = path.child('values');
  const errors: FieldError[] = [];
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0) errors.push(required(valuesPath, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    const detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
    if (values.length > 0) errors.push(forbidden(valuesPath, detail));
  } else if (operator === 'Gt' || operator === 'Lt') {
    const detail = "must be specified single value when `operator` is 'Lt' or 'Gt'";
    if (values.length !== 1) errors.push(required(valuesPath, detail));
  } else {
    errors.push(invalid(path.child('operator'), operator ?? '', 'not a valid selector operator'));
  }
  errors.push(...invalidEach(path.child('key'), key, isQualifiedName(key)));
  for (const [i, value] of values.entries())
    errors.push(...invalidEach(valuesPath.index(i), value, isValidLabelValue(value)));
  return errors;
}

/** Only the node's name, and one of it. */
function validateFieldRequirement(requirement: V1NodeSelectorRequirement, path: FieldPath): FieldError[] {
  const { key = '', operator, values = [] } = requirement;
  const valuesPath = path.child('values');
  const errors: FieldError[] = [];
  if (operator !== 'In' && operator !== 'NotIn') {
    errors.push(invalid(path.child('operator'), operator ?? '', 'not a valid selector operator'));
  } else if (values.length !== 1) {
    const detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    errors.push(required(valuesPath, detail));
  }
  if (key !== 'metadata.name') return [...errors, invalid(path.child('key'), key, 'not a valid field selector key')];
  for (const [i, value] of values.entries()) {
    errors.push(...invalidEach(valuesPath.index(i), value, validateDnsSubdomainName(value, false)));
  }
  return errors;
}
