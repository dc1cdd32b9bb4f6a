import { describe, expect, it } from '@jest/globals';
import type { UserInfo } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import { named, rule, urls } from '../../api/rbac/bootstrap/builders.ts';
import { clusterRoleBindings } from '../../api/rbac/v1/cluster-role-binding.ts';
import { clusterRoles } from '../../api/rbac/v1/cluster-role.ts';
import { roleBindings } from '../../api/rbac/v1/role-binding.ts';
import { roles } from '../../api/rbac/v1/role.ts';
import type { PolicyRule } from '../../api/rbac/v1/validation.ts';
import type { AdmissionAttributes } from '../admission/admission.ts';
import { unionAuthorizer } from './authorizer.ts';
import { rbacEscalationCheck } from './escalation-check.ts';
import { confirmNoEscalation, ruleCovers, uncoveredRules } from './escalation.ts';
import { fakeListers } from './fake-listers.ts';
import { createRbac } from './rbac.ts';

const jane: UserInfo = { name: 'jane', groups: ['devs', 'system:authenticated'] };
const admin: UserInfo = { name: 'kubernetes-admin', groups: ['system:masters'] };

describe('ruleCovers()', () => {
  const pods = rule('get list', '', 'pods');
  it.each<[string, PolicyRule, PolicyRule, boolean]>([
    ['itself', pods, pods, true],
    ['fewer verbs', pods, rule('get', '', 'pods'), true],
    ['more verbs', pods, rule('get delete', '', 'pods'), false],
    ['all verbs', pods, rule('*', '', 'pods'), false],
    ['one verb of all', rule('*', '', 'pods'), rule('escalate', '', 'pods'), true],
    ['another group', pods, rule('get', 'apps', 'pods'), false],
    ['all groups', pods, rule('get', '*', 'pods'), false],
    ['all resources', pods, rule('get', '', '*'), false],
    ['a subresource', pods, rule('get', '', 'pods/log'), false],
    ['a subresource of all', rule('get', '', '*/log'), rule('get', '', 'pods/log'), true],
    ['another subresource of all', rule('get', '', '*/log'), rule('get', '', 'pods/exec'), false],
    ['subresources of all by one', rule('get', '', 'pods/log'), rule('get', '', '*/log'), false],
    ['a name of all', pods, named(pods, 'x'), true],
    ['all by a name', named(pods, 'x'), pods, false],
    ['another name', named(pods, 'x'), named(pods, 'x y'), false],
    ['a path', urls('get', '/a /b/*'), urls('get', '/b/c'), true],
    ['a path pattern', urls('get', '/b/*'), urls('get', '/b/c/*'), true],
    ['a wider path pattern', urls('get', '/b/*'), urls('get', '/*'), false],
    ['a resource by paths', urls('*', '*'), pods, false],
  ])('%s', (_, held, wanted, expected) => {
    expect(ruleCovers(held, wanted)).toBe(expected);
  });

  it('is not needed of one rule alone: several may cover together', () => {
    const held = [rule('get', '', 'pods'), rule('list', '', 'pods services')];
    expect(uncoveredRules(held, [rule('get list', '', 'pods')])).toEqual([]);
    expect(uncoveredRules(held, [rule('get list', '', 'pods services')])).toEqual([rule('get', '', 'services')]);
  });
});

describe('confirmNoEscalation() [A38]', () => {
  it('names what is missing as upstream does', () => {
    const wanted = [rule('get list', '', 'pods'), named(rule('get', '', 'secrets'), 'x'), urls('get', '/metrics')];
    expect(confirmNoEscalation(jane, { rules: [rule('get', '', 'nodes')], errors: [] }, wanted)).toBe(
      [
        'user "jane" (groups=["devs" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:',
        '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}',
        '{APIGroups:[""], Resources:["secrets"], ResourceNames:["x"], Verbs:["get"]}',
        '{NonResourceURLs:["/metrics"], Verbs:["get"]}',
      ].join('\n'),
    );
  });
});

interface Write {
  kind: Resource;
  object: object;
  oldObject?: object;
  user?: UserInfo;
  /** What jane has, in the whole cluster. */
  held?: PolicyRule[];
}

