import { describe, expect, it } from '@jest/globals';
import type { UserInfo } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { bootstrapRbacObjects } from '../../api/rbac/bootstrap/bootstrap-objects.ts';
import { named, rule, urls } from '../../api/rbac/bootstrap/builders.ts';
import type { PolicyRule, Subject } from '../../api/rbac/v1/validation.ts';
import type { Attributes, AuthorizeResult } from './authorizer.ts';
import type { FakeListers } from './fake-listers.ts';
import { fakeListers } from './fake-listers.ts';
import { createRbac, rbacAuthorizer } from './rbac.ts';

const jane: UserInfo = { name: 'jane', groups: ['devs', 'system:authenticated'] };
const robot: UserInfo = { name: 'system:serviceaccount:ci:robot', groups: ['system:serviceaccounts'] };

/** `get pods/log in web named a`, `get /healthz` */
function request(user: UserInfo, text: string, apiGroup = ''): Attributes {
  const [verb = '', target = '', , namespace = '', , name = ''] = text.split(' ');
  const [resource = '', subresource = ''] = target.split('/');
  const isResourceRequest = !target.startsWith('/');
  const base = { user, verb, isResourceRequest, apiGroup, apiVersion: 'v1', namespace, name };
  return isResourceRequest
    ? { ...base, resource, subresource, path: '' }
    : { ...base, resource: '', subresource: '', path: target };
}

const role = (kind: 'Role' | 'ClusterRole', name: string, rules: PolicyRule[], namespace?: string): ApiObject =>
  ({ kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, rules }) as ApiObject;

function binding(name: string, roleName: string, subjects: Subject[], namespace?: string): ApiObject {
  const [kind, plainName] = roleName.split('/') as [string, string];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind, name: plainName };
  return { metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, roleRef, subjects } as ApiObject;
}

const user = (name: string): Subject => ({ kind: 'User', name });
const group = (name: string): Subject => ({ kind: 'Group', name });
const account = (name: string, namespace?: string): Subject =>
  ({ kind: 'ServiceAccount', name, ...(namespace === undefined ? {} : { namespace }) }) as Subject;

interface Given {
  clusterRoles?: ApiObject[];
  clusterBindings?: ApiObject[];
  roles?: ApiObject[];
  bindings?: ApiObject[];
}

function given({ clusterRoles, clusterBindings, roles, bindings }: Given, withGenerations = true): FakeListers {
  return fakeListers(
    {
      'clusterroles.rbac.authorization.k8s.io': clusterRoles ?? [],
      'clusterrolebindings.rbac.authorization.k8s.io': clusterBindings ?? [],
      'roles.rbac.authorization.k8s.io': roles ?? [],
      'rolebindings.rbac.authorization.k8s.io': bindings ?? [],
    },
    { withGenerations },
  );
}

/** Whether jane may, having `rules` in the whole cluster. */
function janeMay(rules: PolicyRule[], text: string, apiGroup = ''): boolean {
  const { listers } = given({
    clusterRoles: [role('ClusterRole', 'r', rules)],
    clusterBindings: [binding('b', 'ClusterRole/r', [user('jane')])],
  });
  return rbacAuthorizer(listers)(request(jane, text, apiGroup)).decision === 'allow';
}

