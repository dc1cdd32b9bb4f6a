/** MutatingAdmissionPolicyBinding: puts a policy into force, with its parameters (upstream: `validateMutatingAdmissionPolicyBindingSpec`). */
import type { V1MutatingAdmissionPolicyBinding } from '@kubernetes/client-node';
import { fieldPath } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { ageColumn } from '../../table-cells.ts';
import { ADMISSION_GROUP, API_EXTENSIONS } from './group.ts';
import { validateMutatedOperations } from './mutating-admission-policy.ts';
import type { BindingSpec } from './policy-validation.ts';
import { bindingColumns, defaultBindingSpec, validateBindingSpec } from './policy-validation.ts';

export type MutatingAdmissionPolicyBinding = Omit<WireObject<V1MutatingAdmissionPolicyBinding>, 'spec'> & {
  spec: BindingSpec;
};

export const mutatingAdmissionPolicyBindings = defineResource<MutatingAdmissionPolicyBinding>({
  group: ADMISSION_GROUP,
  version: 'v1',
  scope: 'Cluster',
  names: {
    plural: 'mutatingadmissionpolicybindings',
    singular: 'mutatingadmissionpolicybinding',
    kind: 'MutatingAdmissionPolicyBinding',
    categories: API_EXTENSIONS,
  },
  schema: 'V1MutatingAdmissionPolicyBinding',
  additionalPrinterColumns: [...bindingColumns<MutatingAdmissionPolicyBinding>(), ageColumn()],
  strategy: {
    default: (binding) => defaultBindingSpec((binding.spec ??= {})),
    validate: validateBinding,
    validateUpdate: validateBinding,
    allowUnconditionalUpdate: false,
  },
});

function validateBinding({ spec }: MutatingAdmissionPolicyBinding): FieldError[] {
  const path = fieldPath('spec', 'matchResources');
  return [...validateBindingSpec(spec), ...validateMutatedOperations(spec.matchResources, path)];
}
