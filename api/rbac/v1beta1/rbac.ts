/** `rbac.authorization.k8s.io/v1beta1`, of Kubernetes 1.6 to 1.21: the kinds of v1. */
import { olderVersion } from '../../machinery/older-version.ts';
import { clusterRoleBindings } from '../v1/cluster-role-binding.ts';
import { clusterRoles } from '../v1/cluster-role.ts';
import { roleBindings } from '../v1/role-binding.ts';
import { roles } from '../v1/role.ts';

const LIFE = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1beta1',
  deprecatedIn: '1.17',
  removedIn: '1.22',
};

export const clusterRolesV1beta1 = olderVersion(clusterRoles, { ...LIFE, schema: 'RbacV1beta1ClusterRole' });
export const clusterRoleBindingsV1beta1 = olderVersion(clusterRoleBindings, {
  ...LIFE,
  schema: 'RbacV1beta1ClusterRoleBinding',
});
export const rolesV1beta1 = olderVersion(roles, { ...LIFE, schema: 'RbacV1beta1Role' });
export const roleBindingsV1beta1 = olderVersion(roleBindings, { ...LIFE, schema: 'RbacV1beta1RoleBinding' });
