/**
 * RBAC: a request is allowed when a role that a binding gives to the user has a rule for it
 * (upstream `plugin/pkg/auth/authorizer/rbac/rbac.go`). Reasons have upstream's wording.
 */
import type { Listers, UserInfo } from '../../api/machinery/handler.ts';
import type { PolicyRule, RoleRef } from '../../api/rbac/v1/validation.ts';
import type { Authorizer } from './authorizer.ts';
import { RuleIndex } from './policy-rules.ts';
import type { Grant } from './rbac-grants.ts';
import { RbacGrants, describeGrant } from './rbac-grants.ts';

/** What a user may do, for SelfSubjectRulesReview and the check against escalation. */
export interface UserRules {
  rules: PolicyRule[];
  /** Roles that bindings name and that are missing; the rules are then incomplete. */
  errors: string[];
}

export interface Rbac {
  authorize: Authorizer;
  /** In the whole cluster and, unless it is empty, in `namespace`. */
  rulesFor(user: UserInfo, namespace: string): UserRules;
  /** The rules of the role that a binding in `namespace` names; `undefined` when there is no such role. */
  rulesOfRole(roleRef: RoleRef, namespace: string): readonly PolicyRule[] | undefined;
}

/** What one user has in one namespace, or in the whole cluster. */
interface UserIndex {
  rules: RuleIndex<Grant>;
  errors: readonly string[];
}

/** Users and namespaces whose rules are kept; a busy cluster has some hundreds. */
const MAX_KEPT = 10_000;

export function rbacAuthorizer(listers: Listers): Authorizer {
  return createRbac(listers).authorize;
}

export function createRbac(listers: Listers): Rbac {
  const grants = new RbacGrants(listers);
  const clusterIndexOf = keptIndexes(() => grants.clusterVersion(), grants);
  const namespaceIndexOf = keptIndexes(() => grants.namespaceVersion(), grants);
  return {
    authorize(attributes) {
      const { user, namespace } = attributes;
      const inCluster = clusterIndexOf(user, '');
      const found = inCluster.rules.find(attributes);
      if (found !== undefined) return allow(found.grant);
      if (namespace === '') return noOpinion(inCluster.errors);
      const inNamespace = namespaceIndexOf(user, namespace);
      const foundThere = inNamespace.rules.find(attributes);
      return foundThere === undefined
        ? noOpinion([...inCluster.errors, ...inNamespace.errors])
        : allow(foundThere.grant);
    },
    rulesFor(user, namespace) {
      const found: UserRules = { rules: [], errors: [] };
      for (const scope of namespace === '' ? [''] : ['', namespace]) {
        for (const grant of grants.grantsOf(user, scope)) {
          const result = grants.rulesOf(grant.binding.roleRef, scope);
          if ('missing' in result) found.errors.push(result.missing);
          else found.rules.push(...result.rules);
        }
      }
      return found;
    },
    rulesOfRole(roleRef, namespace) {
      const result = grants.rulesOf(roleRef, namespace);
      return 'rules' in result ? result.rules : undefined;
    },
  };
}

function allow(grant: Grant): ReturnType<Authorizer> {
  return { decision: 'allow', reason: `RBAC: allowed by ${describeGrant(grant)}` };
}

/** Several errors are written as Go's aggregate of errors is. */
function noOpinion(errors: readonly string[]): ReturnType<Authorizer> {
  const distinct = [...new Set(errors)];
  const text = distinct.length > 1 ? `[${distinct.join(', ')}]` : (distinct[0] ?? '');
  return { decision: 'no-opinion', reason: text === '' ? '' : `RBAC: ${text}` };
}

/** Keeps users' indexes until `version` changes. */
function keptIndexes(version: () => number, grants: RbacGrants): (user: UserInfo, namespace: string) => UserIndex {
  let keptVersion = 0;
  const kept = new Map<string, UserIndex>();
  return (user, namespace) => {
    const now = version();
    if (now !== keptVersion || kept.size >= MAX_KEPT) {
      kept.clear();
      keptVersion = now;
    }
    const key = keyOf(user, namespace);
    let index = kept.get(key);
    if (index === undefined) kept.set(key, (index = indexOf(grants, user, namespace)));
    return index;
  };
}

const userKeys = new WeakMap<UserInfo, string>();

/** Unambiguous whatever names and groups hold: they come from tokens and certificates. */
function keyOf(user: UserInfo, namespace: string): string {
  let key = userKeys.get(user);
  if (key === undefined) userKeys.set(user, (key = JSON.stringify([user.name, user.groups])));
  return `${key}${namespace}`;
}

function indexOf(grants: RbacGrants, user: UserInfo, namespace: string): UserIndex {
  const rules = new RuleIndex<Grant>();
  const errors: string[] = [];
  for (const grant of grants.grantsOf(user, namespace)) {
    const result = grants.rulesOf(grant.binding.roleRef, namespace);
    if ('missing' in result) errors.push(result.missing);
    else for (const rule of result.rules) rules.add(rule, grant);
  }
  return { rules, errors };
}