describe('rbacAuthorizer() matches rules', () => {
  it.each<[string, PolicyRule, string, string, boolean]>([
    ['verb', rule('get', '', 'pods'), 'get pods in a', '', true],
    ['another verb', rule('get', '', 'pods'), 'list pods in a', '', false],
    ['any verb', rule('*', '', 'pods'), 'escalate pods in a', '', true],
    ['another group', rule('get', 'apps', 'deployments'), 'get deployments in a', 'batch', false],
    ['any group', rule('get', '*', 'deployments'), 'get deployments in a', 'batch', true],
    ['any resource', rule('get', '', '*'), 'get pods/log in a', '', true],
    ['a resource without its subresource', rule('get', '', 'pods'), 'get pods/log in a', '', false],
    ['a subresource without its resource', rule('get', '', 'pods/log'), 'get pods in a', '', false],
    ['a subresource', rule('get', '', 'pods/log'), 'get pods/log in a', '', true],
    ['a subresource of all', rule('update', '*', '*/scale'), 'update deployments/scale in a', 'apps', true],
    ['a subresource of all, not another', rule('update', '*', '*/scale'), 'update pods/status in a', '', false],
    ['a resource that looks like a pattern', rule('get', '', 'pods/*'), 'get pods/log in a', '', false],
    ['a name', named(rule('get', '', 'secrets'), 'x y'), 'get secrets in a named y', '', true],
    ['another name', named(rule('get', '', 'secrets'), 'x'), 'get secrets in a named xx', '', false],
    ['a name when none is asked for', named(rule('list', '', 'secrets'), 'x'), 'list secrets in a', '', false],
    ['a path', urls('get', '/healthz'), 'get /healthz', '', true],
    ['a longer path', urls('get', '/healthz'), 'get /healthz/etcd', '', false],
    ['a path pattern', urls('get', '/healthz/*'), 'get /healthz/etcd', '', true],
    ['a path above the pattern', urls('get', '/healthz/*'), 'get /healthz', '', false],
    ['any path', urls('get', '*'), 'get /metrics', '', true],
    ['a star that is not last', urls('get', '/a/*/b'), 'get /a/x/b', '', false],
    ['a path that a resource rule does not give', rule('*', '*', '*'), 'get /metrics', '', false],
    ['a resource that a path rule does not give', urls('*', '*'), 'get pods in a', '', false],
    ['a property of objects', rule('get', '', 'constructor'), 'get __proto__ in a', '', false],
  ])('%s', (_, given, text, apiGroup, expected) => {
    expect(janeMay([given], text, apiGroup)).toBe(expected);
  });
});

