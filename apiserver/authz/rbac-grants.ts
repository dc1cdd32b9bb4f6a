/**
 * Which bindings give a user which roles (upstream `pkg/registry/rbac/validation/rule.go`, `VisitRulesFor`). What is
 * read from the listers is kept until they change.
 */
import type { Lister, Listers, UserInfo } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { ClusterRoleBinding } from '../../api/rbac/v1/cluster-role-binding.ts';
import type { ClusterRole } from '../../api/rbac/v1/cluster-role.ts';
import type { RoleBinding } from '../../api/rbac/v1/role-binding.ts';
import type { Role } from '../../api/rbac/v1/role.ts';
import type { PolicyRule, RoleRef, Subject } from '../../api/rbac/v1/validation.ts';
import { RBAC_GROUP } from '../../api/rbac/v1/validation.ts';

/** A binding that applies to a user, through one of its subjects. */
export interface Grant {
  binding: ClusterRoleBinding | RoleBinding;
  subject: Subject;
  /** `''` for a ClusterRoleBinding. */
  namespace: string;
}

interface IndexedGrant extends Grant {
  bindingOrder: number;
  subjectOrder: number;
}

type SubjectIndex = Map<string, IndexedGrant[]>;

/** Bindings and roles as the listers have them now. */
export class RbacGrants {
  readonly #clusterBindings: Lister<ClusterRoleBinding>;
  readonly #bindings: Lister<RoleBinding>;
  readonly #clusterRoles: Lister<ClusterRole>;
  readonly #roles: Lister<Role>;
  readonly #clusterIndex: () => Versioned<SubjectIndex>;
  readonly #namespaceIndexes: () => Versioned<Map<string, SubjectIndex>>;
  readonly #clusterRoleVersion: () => number;
  readonly #roleVersion: () => number;