/** The message with which the write is refused; `undefined` when it is not. */
function refusal({ kind, object, oldObject, user = jane, held = [] }: Write): string | undefined {
  const { listers } = fakeListers({
    'clusterroles.rbac.authorization.k8s.io': [
      { metadata: { name: 'held' }, rules: held },
      { metadata: { name: 'reader' }, rules: [rule('get', '', 'secrets')] },
    ] as unknown as ApiObject[],
    'clusterrolebindings.rbac.authorization.k8s.io': [
      {
        metadata: { name: 'b' },
        roleRef: { kind: 'ClusterRole', name: 'held' },
        subjects: [{ kind: 'User', name: 'jane' }],
      },
    ] as unknown as ApiObject[],
  });
  const rbac = createRbac(listers);
  const check = rbacEscalationCheck({ rbac, authorize: unionAuthorizer([rbac.authorize]) });
  const withMetadata = (value: object): ApiObject => ({ metadata: { name: 'n' }, ...value });
  const attributes: AdmissionAttributes = {
    operation: oldObject === undefined ? 'CREATE' : 'UPDATE',
    resource: kind,
    subresource: '',
    namespace: kind.scope === 'Namespaced' ? 'web' : '',
    name: 'n',
    object: withMetadata(object),
    oldObject: oldObject === undefined ? undefined : withMetadata(oldObject),
    user,
    dryRun: false,
    warn: () => undefined,
  };
  try {
    void check.validate!(attributes);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const asKind = (kind: unknown): Resource => kind as Resource;
const ROLE = asKind(roles);
const CLUSTER_ROLE = asKind(clusterRoles);
const BINDING = asKind(roleBindings);
const CLUSTER_BINDING = asKind(clusterRoleBindings);

describe('rbacEscalationCheck() of roles', () => {
  const secrets = { rules: [rule('get', '', 'secrets')] };

  it('refuses rights that the author does not have', () => {
    expect(refusal({ kind: ROLE, object: secrets })).toBe(
      'roles.rbac.authorization.k8s.io "n" is forbidden: user "jane" (groups=["devs" "system:authenticated"]) ' +
        'is attempting to grant RBAC permissions not currently held:\n' +
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
    );
    expect(refusal({ kind: ROLE, object: secrets, held: [rule('get', '', 'pods')] })).toContain('not currently held');
  });

  it('allows rights that the author has, who may escalate, and superusers', () => {
    expect(refusal({ kind: ROLE, object: secrets, held: [rule('*', '', 'secrets')] })).toBeUndefined();
    const escalate = [rule('escalate', 'rbac.authorization.k8s.io', 'roles')];
    expect(refusal({ kind: ROLE, object: secrets, held: escalate })).toBeUndefined();
    expect(refusal({ kind: CLUSTER_ROLE, object: secrets, held: escalate })).toContain('not currently held');
    expect(refusal({ kind: CLUSTER_ROLE, object: secrets, user: admin })).toBeUndefined();
  });

  it('refuses more in an update, and allows one that changes no rule', () => {
    const update = { kind: ROLE, oldObject: secrets };
    expect(refusal({ ...update, object: { rules: [...secrets.rules, rule('*', '', 'pods')] } })).toContain('"pods"');
    expect(refusal({ ...update, object: { metadata: { name: 'n', labels: { a: 'b' } }, ...secrets } })).toBeUndefined();
  });

  it('lets only full authority set or keep an aggregation rule', () => {
    const aggregated = { aggregationRule: { clusterRoleSelectors: [{}] }, rules: [] };
    const message =
      'clusterroles.rbac.authorization.k8s.io "n" is forbidden: must have cluster-admin privileges to use the aggregationRule';
    expect(refusal({ kind: CLUSTER_ROLE, object: aggregated, held: [rule('get', '*', '*')] })).toBe(message);
    expect(refusal({ kind: CLUSTER_ROLE, object: { rules: [] }, oldObject: aggregated })).toBe(message);
    const all = [rule('*', '*', '*'), urls('*', '*')];
    expect(refusal({ kind: CLUSTER_ROLE, object: aggregated, held: all })).toBeUndefined();
  });
});

describe('rbacEscalationCheck() of bindings', () => {
  const toReader = { roleRef: { kind: 'ClusterRole', name: 'reader' }, subjects: [{ kind: 'User', name: 'jane' }] };

  it('refuses to bind a role with more rights than the author has', () => {
    expect(refusal({ kind: BINDING, object: toReader })).toMatch(
      /^rolebindings.rbac.authorization.k8s.io "n" is forbidden: user "jane" .*not currently held:\n.*"secrets"/,
    );
    expect(refusal({ kind: CLUSTER_BINDING, object: toReader })).toContain('not currently held');
  });

  it('refuses further subjects in an update', () => {
    const more = { ...toReader, subjects: [...toReader.subjects, { kind: 'Group', name: 'devs' }] };
    expect(refusal({ kind: BINDING, object: more, oldObject: toReader })).toContain('not currently held');
  });

  it('allows it to who has the rights or may bind that role', () => {
    const bind = (name: string): PolicyRule[] => [
      named(rule('bind', 'rbac.authorization.k8s.io', 'clusterroles'), name),
    ];
    expect(refusal({ kind: BINDING, object: toReader, held: [rule('get', '', 'secrets')] })).toBeUndefined();
    expect(refusal({ kind: BINDING, object: toReader, held: bind('reader') })).toBeUndefined();
    expect(refusal({ kind: BINDING, object: toReader, held: bind('other') })).toContain('not currently held');
  });

  it('refuses to bind a role that is not there', () => {
    const object = { ...toReader, roleRef: { kind: 'Role', name: 'later' } };
    expect(refusal({ kind: BINDING, object })).toBe('role.rbac.authorization.k8s.io "later" not found');
    expect(refusal({ kind: BINDING, object, user: admin })).toBeUndefined();
  });

  it('lets the garbage collector take finalizers off, and nothing else with them', () => {
    const oldObject = { ...toReader, metadata: { name: 'n', finalizers: ['f'] } };
    expect(refusal({ kind: BINDING, object: { ...toReader, metadata: { name: 'n' } }, oldObject })).toBeUndefined();
    const subjects = [{ kind: 'Group', name: 'devs' }];
    const object = { ...toReader, subjects, metadata: { name: 'n' } };
    expect(refusal({ kind: BINDING, object, oldObject })).toContain('not currently held');
  });
});