describe('rbacAuthorizer() applies bindings [A38]', () => {
  const pods = role('ClusterRole', 'pods', [rule('get', '', 'pods')]);
  const decide = (objects: Given, attributes: Attributes): AuthorizeResult =>
    rbacAuthorizer(given(objects).listers)(attributes);

  it('says which binding of which role to whom', () => {
    const objects = { clusterRoles: [pods], clusterBindings: [binding('b', 'ClusterRole/pods', [user('jane')])] };
    expect(decide(objects, request(jane, 'get pods in web'))).toEqual({
      decision: 'allow',
      reason: 'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "pods" to User "jane"',
    });
  });

  it('of a namespace in that namespace only', () => {
    const objects = {
      clusterRoles: [pods],
      bindings: [binding('b', 'ClusterRole/pods', [group('devs')], 'web')],
    };
    expect(decide(objects, request(jane, 'get pods in web'))).toEqual({
      decision: 'allow',
      reason: 'RBAC: allowed by RoleBinding "b/web" of ClusterRole "pods" to Group "devs"',
    });
    expect(decide(objects, request(jane, 'get pods in other'))).toEqual({ decision: 'no-opinion', reason: '' });
    expect(decide(objects, request(jane, 'get pods')).decision).toBe('no-opinion');
  });

  it('to service accounts of their own or the named namespace', () => {
    const roles = [role('Role', 'pods', [rule('get', '', 'pods')], 'ci')];
    const own = decide(
      { roles, bindings: [binding('b', 'Role/pods', [account('robot')], 'ci')] },
      request(robot, 'get pods in ci'),
    );
    expect(own.reason).toBe('RBAC: allowed by RoleBinding "b/ci" of Role "pods" to ServiceAccount "robot/ci"');
    const foreign = binding('b', 'Role/pods', [account('robot', 'other')], 'ci');
    expect(decide({ roles, bindings: [foreign] }, request(robot, 'get pods in ci')).decision).toBe('no-opinion');
    const nowhere = { clusterRoles: [pods], clusterBindings: [binding('b', 'ClusterRole/pods', [account('robot')])] };
    expect(decide(nowhere, request(robot, 'get pods in ci')).decision).toBe('no-opinion');
  });

  it('does not take a user for a group or a group for a user', () => {
    const subjects = [user('devs'), group('jane')];
    const objects = { clusterRoles: [pods], clusterBindings: [binding('b', 'ClusterRole/pods', subjects)] };
    expect(decide(objects, request(jane, 'get pods in web')).decision).toBe('no-opinion');
  });

  it('does not use a Role of another namespace', () => {
    const roles = [role('Role', 'pods', [rule('get', '', 'pods')], 'other')];
    const objects = { roles, bindings: [binding('b', 'Role/pods', [user('jane')], 'web')] };
    expect(decide(objects, request(jane, 'get pods in web'))).toEqual({
      decision: 'no-opinion',
      reason: 'RBAC: role.rbac.authorization.k8s.io "pods" not found',
    });
  });

  it('names missing roles, each once, and goes on with the others', () => {
    const missing = [
      binding('a', 'ClusterRole/gone', [user('jane')]),
      binding('b', 'ClusterRole/gone', [group('devs')]),
      binding('c', 'ClusterRole/lost', [user('jane')]),
    ];
    const denied = decide({ clusterBindings: missing }, request(jane, 'get pods in web'));
    expect(denied.reason).toBe(
      'RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found, clusterrole.rbac.authorization.k8s.io "lost" not found]',
    );
    const objects = {
      clusterRoles: [pods],
      clusterBindings: [...missing, binding('d', 'ClusterRole/pods', [user('jane')])],
    };
    expect(decide(objects, request(jane, 'get pods in web')).decision).toBe('allow');
  });

  it('answers with the first binding and its first subject that fit', () => {
    const objects = {
      clusterRoles: [pods, role('ClusterRole', 'all', [rule('*', '*', '*')])],
      clusterBindings: [
        binding('a', 'ClusterRole/all', [group('nobody')]),
        binding('b', 'ClusterRole/all', [group('devs'), user('jane')]),
        binding('c', 'ClusterRole/pods', [user('jane')]),
      ],
    };
    expect(decide(objects, request(jane, 'get pods in web')).reason).toBe(
      'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "all" to Group "devs"',
    );
  });

  it('keeps users apart whose names and groups read the same when joined', () => {
    const objects = { clusterRoles: [pods], clusterBindings: [binding('b', 'ClusterRole/pods', [group('b')])] };
    const authorize = rbacAuthorizer(given(objects).listers);
    expect(authorize(request({ name: 'a', groups: ['b'] }, 'get pods')).decision).toBe('allow');
    expect(authorize(request({ name: 'a","b', groups: [] }, 'get pods')).decision).toBe('no-opinion');
    expect(authorize(request({ name: 'a', groups: [] }, 'get pods')).decision).toBe('no-opinion');
  });
});

describe.each([true, false])('rbacAuthorizer() follows changes (listers with a generation: %s)', (generations) => {
  const pods = role('ClusterRole', 'pods', [rule('get', '', 'pods')]);
  const may = (authorize: ReturnType<typeof rbacAuthorizer>): boolean =>
    authorize(request(jane, 'get pods in web')).decision === 'allow';

  it('of bindings and of roles', () => {
    const fake = given({}, generations);
    const authorize = rbacAuthorizer(fake.listers);
    expect(may(authorize)).toBe(false);
    fake.set('rolebindings.rbac.authorization.k8s.io', [binding('b', 'Role/pods', [user('jane')], 'web')]);
    expect(may(authorize)).toBe(false);
    fake.set('roles.rbac.authorization.k8s.io', [role('Role', 'pods', [rule('get', '', 'pods')], 'web')]);
    expect(may(authorize)).toBe(true);
    fake.set('roles.rbac.authorization.k8s.io', [role('Role', 'pods', [rule('list', '', 'pods')], 'web')]);
    expect(may(authorize)).toBe(false);
    fake.set('clusterroles.rbac.authorization.k8s.io', [pods]);
    fake.set('clusterrolebindings.rbac.authorization.k8s.io', [binding('b', 'ClusterRole/pods', [user('jane')])]);
    expect(may(authorize)).toBe(true);
    fake.set('clusterrolebindings.rbac.authorization.k8s.io', []);
    expect(may(authorize)).toBe(false);
  });
});

