/**
 * Brings the default roles and bindings into the API at start: makes those that are missing, and gives back rules and
 * subjects that were taken away, but takes nothing away itself
 * (upstream component-helpers `auth/rbac/reconciliation/reconcile_role.go` and `reconcile_rolebindings.go`).
 */
import { deepEqual } from '../../api/machinery/equality.ts';
import { isAlreadyExists } from '../../api/machinery/errors.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { bootstrapRbacObjects } from '../../api/rbac/bootstrap/bootstrap-objects.ts';
import { AUTOUPDATE_ANNOTATION } from '../../api/rbac/bootstrap/builders.ts';
import type { ClusterRole } from '../../api/rbac/v1/cluster-role.ts';
import type { BindingContent, PolicyRule } from '../../api/rbac/v1/validation.ts';
import { uncoveredRules } from './escalation.ts';

export type RbacKind = 'ClusterRole' | 'ClusterRoleBinding' | 'Role' | 'RoleBinding';

/** The three verbs that reconciling takes. `create` and `update` throw `ApiError`. */
export interface RbacWriter {
  get(kind: RbacKind, name: { namespace: string; name: string }): Promise<ApiObject | undefined>;
  create(kind: RbacKind, object: ApiObject): Promise<unknown>;
  update(kind: RbacKind, object: ApiObject): Promise<unknown>;
}

export interface ReconcileResult {
  created: number;
  updated: number;
}

/** The namespaces kube-system and kube-public must exist. All writes are under way at once. */
export async function reconcileBootstrapRbac(writer: RbacWriter): Promise<ReconcileResult> {
  const { clusterRoles, clusterRoleBindings, roles, roleBindings } = bootstrapRbacObjects();
  const wanted: [RbacKind, readonly ApiObject[]][] = [
    ['ClusterRole', clusterRoles],
    ['Role', roles],
    ['ClusterRoleBinding', clusterRoleBindings],
    ['RoleBinding', roleBindings],
  ];
  const outcomes = await Promise.all(
    wanted.flatMap(([kind, objects]) => objects.map((object) => reconcileOne(writer, kind, object))),
  );
  const count = (outcome: string): number => outcomes.filter((one) => one === outcome).length;
  return { created: count('created'), updated: count('updated') };
}

type Outcome = 'created' | 'updated' | 'unchanged';

async function reconcileOne(writer: RbacWriter, kind: RbacKind, wanted: ApiObject): Promise<Outcome> {
  const { namespace = '', name = '' } = wanted.metadata;
  const present = await writer.get(kind, { namespace, name });
  if (present === undefined) return createOne(writer, kind, wanted);
  const isRole = kind === 'ClusterRole' || kind === 'Role';
  const next = isRole
    ? reconciledRole(present as ClusterRole, wanted as ClusterRole)
    : reconciledBinding(present, wanted);
  if (next === undefined) return 'unchanged';
  await writer.update(kind, next);
  return 'updated';
}

/** Another API server of the cluster may have been first. */
async function createOne(writer: RbacWriter, kind: RbacKind, wanted: ApiObject): Promise<Outcome> {
  try {
    await writer.create(kind, wanted);
    return 'created';
  } catch (error) {
    if (isAlreadyExists(error)) return 'unchanged';
    throw error;
  }
}

/** The role as it should be; `undefined` when nothing is missing, or when its annotation forbids changing it. */
export function reconciledRole(present: ClusterRole, wanted: ClusterRole): ClusterRole | undefined {
  if (isProtected(present)) return undefined;
  const next: ClusterRole = { ...present, metadata: withMetadataOf(present, wanted) };
  if (wanted.aggregationRule === undefined) {
    const missing = missingRules(present.rules ?? [], wanted.rules ?? []);
    if (missing.length > 0) next.rules = [...(present.rules ?? []), ...missing];
  } else {
    // The rules themselves are the aggregation controller's.
    const selectors = present.aggregationRule?.clusterRoleSelectors ?? [];
    const missing = (wanted.aggregationRule.clusterRoleSelectors ?? []).filter(
      (selector) => !selectors.some((existing) => deepEqual(existing, selector)),
    );
    if (missing.length > 0) next.aggregationRule = { clusterRoleSelectors: [...selectors, ...missing] };
  }
  return deepEqual(next, present) ? undefined : next;
}

/** Whole rules of `wanted` that `present` does not cover. */
function missingRules(present: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.filter((rule) => uncoveredRules(present, [rule]).length > 0);
}

/** A binding to another role is left alone: its role cannot be changed, and somebody meant it. */
export function reconciledBinding(present: ApiObject, wanted: ApiObject): ApiObject | undefined {
  if (isProtected(present)) return undefined;
  const binding = present as ApiObject & BindingContent;
  const { roleRef, subjects = [] } = wanted as ApiObject & BindingContent;
  if (!deepEqual(binding.roleRef, roleRef)) return undefined;
  const existing = binding.subjects ?? [];
  const missing = subjects.filter((subject) => !existing.some((one) => deepEqual(one, subject)));
  const next = {
    ...binding,
    metadata: withMetadataOf(present, wanted),
    ...(missing.length > 0 && { subjects: [...existing, ...missing] }),
  };
  return deepEqual(next, present) ? undefined : next;
}

function isProtected(object: ApiObject): boolean {
  return object.metadata.annotations?.[AUTOUPDATE_ANNOTATION] === 'false';
}

function withMetadataOf(present: ApiObject, wanted: ApiObject): ApiObject['metadata'] {
  return {
    ...present.metadata,
    labels: { ...present.metadata.labels, ...wanted.metadata.labels },
    annotations: { ...present.metadata.annotations, ...wanted.metadata.annotations },
  };
}
