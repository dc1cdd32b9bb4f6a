/** ValidatingAdmissionPolicyBinding: puts a policy into force, with its parameters (upstream: `validateValidatingAdmissionPolicyBindingSpec`). */
import type {
  V1ValidatingAdmissionPolicyBinding,
  V1ValidatingAdmissionPolicyBindingSpec,
} from '@kubernetes/client-node';
import { duplicate, fieldPath, invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { Wire, WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { ageColumn } from '../../table-cells.ts';
import { ADMISSION_GROUP, API_EXTENSIONS, listOf } from './group.ts';
import { bindingColumns, defaultBindingSpec, validateBindingSpec } from './policy-validation.ts';

export type ValidatingAdmissionPolicyBinding = Omit<WireObject<V1ValidatingAdmissionPolicyBinding>, 'spec'> & {
  spec: Wire<V1ValidatingAdmissionPolicyBindingSpec>;
};

const ACTIONS = ['Audit', 'Deny', 'Warn'];

export const validatingAdmissionPolicyBindings = defineResource<ValidatingAdmissionPolicyBinding>({
  group: ADMISSION_GROUP,
  version: 'v1',
  scope: 'Cluster',
  names: {
    plural: 'validatingadmissionpolicybindings',
    singular: 'validatingadmissionpolicybinding',
    kind: 'ValidatingAdmissionPolicyBinding',
    categories: API_EXTENSIONS,
  },
  schema: 'V1ValidatingAdmissionPolicyBinding',
  additionalPrinterColumns: [...bindingColumns<ValidatingAdmissionPolicyBinding>(), ageColumn()],
  strategy: {
    default: (binding) => defaultBindingSpec((binding.spec ??= { policyName: '', validationActions: [] })),
    validate: validateBinding,
    validateUpdate: validateBinding,
    allowUnconditionalUpdate: false,
  },
});

function validateBinding({ spec }: ValidatingAdmissionPolicyBinding): FieldError[] {
  return [...validateBindingSpec(spec), ...validateActions(listOf(spec.validationActions))];
}

function validateActions(actions: readonly string[]): FieldError[] {
  const path = fieldPath('spec', 'validationActions');
  const seen = new Set<string>();
  const errors = actions.flatMap((action, i) => {
    const found = ACTIONS.includes(action) ? [] : [notSupported(path.index(i), action, ACTIONS)];
    if (seen.has(action)) found.push(duplicate(path.index(i), action));
    seen.add(action);
    return found;
  });
  if (seen.has('Deny') && seen.has('Warn')) {
    const detail =
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)';
    errors.push(invalid(path, actions, detail));
  }
  if (seen.size === 0) errors.push(required(path, 'at least one validation action is required'));
  return errors;
}
