/** Every default role and binding, as the objects that a new cluster is given. */
import type { ClusterRoleBinding } from '../v1/cluster-role-binding.ts';
import type { ClusterRole } from '../v1/cluster-role.ts';
import type { RoleBinding } from '../v1/role-binding.ts';
import type { Role } from '../v1/role.ts';
import { aggregateClusterRoles } from './aggregate.ts';
import { controllerRoleBinding } from './builders.ts';
import { clusterRoleBindingTable } from './cluster-role-bindings.ts';
import { clusterRoleTable } from './cluster-roles.ts';
import { controllerRoleTable } from './controller-roles.ts';
import { namespaceRoleBindingTable, namespaceRoleTable } from './namespace-roles.ts';
import { ownControllerRoleTable, ownRoleTable } from './own-roles.ts';

export interface BootstrapRbacObjects {
  clusterRoles: readonly ClusterRole[];
  clusterRoleBindings: readonly ClusterRoleBinding[];
  roles: readonly Role[];
  roleBindings: readonly RoleBinding[];
}

/**
 * Aggregated roles come with their rules filled in, so that they count before the aggregation controller has run.
 * The caller must not change the objects.
 */
export function bootstrapRbacObjects(): BootstrapRbacObjects {
  const controllers = [...controllerRoleTable, ...ownControllerRoleTable];
  const tables = [...clusterRoleTable, ...ownRoleTable, ...controllers];
  const aggregated = new Map(aggregateClusterRoles(tables).map((role) => [role.metadata.name, role]));
  return {
    clusterRoles: tables.map((role) => aggregated.get(role.metadata.name) ?? role),
    clusterRoleBindings: [...clusterRoleBindingTable, ...controllers.map(controllerRoleBinding)],
    roles: namespaceRoleTable,
    roleBindings: namespaceRoleBindingTable,
  };
}