describe('createRbac()', () => {
  const { listers } = given({
    clusterRoles: [role('ClusterRole', 'pods', [rule('get', '', 'pods')])],
    clusterBindings: [
      binding('b', 'ClusterRole/pods', [user('jane')]),
      binding('c', 'ClusterRole/gone', [user('jane')]),
    ],
    roles: [role('Role', 'jobs', [rule('get', 'batch', 'jobs')], 'web')],
    bindings: [binding('b', 'Role/jobs', [group('devs')], 'web')],
  });
  const rbac = createRbac(listers);

  it("rulesFor() gathers a user's rules", () => {
    expect(rbac.rulesFor(jane, 'web')).toEqual({
      rules: [rule('get', '', 'pods'), rule('get', 'batch', 'jobs')],
      errors: ['clusterrole.rbac.authorization.k8s.io "gone" not found'],
    });
    expect(rbac.rulesFor(jane, '').rules).toEqual([rule('get', '', 'pods')]);
    expect(rbac.rulesFor(robot, 'web')).toEqual({ rules: [], errors: [] });
  });

  it('rulesOfRole() looks in the namespace of the binding', () => {
    const roleRef = { apiGroup: '', kind: 'Role', name: 'jobs' };
    expect(rbac.rulesOfRole(roleRef, 'web')).toEqual([rule('get', 'batch', 'jobs')]);
    expect(rbac.rulesOfRole(roleRef, 'other')).toBeUndefined();
  });
});

describe('the default roles [A38]', () => {
  const { clusterRoles, clusterRoleBindings, roles, roleBindings } = bootstrapRbacObjects();
  const { listers } = given({
    clusterRoles: [...clusterRoles],
    clusterBindings: [...clusterRoleBindings, binding('jane', 'ClusterRole/view', [user('jane')])] as ApiObject[],
    roles: [...roles],
    bindings: [...roleBindings],
  });
  const authorize = rbacAuthorizer(listers);
  const may = (who: UserInfo, text: string, apiGroup = ''): boolean =>
    authorize(request(who, text, apiGroup)).decision === 'allow';
  const controller = (name: string): UserInfo => ({
    name: `system:serviceaccount:kube-system:${name}`,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
  });

  it('let a viewer read, but no secrets, and write nothing', () => {
    expect(may(jane, 'get pods in web')).toBe(true);
    expect(may(jane, 'list deployments in web', 'apps')).toBe(true);
    expect(may(jane, 'get secrets in web')).toBe(false);
    expect(may(jane, 'delete pods in web')).toBe(false);
    expect(may(jane, 'create pods/exec in web')).toBe(false);
  });

  it('let everybody see health, and only the authenticated discovery', () => {
    const anonymous: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
    expect(may(anonymous, 'get /livez')).toBe(true);
    expect(may(anonymous, 'get /version')).toBe(true);
    expect(may(anonymous, 'get /apis')).toBe(false);
    expect(may(anonymous, 'get /metrics')).toBe(false);
    expect(may(robot, 'get /openid/v1/jwks')).toBe(true);
    expect(may(jane, 'get /apis')).toBe(true);
  });

  it('give a controller its own rights and no others', () => {
    expect(may(controller('replicaset-controller'), 'create pods in web')).toBe(true);
    expect(may(controller('replicaset-controller'), 'get secrets in web')).toBe(false);
    expect(may(controller('job-controller'), 'update jobs/status in web', 'batch')).toBe(true);
    expect(may(controller('unknown'), 'create pods in web')).toBe(false);
  });

  it('give the scheduler what it needs', () => {
    const scheduler: UserInfo = { name: 'system:kube-scheduler', groups: ['system:authenticated'] };
    expect(may(scheduler, 'create pods/binding in web')).toBe(true);
    expect(may(scheduler, 'create pods in web')).toBe(false);
  });

  it('give nodes nothing: that is the node authorizer’s business', () => {
    const node: UserInfo = { name: 'system:node:a', groups: ['system:nodes', 'system:authenticated'] };
    expect(may(node, 'get secrets in web')).toBe(false);
    expect(may(node, 'list pods')).toBe(false);
  });
});