  constructor(listers: Listers) {
    this.#clusterBindings = listers({ group: RBAC_GROUP, plural: 'clusterrolebindings' });
    this.#bindings = listers({ group: RBAC_GROUP, plural: 'rolebindings' });
    this.#clusterRoles = listers({ group: RBAC_GROUP, plural: 'clusterroles' });
    this.#roles = listers({ group: RBAC_GROUP, plural: 'roles' });
    this.#clusterIndex = whileUnchanged(this.#clusterBindings, () => indexBySubject(this.#clusterBindings.list(), ''));
    this.#namespaceIndexes = whileUnchanged(this.#bindings, () => new Map<string, SubjectIndex>());
    const clusterRoles = whileUnchanged(this.#clusterRoles, () => undefined);
    const roles = whileUnchanged(this.#roles, () => undefined);
    this.#clusterRoleVersion = () => clusterRoles().version;
    this.#roleVersion = () => roles().version;
  }

  /** Rises when what cluster-wide bindings give may have changed. */
  clusterVersion(): number {
    return this.#clusterIndex().version + this.#clusterRoleVersion();
  }

  /** Rises when what bindings of any namespace give may have changed. */
  namespaceVersion(): number {
    return this.#namespaceIndexes().version + this.#clusterRoleVersion() + this.#roleVersion();
  }

  /** The ClusterRoleBindings of a user for `namespace` `''`, else the RoleBindings; in the order of their names. */
  grantsOf(user: UserInfo, namespace: string): Grant[] {
    const index = namespace === '' ? this.#clusterIndex().value : this.#namespaceIndex(namespace);
    const found = new Map<number, IndexedGrant>();
    for (const key of [`User:${user.name}`, ...user.groups.map((group) => `Group:${group}`)]) {
      for (const grant of index.get(key) ?? []) {
        const present = found.get(grant.bindingOrder);
        if (present === undefined || grant.subjectOrder < present.subjectOrder) found.set(grant.bindingOrder, grant);
      }
    }
    return [...found.values()].sort((a, b) => a.bindingOrder - b.bindingOrder);
  }

  /** The rules of a role; a message when there is no such role. */
  rulesOf(roleRef: RoleRef, namespace: string): { rules: readonly PolicyRule[] } | { missing: string } {
    const isRole = roleRef.kind === 'Role';
    const role = isRole ? this.#roles.get(namespace, roleRef.name) : this.#clusterRoles.get('', roleRef.name);
    if (role !== undefined) return { rules: role.rules ?? [] };
    return { missing: `${isRole ? 'role' : 'clusterrole'}.${RBAC_GROUP} ${JSON.stringify(roleRef.name)} not found` };
  }

  #namespaceIndex(namespace: string): SubjectIndex {
    const indexes = this.#namespaceIndexes().value;
    let index = indexes.get(namespace);
    if (index === undefined) {
      index = indexBySubject(this.#bindings.list({ namespace }), namespace);
      // Names of namespaces come from clients: those without bindings are not kept.
      if (index.size > 0) indexes.set(namespace, index);
    }
    return index;
  }
}

/** `ClusterRoleBinding "x" of ClusterRole "y" to User "z"` (upstream `clusterRoleBindingDescriber`). */
export function describeGrant({ binding, subject, namespace }: Grant): string {
  const quote = JSON.stringify;
  const inNamespace = (name: string, home: string): string => quote(home === '' ? name : `${name}/${home}`);
  const kind = namespace === '' ? 'ClusterRoleBinding' : 'RoleBinding';
  const owner =
    subject.kind === 'ServiceAccount' ? inNamespace(subject.name, subject.namespace || namespace) : quote(subject.name);
  const { roleRef, metadata } = binding;
  const bindingName = inNamespace(metadata.name ?? '', namespace);
  return `${kind} ${bindingName} of ${roleRef.kind} ${quote(roleRef.name)} to ${subject.kind} ${owner}`;
}

function indexBySubject(bindings: readonly (ClusterRoleBinding | RoleBinding)[], namespace: string): SubjectIndex {
  const index: SubjectIndex = new Map();
  bindings.forEach((binding, bindingOrder) => {
    binding.subjects?.forEach((subject, subjectOrder) => {
      const key = subjectKey(subject, namespace);
      if (key === undefined) return;
      const grant = { binding, subject, namespace, bindingOrder, subjectOrder };
      const grants = index.get(key);
      if (grants === undefined) index.set(key, [grant]);
      else grants.push(grant);
    });
  });
  return index;
}

function subjectKey(subject: Subject, bindingNamespace: string): string | undefined {
  switch (subject.kind) {
    case 'User':
      return `User:${subject.name}`;
    case 'Group':
      return `Group:${subject.name}`;
    case 'ServiceAccount': {
      const namespace = subject.namespace || bindingNamespace;
      return namespace === '' ? undefined : `User:system:serviceaccount:${namespace}:${subject.name}`;
    }
    default:
      return undefined;
  }
}

export interface Versioned<T> {
  value: T;
  version: number;
}

/**
 * `compute`, run again only when the lister's objects have changed. Without a `generation` every call compares all
 * objects by identity, which is right but slower.
 */
export function whileUnchanged<T>(lister: Lister<ApiObject>, compute: () => T): () => Versioned<T> {
  let seen: { generation: number | undefined; objects: readonly ApiObject[] } | undefined;
  let current: Versioned<T> | undefined;
  return () => {
    const { generation } = lister;
    if (current !== undefined && generation !== undefined && generation === seen?.generation) return current;
    const objects = generation === undefined ? lister.list() : [];
    if (current !== undefined && generation === undefined && isSame(seen?.objects ?? [], objects)) return current;
    seen = { generation, objects };
    return (current = { value: compute(), version: (current?.version ?? 0) + 1 });
  };
}

function isSame(a: readonly ApiObject[], b: readonly ApiObject[]): boolean {
  return a.length === b.length && a.every((object, i) => object === b[i]);
}
