/**
 * Roles within kube-system and kube-public, and who has them
 * (facts of upstream `plugin/pkg/auth/authorizer/rbac/bootstrappolicy/namespace_policy.go`).
 */
import type { RoleBinding } from '../v1/role-binding.ts';
import type { Role } from '../v1/role.ts';
import { EVENTS, READ, account, named, namespaceRole, roleBinding, rule, user } from './builders.ts';

export const namespaceRoleTable: readonly Role[] = [
  namespaceRole({ namespace: 'kube-public', name: 'system:controller:bootstrap-signer' }, [
    rule(READ, '', 'configmaps'),
    named(rule('update', '', 'configmaps'), 'cluster-info'),
    rule('create patch update', EVENTS, 'events'),
  ]),
  namespaceRole({ namespace: 'kube-system', name: 'extension-apiserver-authentication-reader' }, [
    named(rule(READ, '', 'configmaps'), 'extension-apiserver-authentication'),
  ]),
  namespaceRole({ namespace: 'kube-system', name: 'system::leader-locking-kube-controller-manager' }, [
    rule('create get list update watch', 'coordination.k8s.io', 'leases'),
    rule('create get list update watch', 'coordination.k8s.io', 'leasecandidates'),
  ]),
  namespaceRole({ namespace: 'kube-system', name: 'system::leader-locking-kube-scheduler' }, [
    rule('create get list update watch', 'coordination.k8s.io', 'leases'),
    rule('create get list update watch', 'coordination.k8s.io', 'leasecandidates'),
  ]),
  namespaceRole({ namespace: 'kube-system', name: 'system:controller:bootstrap-signer' }, [rule(READ, '', 'secrets')]),
  namespaceRole({ namespace: 'kube-system', name: 'system:controller:cloud-provider' }, [
    rule('create get list watch', '', 'configmaps'),
  ]),
  namespaceRole({ namespace: 'kube-system', name: 'system:controller:token-cleaner' }, [
    rule('delete get list watch', '', 'secrets'),
    rule('create patch update', EVENTS, 'events'),
  ]),
];

export const namespaceRoleBindingTable: readonly RoleBinding[] = [
  roleBinding(
    {
      namespace: 'kube-public',
      name: 'system:controller:bootstrap-signer',
      role: 'system:controller:bootstrap-signer',
    },
    [account('bootstrap-signer')],
  ),
  roleBinding(
    {
      namespace: 'kube-system',
      name: 'system::extension-apiserver-authentication-reader',
      role: 'extension-apiserver-authentication-reader',
    },
    [user('system:kube-controller-manager'), user('system:kube-scheduler')],
  ),
  roleBinding(
    {
      namespace: 'kube-system',
      name: 'system::leader-locking-kube-controller-manager',
      role: 'system::leader-locking-kube-controller-manager',
    },
    [user('system:kube-controller-manager'), account('kube-controller-manager'), account('leader-election-controller')],
  ),
  roleBinding(
    {
      namespace: 'kube-system',
      name: 'system::leader-locking-kube-scheduler',
      role: 'system::leader-locking-kube-scheduler',
    },
    [user('system:kube-scheduler'), account('kube-scheduler')],
  ),
  roleBinding(
    {
      namespace: 'kube-system',
      name: 'system:controller:bootstrap-signer',
      role: 'system:controller:bootstrap-signer',
    },
    [account('bootstrap-signer')],
  ),
  roleBinding(
    { namespace: 'kube-system', name: 'system:controller:cloud-provider', role: 'system:controller:cloud-provider' },
    [account('cloud-provider')],
  ),
  roleBinding(
    { namespace: 'kube-system', name: 'system:controller:token-cleaner', role: 'system:controller:token-cleaner' },
    [account('token-cleaner')],
  ),
];
