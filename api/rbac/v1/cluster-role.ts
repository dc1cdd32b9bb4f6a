/** ClusterRole: rights in the whole cluster; its rules may be gathered from other ClusterRoles. */
import type { V1ClusterRole } from '@kubernetes/client-node';
import { fieldPath, invalid, required } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { validateLabelSelector, validatePathSegmentName } from '../../machinery/validation.ts';
import { createdAtColumn } from '../../table-cells.ts';
import { RBAC_GROUP, validatePolicyRules } from './validation.ts';

export type ClusterRole = WireObject<V1ClusterRole>;

export const clusterRoles = defineResource<ClusterRole>({
  group: RBAC_GROUP,
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'clusterroles', singular: 'clusterrole', kind: 'ClusterRole' },
  schema: 'V1ClusterRole',
  additionalPrinterColumns: [createdAtColumn()],
  strategy: {
    validateName: validatePathSegmentName,
    validate: validateClusterRole,
    validateUpdate: validateClusterRole,
    allowCreateOnUpdate: true,
  },
});

function validateClusterRole({ rules = [], aggregationRule }: ClusterRole): FieldError[] {
  const errors = validatePolicyRules(rules ?? [], false);
  if (!aggregationRule) return errors;
  const path = fieldPath('aggregationRule', 'clusterRoleSelectors');
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  if (selectors.length === 0) {
    errors.push(required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil'));
  }
  selectors.forEach((selector, i) => {
    const problems = validateLabelSelector(selector, path.index(i));
    errors.push(...problems);
    // Upstream prints the selector that it failed to make of it.
    if (problems.length > 0) errors.push(invalid(path.index(i), null, 'invalid label selector.'));
  });
  return errors;
}
