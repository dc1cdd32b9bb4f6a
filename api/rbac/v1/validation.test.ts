import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import { clusterRoleBindings } from './cluster-role-binding.ts';
import type { ClusterRoleBinding } from './cluster-role-binding.ts';
import { clusterRoles } from './cluster-role.ts';
import { roleBindings } from './role-binding.ts';
import type { RoleBinding } from './role-binding.ts';
import { roles } from './role.ts';

const metadata = { name: 'a:b', namespace: 'd', creationTimestamp: '2026-01-01T00:00:00Z' };

describe('roles', () => {
  const errorsOf = (rule: object): string[] =>
    roles.strategy.validate!({ metadata, rules: [rule as never] }).map(formatFieldError);

  it('want verbs, groups and resources', () => {
    expect(errorsOf({ verbs: ['get'], apiGroups: [''], resources: ['pods'] })).toEqual([]);
    expect(errorsOf({ verbs: [] })).toEqual([
      'rules[0].verbs: Required value: verbs must contain at least one value',
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
    ]);
    expect(errorsOf({ verbs: ['get'], nonResourceURLs: ['/x'], resources: ['pods'] })).toEqual([
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
    ]);
  });

  it('show when they were created', () => {
    expect(roles.additionalPrinterColumns.map(({ name, cell }) => [name, cell({ metadata }, 0)])).toEqual([
      ['Created At', '2026-01-01T00:00:00Z'],
    ]);
    expect(roles.strategy.validateName!('system:x', false)).toEqual([]);
  });
});

describe('clusterRoles', () => {
  it('may speak of URLs, and gather rules by selectors', () => {
    const validate = clusterRoles.strategy.validate!;
    expect(validate({ metadata, rules: [{ verbs: ['get'], nonResourceURLs: ['/healthz'] }] })).toEqual([]);
    expect(validate({ metadata, aggregationRule: {} }).map(formatFieldError)).toEqual([
      'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil',
    ]);
    const badSelector = { matchLabels: { '!': '' } };
    expect(validate({ metadata, aggregationRule: { clusterRoleSelectors: [badSelector] } })).toMatchObject([
      { field: 'aggregationRule.clusterRoleSelectors[0].matchLabels' },
      { field: 'aggregationRule.clusterRoleSelectors[0]', message: 'Invalid value: null: invalid label selector.' },
    ]);
  });
});

describe('bindings', () => {
  function decoded(content: object): RoleBinding {
    const binding = { metadata, ...content } as RoleBinding;
    roleBindings.strategy.default!(binding);
    return binding;
  }
  const roleRef = { kind: 'Role', name: 'r' };

  it('default API groups', () => {
    const binding = decoded({
      roleRef: { ...roleRef },
      subjects: [
        { kind: 'User', name: 'u' },
        { kind: 'ServiceAccount', name: 's' },
      ],
    });
    expect(binding.roleRef.apiGroup).toBe('rbac.authorization.k8s.io');
    expect(binding.subjects!.map(({ apiGroup }) => apiGroup)).toEqual(['rbac.authorization.k8s.io', undefined]);
    expect(roleBindings.strategy.validate!(binding)).toEqual([]);
  });

  it('check role and subjects', () => {
    const binding = decoded({
      roleRef: { apiGroup: 'x', kind: 'X', name: 'a/b' },
      subjects: [
        { kind: 'Robot', name: '' },
        { kind: 'ServiceAccount', name: 'S', apiGroup: 'x' },
        { kind: 'Group', name: 'g', apiGroup: 'x' },
      ],
    });
    expect(roleBindings.strategy.validate!(binding).map(formatFieldError)).toEqual([
      'roleRef.apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
      'roleRef.kind: Unsupported value: "X": supported values: "Role", "ClusterRole"',
      'roleRef.name: Invalid value: "a/b": may not contain \'/\'',
      'subjects[0].name: Required value',
      'subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
      expect.stringContaining('subjects[1].name: Invalid value: "S": a lowercase RFC 1123 subdomain'),
      'subjects[1].apiGroup: Unsupported value: "x": supported values: ""',
      'subjects[2].apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
    ]);
  });

  it('never change their role', () => {
    const previous = decoded({ roleRef: { ...roleRef } });
    const next = decoded({ roleRef: { kind: 'Role', name: 'admin' } });
    expect(roleBindings.strategy.validateUpdate!(next, previous).map(formatFieldError)).toEqual([
      'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"admin"}: cannot change roleRef',
    ]);
  });

  it('of the cluster name ClusterRoles, and accounts with their namespace', () => {
    const binding = {
      metadata,
      roleRef: { kind: 'Role', name: 'r' },
      subjects: [{ kind: 'ServiceAccount', name: 's' }],
    } as ClusterRoleBinding;
    clusterRoleBindings.strategy.default!(binding);
    expect(clusterRoleBindings.strategy.validate!(binding).map(formatFieldError)).toEqual([
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
      'subjects[0].namespace: Required value',
    ]);
  });

  it('show role and subjects', () => {
    const binding = decoded({
      roleRef,
      subjects: [
        { kind: 'User', name: 'u' },
        { kind: 'User', name: 'v' },
        { kind: 'Group', name: 'g' },
        { kind: 'ServiceAccount', name: 's', namespace: 'n' },
      ],
    });
    const row = roleBindings.additionalPrinterColumns.map(({ name, cell }) => [
      name,
      cell(binding, Date.parse('2026-01-03T00:00:00Z')),
    ]);
    expect(row).toEqual([
      ['Role', 'Role/r'],
      ['Age', '2d'],
      ['Users', 'u, v'],
      ['Groups', 'g'],
      ['ServiceAccounts', 'n/s'],
    ]);
  });
});
