/** `kubectl auth`: what one may do, and roles brought to what a file says, with every kubectl release that is supported. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Cluster, Json, NamespacedKubectl } from './harness.ts';
import { done, kubectlIn, MINORS, startCluster } from './harness.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster(['--runtime', 'none', '--storage', 'memory']);
});
afterAll(() => cluster?.stop());

const group = 'rbac.authorization.k8s.io';
const role = (namespace: string, ...verbs: string[]): string =>
  `apiVersion: ${group}/v1\nkind: Role\nmetadata: {name: rec, namespace: ${namespace}}\nrules: [{apiGroups: [""], resources: [pods], verbs: [${verbs.join(', ')}]}]\n---\n`;
const binding = (namespace: string, [kind, name]: [string, string], ...users: string[]): string => {
  const subjects = users.map((user) => `{kind: User, name: ${user}, apiGroup: ${group}}`).join(', ');
  return `apiVersion: ${group}/v1\nkind: RoleBinding\nmetadata: {name: rec, namespace: ${namespace}}\nroleRef: {apiGroup: ${group}, kind: ${kind}, name: ${name}}\nsubjects: [${subjects}]\n---\n`;
};
const RECONCILED = done(`role.${group}/rec reconciled\nrolebinding.${group}/rec reconciled\n`);

describe.each(MINORS)('kubectl 1.%s', (minor) => {
  let k: NamespacedKubectl;
  const object = (...what: string[]): Json => JSON.parse(k.ok('get', ...what, '-o', 'json'));
  beforeAll(async () => {
    k = await kubectlIn(cluster, minor);
  });

  describe('auth reconcile', () => {
    const reconcile = (text: string, ...args: string[]) => {
      const { code, stdout } = k.given(text, 'auth', 'reconcile', '-f', '-', ...args);
      return { code, stdout, stderr: '' };
    };
    const verbs = (): string[] => object('role', 'rec').rules.flatMap((rule: Json) => rule.verbs as string[]);
    const users = (): string[] => object('rolebinding', 'rec').subjects.map(({ name }: Json) => name as string);

    it('creates, adds, and takes away when told to', () => {
      expect(reconcile(role(k.namespace, 'get') + binding(k.namespace, ['Role', 'rec'], 'jane'))).toEqual(RECONCILED);
      expect([verbs(), users()]).toEqual([['get'], ['jane']]);
      expect(reconcile(role(k.namespace, 'list') + binding(k.namespace, ['Role', 'rec'], 'joe'))).toEqual(RECONCILED);
      expect([verbs().sort(), users()]).toEqual([
        ['get', 'list'],
        ['jane', 'joe'],
      ]);
      const removing = ['--remove-extra-permissions', '--remove-extra-subjects'];
      expect(reconcile(role(k.namespace, 'list') + binding(k.namespace, ['Role', 'rec'], 'joe'), ...removing)).toEqual(
        RECONCILED,
      );
      expect([verbs(), users()]).toEqual([['list'], ['joe']]);
    });

    it('changes nothing in a dry run', () => {
      expect(reconcile(role(k.namespace, 'delete'), '--dry-run=client').stdout).toMatch(
        /reconciled \(dry run\)|reconciled \(client dry run\)/,
      );
      expect(verbs()).toEqual(['list']);
    });

    it('makes a binding anew for another role', () => {
      const { uid } = object('rolebinding', 'rec').metadata;
      expect(reconcile(binding(k.namespace, ['ClusterRole', 'view'], 'joe')).code).toBe(0);
      const { metadata, roleRef } = object('rolebinding', 'rec');
      expect(roleRef).toEqual({ apiGroup: group, kind: 'ClusterRole', name: 'view' });
      expect(metadata.uid).not.toBe(uid);
    });

    it('gives nobody more than who asks has', () => {
      k.ok('create', 'role', 'roles', '--verb=get,create,update', '--resource=roles,rolebindings');
      k.ok('create', 'rolebinding', 'roles', '--role=roles', '--user=small');
      const { code, stderr } = k.given(
        role(k.namespace, 'get').replace('name: rec', 'name: more'),
        'auth',
        'reconcile',
        '-f',
        '-',
        '--as=small',
      );
      expect(code).toBe(1);
      expect(stderr).toContain(
        `roles.${group} "more" is forbidden: user "small" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["get"]}\n`,
      );
    });
  });

  describe('auth can-i', () => {
    const can = (...args: string[]) => k('auth', 'can-i', ...args);
    const no = { code: 1, stdout: 'no\n', stderr: '' };

    beforeAll(() => {
      k.ok('create', 'role', 'asked', '--verb=get,update', '--resource=pods,pods/log,deployments.apps/scale');
      k.ok('create', 'role', 'named', '--verb=get', '--resource=secrets', '--resource-name=one');
      for (const name of ['asked', 'named']) k.ok('create', 'rolebinding', name, `--role=${name}`, '--user=ann');
    });

    it.each<[string[], boolean]>([
      [['get', 'pods'], true],
      [['get', 'pod/any'], true],
      [['list', 'pods'], false],
      [['get', 'pods', '--subresource=log'], true],
      [['get', 'pods', '--subresource=exec'], false],
      [['update', 'deployments.apps', '--subresource=scale'], true],
      [['update', 'deployments.apps'], false],
      [['get', 'secret/one'], true],
      [['get', 'secret/two'], false],
      [['get', 'secrets'], false],
      [['get', 'pods', '-n', 'default'], false],
      [['get', 'pods', '--all-namespaces'], false],
      [['*', '*'], false],
      [['get', '/version'], true],
      [['get', '/metrics'], false],
    ])('%j: %s', (args, expected) => {
      expect(can(...args, '--as=ann')).toEqual(expected ? done('yes\n') : no);
    });

    it('--quiet answers by its exit code', () => {
      expect(can('get', 'pods', '--as=ann', '-q')).toEqual(done(''));
      expect(can('list', 'pods', '--as=ann', '-q')).toEqual({ code: 1, stdout: '', stderr: '' });
    });

    it('warns of what it does not know', () => {
      expect(can('get', 'nosuch')).toEqual(
        done('yes\n', "Warning: the server doesn't have a resource type 'nosuch'\n\n"),
      );
      expect(can('get', 'nodes', '--as=ann')).toEqual({
        ...no,
        stderr: "Warning: resource 'nodes' is not namespace scoped\n\n",
      });
    });

    it('--list: all of it', () => {
      const rows = can('--list', '--as=ann')
        .stdout.split('\n')
        .map((line) => line.trim().split(/\s{2,}/));
      expect(rows).toEqual(
        expect.arrayContaining([
          ['Resources', 'Non-Resource URLs', 'Resource Names', 'Verbs'],
          ['pods/log', '[]', '[]', '[get update]'],
          ['deployments.apps/scale', '[]', '[]', '[get update]'],
          ['secrets', '[]', '[one]', '[get]'],
          ['selfsubjectaccessreviews.authorization.k8s.io', '[]', '[]', '[create]'],
          ['[/version]', '[]', '[get]'],
        ]),
      );
    });
  });
});
