/** `kubectl -k`: a base and two overlays, with generated names, patches, another image and another namespace. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cluster, Json } from './harness.ts';
import { done, startCluster } from './harness.ts';

const PART = 'app.kubernetes.io/part-of=shop';
const SETTINGS = 'prod-settings-hb56828ckh';

let cluster: Cluster;
let production: string;
let staging: string;
beforeAll(async () => {
  cluster = await startCluster(['--runtime', 'none', '--storage', 'memory']);
  const overlays = join(cluster.dataDir, 'overlays');
  cpSync(join(dirname(fileURLToPath(import.meta.url)), 'overlays'), overlays, { recursive: true });
  production = join(overlays, 'production');
  staging = join(overlays, 'staging');
});
afterAll(() => cluster?.stop());

const object = (...what: string[]): Json => JSON.parse(cluster.run('get', ...what, '-o', 'json'));
const lines = (...names: string[]): string => names.map((name) => `${name}\n`).join('');

it('renders, applies and applies again [T7]', () => {
  expect(cluster.run('kustomize', production)).toContain(`name: ${SETTINGS}\n`);
  const apply = (): string => cluster.run('apply', '-k', production);
  const objects = [`configmap/${SETTINGS}`, 'service/prod-web', 'deployment.apps/prod-web'];
  expect(apply()).toBe(lines(...objects.map((name) => `${name} created`)));
  expect(apply()).toBe(lines(...objects.map((name) => `${name} unchanged`)));
  expect(cluster.run('apply', '-k', staging)).toMatch(/^namespace\/staging created\nconfigmap\/settings-\w+ created\n/);
  expect(cluster.run('get', 'deployment,service', '-A', '-l', PART, '-o', 'name')).toBe(
    lines('deployment.apps/prod-web', 'deployment.apps/web', 'service/prod-web', 'service/web'),
  );
});

it('makes of the base what each overlay says', () => {
  expect(object('configmap', SETTINGS).data).toEqual({ colour: 'blue', greeting: 'hello' });
  const { replicas, template } = object('deployment', 'prod-web').spec;
  expect({ replicas, containers: template.spec.containers }).toMatchObject({
    replicas: 3,
    containers: [{ name: 'web', image: 'web', envFrom: [{ configMapRef: { name: SETTINGS } }] }],
  });
  expect(object('service', 'prod-web').spec.ports[0].port).toBe(8080);
  const { containers } = object('deployment', 'web', '-n', 'staging').spec.template.spec;
  expect(containers.map(({ image }: Json) => image)).toEqual(['example.com/web:2', 'sidecar']);
});

it('shows what a change would do, does it, and prunes what was', () => {
  expect(cluster.kubectl(['diff', '-k', production])).toEqual(done(''));
  const path = join(production, 'kustomization.yaml');
  writeFileSync(path, readFileSync(path, 'utf8').replace('colour=blue', 'colour=green'));
  const { code, stdout } = cluster.kubectl(['diff', '-k', production]);
  expect(code).toBe(1);
  expect(stdout).toMatch(new RegExp(`\n- +name: ${SETTINGS}\n\\+ +name: prod-settings-\\w+\n`));
  expect(stdout).toContain('\n+  colour: green\n');
  const allowed = '--prune-allowlist=core/v1/ConfigMap';
  expect(cluster.run('apply', '-k', production, '--prune', '-l', PART, allowed, '-n', 'default')).toMatch(
    new RegExp(
      `^configmap/prod-settings-\\w+ created\nservice/prod-web unchanged\ndeployment.apps/prod-web configured\nconfigmap/${SETTINGS} pruned\n$`,
    ),
  );
});

it('takes all of it away', () => {
  for (const overlay of [production, staging])
    cluster.run('delete', '-k', overlay, '--timeout=20s', '--ignore-not-found');
  expect(cluster.run('get', 'deployment,service,configmap', '-A', '-l', PART, '-o', 'name')).toBe('');
  expect(cluster.run('get', 'namespace', 'staging', '--ignore-not-found')).toBe('');
});
