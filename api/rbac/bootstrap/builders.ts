/** The words in which the tables of default roles and bindings are written. Lists are separated by spaces. */
import type { ObjectMeta } from '../../machinery/meta.ts';
import type { ClusterRoleBinding } from '../v1/cluster-role-binding.ts';
import type { ClusterRole } from '../v1/cluster-role.ts';
import type { RoleBinding } from '../v1/role-binding.ts';
import type { Role } from '../v1/role.ts';
import type { PolicyRule, Subject } from '../v1/validation.ts';
import { RBAC_GROUP } from '../v1/validation.ts';

/** `false` on an object keeps it from being reconciled at start. */
export const AUTOUPDATE_ANNOTATION = 'rbac.authorization.kubernetes.io/autoupdate';

const API_VERSION = `${RBAC_GROUP}/v1`;
const AGGREGATE_LABEL = `${RBAC_GROUP}/aggregate-to-`;
const CONTROLLER_PREFIX = 'system:controller:';

export const READ = 'get list watch';
export const WRITE = 'create delete deletecollection patch update';
export const ALL = 'create delete deletecollection get list patch update watch';
/** Events are served by two groups. */
export const EVENTS: readonly string[] = ['', 'events.k8s.io'];

const words = (text: string): string[] => text.split(' ');

/** `groups` is one API group, `''` for the core, or several. */
export function rule(verbs: string, groups: string | readonly string[], resources: string): PolicyRule {
  const apiGroups = typeof groups === 'string' ? [groups] : [...groups];
  return { apiGroups, resources: words(resources), verbs: words(verbs) };
}

/** The rule, for objects of these names only. */
export function named(narrowed: PolicyRule, names: string): PolicyRule {
  return { ...narrowed, resourceNames: words(names) };
}

/** Paths outside the API groups. */
export function urls(verbs: string, paths: string): PolicyRule {
  return { nonResourceURLs: words(paths), verbs: words(verbs) };
}

export function clusterRole(name: string, rules: PolicyRule[]): ClusterRole {
  return { apiVersion: API_VERSION, kind: 'ClusterRole', metadata: metadata({ name }), rules };
}

/** A role whose rules are gathered from the roles labelled for it. */
export function aggregatedRole(name: string): ClusterRole {
  const clusterRoleSelectors = [{ matchLabels: { [AGGREGATE_LABEL + name]: 'true' } }];
  return { ...clusterRole(name, []), aggregationRule: { clusterRoleSelectors } };
}

/** The role, with the label by which the role `target` gathers its rules. */
export function aggregatedTo(target: string, role: ClusterRole): ClusterRole {
  const labels = { ...role.metadata.labels, [AGGREGATE_LABEL + target]: 'true' };
  return { ...role, metadata: { ...role.metadata, labels } };
}

export function controllerRole(name: string, rules: PolicyRule[]): ClusterRole {
  return clusterRole(CONTROLLER_PREFIX + name, rules);
}

export function namespaceRole(names: { namespace: string; name: string }, rules: PolicyRule[]): Role {
  return { apiVersion: API_VERSION, kind: 'Role', metadata: metadata(names), rules };
}

/** Gives the cluster role of the same name. */
export function clusterRoleBinding(name: string, subjects: Subject[]): ClusterRoleBinding {
  const roleRef = { apiGroup: RBAC_GROUP, kind: 'ClusterRole', name };
  return { apiVersion: API_VERSION, kind: 'ClusterRoleBinding', metadata: metadata({ name }), roleRef, subjects };
}

/** Gives a controller's role to its service account. */
export function controllerRoleBinding(role: ClusterRole): ClusterRoleBinding {
  const name = role.metadata.name!;
  return clusterRoleBinding(name, [account(name.slice(CONTROLLER_PREFIX.length))]);
}

export function roleBinding(
  { namespace, name, role }: { namespace: string; name: string; role: string },
  subjects: Subject[],
): RoleBinding {
  const roleRef = { apiGroup: RBAC_GROUP, kind: 'Role', name: role };
  return { apiVersion: API_VERSION, kind: 'RoleBinding', metadata: metadata({ namespace, name }), roleRef, subjects };
}

export function user(name: string): Subject {
  return { apiGroup: RBAC_GROUP, kind: 'User', name };
}

export function group(name: string): Subject {
  return { apiGroup: RBAC_GROUP, kind: 'Group', name };
}

/** A service account in kube-system. */
export function account(name: string): Subject {
  return { kind: 'ServiceAccount', name, namespace: 'kube-system' };
}

function metadata(names: { namespace?: string; name: string }): ObjectMeta {
  return {
    ...names,
    annotations: { [AUTOUPDATE_ANNOTATION]: 'true' },
    labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' },
  };
}
