import { describe, expect, it } from '@jest/globals';
import { alreadyExists } from '../../api/machinery/errors.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { bootstrapRbacObjects } from '../../api/rbac/bootstrap/bootstrap-objects.ts';
import {
  aggregatedRole,
  clusterRole,
  clusterRoleBinding,
  group,
  rule,
  user,
} from '../../api/rbac/bootstrap/builders.ts';
import type { ClusterRole } from '../../api/rbac/v1/cluster-role.ts';
import type { RbacWriter } from './reconcile-bootstrap.ts';
import { reconcileBootstrapRbac, reconciledBinding, reconciledRole } from './reconcile-bootstrap.ts';

function memoryWriter(): RbacWriter & { objects: Map<string, ApiObject> } {
  const objects = new Map<string, ApiObject>();
  const keyOf = (kind: string, { namespace = '', name = '' }: ApiObject['metadata']): string =>
    `${kind} ${namespace}/${name}`;
  return {
    objects,
    get: async (kind, name) => objects.get(keyOf(kind, name)),
    create: async (kind, object) => objects.set(keyOf(kind, object.metadata), structuredClone(object)),
    update: async (kind, object) => objects.set(keyOf(kind, object.metadata), structuredClone(object)),
  };
}

describe('reconcileBootstrapRbac()', () => {
  it('makes everything once', async () => {
    const writer = memoryWriter();
    const all = Object.values(bootstrapRbacObjects()).flat().length;
    expect(await reconcileBootstrapRbac(writer)).toEqual({ created: all, updated: 0 });
    expect(await reconcileBootstrapRbac(writer)).toEqual({ created: 0, updated: 0 });
  });

  it('repairs what was damaged', async () => {
    const writer = memoryWriter();
    await reconcileBootstrapRbac(writer);
    const key = 'ClusterRole /system:discovery';
    writer.objects.set(key, { ...writer.objects.get(key)!, rules: [] } as ApiObject);
    writer.objects.delete('RoleBinding kube-public/system:controller:bootstrap-signer');
    expect(await reconcileBootstrapRbac(writer)).toEqual({ created: 1, updated: 1 });
    expect((writer.objects.get(key) as ClusterRole).rules).toHaveLength(1);
  });

  it('does not mind another server that was first, but other errors', async () => {
    const lost = {
      ...memoryWriter(),
      create: async () => Promise.reject(alreadyExists({ group: '', resource: 'x' }, 'x')),
    };
    expect(await reconcileBootstrapRbac(lost)).toEqual({ created: 0, updated: 0 });
    const broken = { ...memoryWriter(), create: async () => Promise.reject(new Error('disk full')) };
    await expect(reconcileBootstrapRbac(broken)).rejects.toThrow('disk full');
  });
});

describe('reconciledRole()', () => {
  const wanted = clusterRole('r', [rule('get', '', 'pods'), rule('list', '', 'nodes')]);

  it('adds missing rules and keeps what an administrator added', () => {
    const present = clusterRole('r', [rule('get delete', '', 'pods services')]);
    expect(reconciledRole(present, wanted)?.rules).toEqual([
      rule('get delete', '', 'pods services'),
      rule('list', '', 'nodes'),
    ]);
  });

  it('changes nothing when wider rules cover the wanted ones', () => {
    expect(reconciledRole(clusterRole('r', [rule('*', '', '*')]), wanted)).toBeUndefined();
  });

  it('restores labels and annotations', () => {
    const bare: ClusterRole = { ...wanted, metadata: { name: 'r', labels: { mine: 'yes' } } };
    expect(reconciledRole(bare, wanted)?.metadata).toEqual({
      name: 'r',
      labels: { mine: 'yes', ...wanted.metadata.labels },
      annotations: wanted.metadata.annotations,
    });
  });

  it('leaves a protected role alone', () => {
    const metadata = { name: 'r', annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } };
    expect(reconciledRole({ ...wanted, metadata, rules: [] }, wanted)).toBeUndefined();
  });

  it('leaves the rules of an aggregated role to its controller', () => {
    const present = { ...aggregatedRole('edit'), rules: [] };
    expect(reconciledRole(present, { ...aggregatedRole('edit'), rules: [rule('get', '', 'pods')] })).toBeUndefined();
    const { aggregationRule, ...plain } = present;
    expect(reconciledRole(plain as ClusterRole, aggregatedRole('edit'))?.aggregationRule).toEqual(aggregationRule);
  });
});

describe('reconciledBinding()', () => {
  const wanted = clusterRoleBinding('b', [group('g')]);

  it('adds missing subjects', () => {
    const next = reconciledBinding(clusterRoleBinding('b', [user('u')]), wanted);
    expect(next).toMatchObject({ subjects: [user('u'), group('g')] });
    expect(reconciledBinding(clusterRoleBinding('b', [group('g'), user('u')]), wanted)).toBeUndefined();
  });

  it('leaves a binding to another role alone', () => {
    const other = { ...clusterRoleBinding('b', []), roleRef: { apiGroup: '', kind: 'ClusterRole', name: 'view' } };
    expect(reconciledBinding(other, wanted)).toBeUndefined();
  });
});
