/** RoleBinding: gives a role's rights to subjects, within a namespace. */
import type { V1RoleBinding } from '@kubernetes/client-node';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { validatePathSegmentName } from '../../machinery/validation.ts';
import { bindingColumns } from './columns.ts';
import { RBAC_GROUP, defaultBinding, validateBinding, validateBindingUpdate } from './validation.ts';

export type RoleBinding = WireObject<V1RoleBinding>;

const RULES = { isNamespaced: true, roleKinds: ['Role', 'ClusterRole'] };

export const roleBindings = defineResource<RoleBinding>({
  group: RBAC_GROUP,
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'rolebindings', singular: 'rolebinding', kind: 'RoleBinding' },
  schema: 'V1RoleBinding',
  additionalPrinterColumns: bindingColumns<RoleBinding>(),
  strategy: {
    default: defaultBinding,
    validateName: validatePathSegmentName,
    validate: (binding) => validateBinding(binding, RULES),
    validateUpdate: (next, previous) => [...validateBinding(next, RULES), ...validateBindingUpdate(next, previous)],
    allowCreateOnUpdate: true,
  },
});
