/** ClusterRoleBinding: gives a ClusterRole's rights to subjects, in the whole cluster. */
import type { V1ClusterRoleBinding } from '@kubernetes/client-node';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { validatePathSegmentName } from '../../machinery/validation.ts';
import { bindingColumns } from './columns.ts';
import { RBAC_GROUP, defaultBinding, validateBinding, validateBindingUpdate } from './validation.ts';

export type ClusterRoleBinding = WireObject<V1ClusterRoleBinding>;

const RULES = { isNamespaced: false, roleKinds: ['ClusterRole'] };

export const clusterRoleBindings = defineResource<ClusterRoleBinding>({
  group: RBAC_GROUP,
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'clusterrolebindings', singular: 'clusterrolebinding', kind: 'ClusterRoleBinding' },
  schema: 'V1ClusterRoleBinding',
  additionalPrinterColumns: bindingColumns<ClusterRoleBinding>(),
  strategy: {
    default: defaultBinding,
    validateName: validatePathSegmentName,
    validate: (binding) => validateBinding(binding, RULES),
    validateUpdate: (next, previous) => [...validateBinding(next, RULES), ...validateBindingUpdate(next, previous)],
    allowCreateOnUpdate: true,
  },
});
