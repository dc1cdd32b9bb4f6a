/**
 * ClusterRoles with an aggregation rule have the rules of the roles that it selects
 * (upstream `pkg/controller/clusterroleaggregation`).
 */
import { missingAggregation } from '../api/rbac/bootstrap/aggregate.ts';
import type { ClusterRole } from '../api/rbac/v1/cluster-role.ts';
import { clusterRoles } from '../api/rbac/v1/cluster-role.ts';
import type { CacheReader } from '../client/controller.ts';
import { defineController } from '../client/controller.ts';

const NAME = 'clusterrole-aggregation-controller';

export const clusterRoleAggregation = defineController<ClusterRole>({
  name: NAME,
  for: clusterRoles,
  // Any role may be selected by any other, and have been before it changed.
  watches: [{ resource: clusterRoles, map: (_role, context) => aggregatedRoles(context) }],
  writes: [clusterRoles],
  async reconcile({ name }, { client, lister }) {
    const roles = lister<ClusterRole>(clusterRoles);
    const role = roles.get('', name);
    const rules = role && missingAggregation(role, roles.list());
    if (rules === undefined) return undefined;
    const body = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules };
    await client.patch(clusterRoles, { name }, { type: 'apply', body, force: true, fieldManager: NAME });
    return undefined;
  },
});

function aggregatedRoles(context: CacheReader): string[] {
  return context
    .lister<ClusterRole>(clusterRoles)
    .list()
    .filter(({ aggregationRule }) => aggregationRule !== undefined)
    .map(({ metadata }) => metadata.name ?? '');
}
