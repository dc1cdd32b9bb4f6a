/** `kubectl apply` of folders and kustomizations, and what it notes on objects, with every kubectl release that is supported. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster, Json, NamespacedKubectl } from './harness.ts';
import { done, failed, kubectlIn, MINORS, startCluster, writeFile } from './harness.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster(['--runtime', 'none', '--storage', 'memory']);
});
afterAll(() => cluster?.stop());

const BASE = `
resources: [deployment.yaml]
configMapGenerator: [{name: conf, literals: [a=1]}]
`;
const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "app:1", envFrom: [{configMapRef: {name: conf}}]}]}
`;
const OVERLAY = (a: string): string => `
resources: [../base]
namePrefix: over-
commonAnnotations: {team: x}
replicas: [{name: web, count: 2}]
images: [{name: app, newTag: "2"}]
configMapGenerator: [{name: conf, behavior: merge, literals: [a=${a}]}]
patches:
- target: {kind: Deployment}
  patch: '[{"op": "add", "path": "/metadata/labels", "value": {"patched": "yes"}}]'
`;

describe.each(MINORS)('kubectl 1.%s', (minor) => {
  let k: NamespacedKubectl;
  let folder = '';
  const object = (...what: string[]): Json => JSON.parse(k.ok('get', ...what, '-o', 'json'));
  const lines = (text: string): string[] => text.trimEnd().split('\n').sort();

  beforeAll(async () => {
    k = await kubectlIn(cluster, minor);
    folder = join(cluster.dataDir, `apply-${minor}`);
    for (const name of ['base', 'over', 'tree/deeper']) mkdirSync(join(folder, name), { recursive: true });
    writeFile(join(folder, 'base'), 'kustomization.yaml', BASE);
    writeFile(join(folder, 'base'), 'deployment.yaml', DEPLOYMENT);
    writeFile(join(folder, 'over'), 'kustomization.yaml', OVERLAY('1'));
    writeFile(join(folder, 'tree'), 'a.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: tree-a}\n');
    writeFile(
      join(folder, 'tree/deeper'),
      'b.json',
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"tree-b"}}',
    );
    writeFile(join(folder, 'tree'), 'c.txt', 'no manifest');
  });

  it('-k: a kustomization, again, and changed', () => {
    const over = join(folder, 'over');
    const [map, deployment] = lines(k.ok('apply', '-k', over));
    expect(map).toMatch(/^configmap\/over-conf-[a-z0-9]{10} created$/);
    expect(deployment).toBe('deployment.apps/over-web created');
    const { metadata, spec } = object('deployment', 'over-web');
    expect(metadata).toMatchObject({ labels: { patched: 'yes' }, annotations: { team: 'x' } });
    expect(spec.replicas).toBe(2);
    const [container] = spec.template.spec.containers;
    expect(container).toMatchObject({ image: 'app:2', envFrom: [{ configMapRef: { name: map!.split(/[/ ]/)[1] } }] });
    expect(k('diff', '-k', over)).toEqual(done(''));
    expect(lines(k.ok('apply', '-k', over))).toEqual([
      map!.replace('created', 'unchanged'),
      'deployment.apps/over-web unchanged',
    ]);
    expect(lines(k.ok('get', '-k', over, '-o', 'name'))).toHaveLength(2);
    writeFile(over, 'kustomization.yaml', OVERLAY('2'));
    expect(k('diff', '-k', over).code).toBe(1);
    const [newMap, changed] = lines(k.ok('apply', '-k', over));
    expect(newMap).toMatch(/^configmap\/over-conf-[a-z0-9]{10} created$/);
    expect(newMap).not.toBe(map);
    expect(changed).toBe('deployment.apps/over-web configured');
    expect(k.ok('kustomize', over)).toContain('name: over-web\n');
    k.ok('delete', '-k', over);
    expect(k('get', 'deployment', 'over-web').code).toBe(1);
  });

  it('-f: a folder, and what lies below it with -R', () => {
    const tree = join(folder, 'tree');
    expect(k('apply', '-f', tree)).toEqual(done('configmap/tree-a created\n'));
    expect(lines(k.ok('apply', '-R', '-f', tree))).toEqual(['configmap/tree-a unchanged', 'configmap/tree-b created']);
    expect(k('apply', '-f', join(folder, 'nosuch'))).toEqual(
      failed(`error: the path "${join(folder, 'nosuch')}" does not exist\n`),
    );
  });

  it('view-, set- and edit-last-applied', () => {
    const file = writeFile(
      folder,
      'noted.yaml',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: noted}\ndata: {a: "1"}\n',
    );
    k.ok('create', '-f', file);
    expect(k('apply', 'set-last-applied', '-f', file)).toEqual(
      failed(
        'error: no last-applied-configuration annotation found on resource: noted, to create the annotation, run the command with --create-annotation\n',
      ),
    );
    expect(k('apply', 'set-last-applied', '-f', file, '--create-annotation')).toEqual(
      done('configmap/noted configured\n'),
    );
    expect(JSON.parse(k.ok('apply', 'view-last-applied', 'configmap/noted', '-o', 'json'))).toMatchObject({
      kind: 'ConfigMap',
      data: { a: '1' },
    });
    expect(k('apply', 'set-last-applied', '-f', file).stdout).toBe('set-last-applied noted: no changes required.\n');
    const edited = k.withEnv(
      { KUBE_EDITOR: 'sed -i s/^..a:/\\ \\ b:/' },
      'apply',
      'edit-last-applied',
      'configmap/noted',
    );
    expect(edited).toMatchObject({ code: 0, stdout: 'configmap/noted edited\n' });
    expect(k.ok('apply', 'view-last-applied', 'configmap/noted')).toMatch(/^data:\n {2}b: "1"$/m);
    // The annotation says that b was applied: what apply no longer finds, it takes away.
    k.ok('patch', 'configmap', 'noted', '-p', '{"data":{"b":"2"}}');
    expect(k('apply', '-f', file)).toEqual(done('configmap/noted configured\n'));
    expect(object('configmap', 'noted').data).toEqual({ a: '1' });
  });

  it('--server-side: takes over, and names who else holds a field', () => {
    const map = (value: string): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}\ndata: {a: "${value}"}\n`;
    expect(k.given(map('1'), 'apply', '--server-side', '-f', '-')).toEqual(
      done('configmap/shared serverside-applied\n'),
    );
    const refused = k.given(map('2'), 'apply', '--server-side', '--field-manager=other', '-f', '-');
    expect(refused.stderr).toContain('Apply failed with 1 conflict: conflict with "kubectl": .data.a\n');
    expect(
      k.given(map('2'), 'apply', '--server-side', '--field-manager=other', '--force-conflicts', '-f', '-').code,
    ).toBe(0);
    const { metadata, data } = object('configmap', 'shared', '--show-managed-fields');
    expect(data).toEqual({ a: '2' });
    expect(metadata.managedFields.map(({ manager, operation }: Json) => [manager, operation])).toEqual([
      ['other', 'Apply'],
    ]);
  });

  it('--prune: what is no longer there goes', () => {
    const map = (name: string): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, labels: {set: pruned}}\n---\n`;
    const prune = ['apply', '--prune', '-l', 'set=pruned', '--prune-allowlist=core/v1/ConfigMap', '-f', '-'];
    k.given(map('first') + map('second'), 'apply', '-f', '-');
    const { code, stdout } = k.given(map('second'), ...prune);
    expect([code, lines(stdout)]).toEqual([0, ['configmap/first pruned', 'configmap/second unchanged']]);
  });
});
