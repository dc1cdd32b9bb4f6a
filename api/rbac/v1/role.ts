/** Role: rights within a namespace. */
import type { V1Role } from '@kubernetes/client-node';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import { validatePathSegmentName } from '../../machinery/validation.ts';
import { createdAtColumn } from '../../table-cells.ts';
import { RBAC_GROUP, validatePolicyRules } from './validation.ts';

export type Role = WireObject<V1Role>;

export const roles = defineResource<Role>({
  group: RBAC_GROUP,
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'roles', singular: 'role', kind: 'Role' },
  schema: 'V1Role',
  additionalPrinterColumns: [createdAtColumn()],
  strategy: {
    validateName: validatePathSegmentName,
    validate: ({ rules }) => validatePolicyRules(rules ?? [], true),
    validateUpdate: ({ rules }) => validatePolicyRules(rules ?? [], true),
    allowCreateOnUpdate: true,
  },
});
