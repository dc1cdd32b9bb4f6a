import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { findFacts } from '../../../test/facts.ts';
import type { ApiObject } from '../../machinery/meta.ts';
import type { ClusterRole } from '../v1/cluster-role.ts';
import type { PolicyRule } from '../v1/validation.ts';
import { aggregateClusterRoles } from './aggregate.ts';
import { bootstrapRbacObjects } from './bootstrap-objects.ts';
import { aggregatedRole, aggregatedTo, clusterRole, rule } from './builders.ts';
import { ownControllerRoleTable, ownRoleTable } from './own-roles.ts';

const folder = findFacts('rbac-bootstrap-v1.36');
const withFacts = folder === undefined ? describe.skip : describe;

/** By namespace and name. Rules of an object that upstream's files hold twice are put together, as its start does. */
function byName(objects: readonly ApiObject[]): Record<string, ApiObject> {
  const found: Record<string, ApiObject & { rules?: PolicyRule[] }> = {};
  for (const object of objects as (ApiObject & { rules?: PolicyRule[] })[]) {
    const key = `${object.metadata.namespace ?? ''}/${object.metadata.name ?? ''}`;
    const first = found[key]?.rules;
    found[key] = first ? { ...object, rules: [...first, ...object.rules!] } : object;
  }
  return found;
}

function upstream(...files: string[]): Record<string, ApiObject> {
  return byName(
    files.flatMap(
      (file) => (parse(readFileSync(join(folder!, `${file}.yaml`), 'utf8')) as { items: ApiObject[] }).items,
    ),
  );
}

withFacts('bootstrapRbacObjects() equals upstream (rbac-bootstrap-v1.36)', () => {
  const all = bootstrapRbacObjects();
  const ownNames = new Set([...ownRoleTable, ...ownControllerRoleTable].map(({ metadata }) => metadata.name));
  const isUpstreams = ({ metadata }: ApiObject): boolean => !ownNames.has(metadata.name);
  const ours = {
    ...all,
    clusterRoles: all.clusterRoles.filter(isUpstreams),
    clusterRoleBindings: all.clusterRoleBindings.filter(isUpstreams),
  };

  it('in cluster roles, but for rules that are aggregated', () => {
    const theirs = upstream('cluster-roles', 'controller-roles');
    const asWritten = ours.clusterRoles.map((r) => (r.aggregationRule === undefined ? r : { ...r, rules: null }));
    expect(byName(asWritten as unknown as ApiObject[])).toEqual(theirs);
  });

  it('in cluster role bindings', () => {
    const theirs = upstream('cluster-role-bindings', 'controller-role-bindings');
    for (const binding of Object.values(theirs) as (ApiObject & { subjects?: unknown[] })[]) binding.subjects ??= [];
    expect(byName(ours.clusterRoleBindings)).toEqual(theirs);
  });

  it('in roles and role bindings', () => {
    expect(byName(ours.roles)).toEqual(upstream('namespace-roles'));
    expect(byName(ours.roleBindings)).toEqual(upstream('namespace-role-bindings'));
  });
});

describe('bootstrapRbacObjects()', () => {
  it('fills in the rules of admin, edit and view', () => {
    const rulesOf = (name: string): PolicyRule[] =>
      bootstrapRbacObjects().clusterRoles.find(({ metadata }) => metadata.name === name)?.rules ?? [];
    expect(rulesOf('view').length).toBeGreaterThan(5);
    expect(rulesOf('edit')).toEqual(expect.arrayContaining(rulesOf('view')));
    expect(rulesOf('admin')).toEqual(expect.arrayContaining(rulesOf('edit')));
    const readsSecrets = (r: PolicyRule): boolean => r.resources?.includes('secrets') === true;
    expect(rulesOf('view').some(readsSecrets)).toBe(false);
    expect(rulesOf('edit').some(readsSecrets)).toBe(true);
  });

  it('lets admin and edit change rollouts, view only read them, and nobody but the controller their status', () => {
    const may = (name: string, verb: string, resource: string): boolean =>
      bootstrapRbacObjects()
        .clusterRoles.filter(({ metadata }) => metadata.name === name)
        .flatMap(({ rules }) => rules ?? [])
        .some(
          ({ apiGroups, resources, verbs }) =>
            apiGroups?.includes('rollouts.nocher.io') === true &&
            resources?.includes(resource) === true &&
            verbs.includes(verb),
        );
    const who = ['admin', 'edit', 'view', 'system:controller:rollout-controller'];
    expect(who.map((name) => may(name, 'get', 'rollouts'))).toEqual([true, true, true, true]);
    expect(who.map((name) => may(name, 'patch', 'rollouts'))).toEqual([true, true, false, false]);
    expect(who.map((name) => may(name, 'update', 'rollouts/scale'))).toEqual([true, true, false, false]);
    expect(who.map((name) => may(name, 'update', 'rollouts/status'))).toEqual([false, false, false, true]);
  });

  it('names no object twice', () => {
    const { clusterRoles, clusterRoleBindings, roles, roleBindings } = bootstrapRbacObjects();
    for (const objects of [clusterRoles, clusterRoleBindings, roles, roleBindings]) {
      expect(Object.keys(byName(objects))).toHaveLength(objects.length);
    }
  });
});

describe('aggregateClusterRoles()', () => {
  const pods = rule('get', '', 'pods');
  const jobs = rule('get', 'batch', 'jobs');

  it('gathers through several steps in the order of names, each rule once', () => {
    const roles = [
      aggregatedRole('admin'),
      aggregatedTo('admin', aggregatedRole('edit')),
      aggregatedTo('edit', clusterRole('b', [pods, jobs])),
      aggregatedTo('edit', clusterRole('a', [jobs])),
    ];
    const rules = Object.fromEntries(aggregateClusterRoles(roles).map((r) => [r.metadata.name, r.rules]));
    expect(rules).toEqual({ edit: [jobs, pods], admin: [jobs, pods] });
  });

  it('answers nothing when all is gathered, and takes away what is no longer selected', () => {
    const target: ClusterRole = { ...aggregatedRole('edit'), rules: [pods] };
    expect(aggregateClusterRoles([target, aggregatedTo('edit', clusterRole('a', [pods]))])).toEqual([]);
    expect(aggregateClusterRoles([target])).toEqual([{ ...target, rules: [] }]);
  });

  it('comes to an end with roles that gather from each other or from themselves', () => {
    const roles = [
      aggregatedTo('b', aggregatedTo('a', { ...aggregatedRole('a'), rules: [jobs] })),
      aggregatedTo('a', aggregatedRole('b')),
      aggregatedTo('a', clusterRole('c', [pods])),
    ];
    const rules = Object.fromEntries(aggregateClusterRoles(roles).map((r) => [r.metadata.name, r.rules]));
    expect(rules['a']).toContainEqual(pods);
    expect(rules['b']).toContainEqual(pods);
  });

  it('gathers nothing through a selector with an unknown operator', () => {
    const clusterRoleSelectors = [{ matchExpressions: [{ key: 'a', operator: 'Near' }] }];
    const odd = { ...clusterRole('odd', []), aggregationRule: { clusterRoleSelectors } };
    expect(aggregateClusterRoles([odd, clusterRole('c', [pods])])).toEqual([]);
  });
});
