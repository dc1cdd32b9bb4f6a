/** Helm 4 with a chart that has hooks, a CRD in `crds/`, an object of it and a test: all that a release goes through. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cluster, CommandResult, Json } from './harness.ts';
import { done, eventually, startCluster } from './harness.ts';

const CHART = join(dirname(fileURLToPath(import.meta.url)), 'chart');
/** What simulated nodes cannot pull. */
const BROKEN = 'image=does-not-exist:1';
const FORCED = ['--server-side=true', '--force-conflicts'];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster(['--runtime', 'none', '--storage', 'memory', '--simulated-nodes', '1']);
});
afterAll(() => cluster?.stop());

const call = (...args: string[]): CommandResult => cluster.host(join(dirname(cluster.kubectlPath()), 'helm'), args);

function helm(...args: string[]): string {
  const { code, stdout, stderr } = call(...args);
  if (code !== 0) throw new Error(`helm ${args.join(' ')} exited with ${code}\n${stdout}${stderr}`);
  return stdout;
}

const object = (...what: string[]): Json => JSON.parse(cluster.run('get', ...what, '-o', 'json'));
const exists = (...what: string[]): boolean => cluster.run('get', ...what, '--ignore-not-found', '-o', 'name') !== '';
const history = (release: string): string[] =>
  JSON.parse(helm('history', release, '-o', 'json')).map(
    (entry: Json) => `${entry.revision} ${entry.status} ${entry.description.replace(/:.*/s, '')}`,
  );

describe('a release [T6]', () => {
  it('is installed: CRD, hooks in their order, objects, and waits until they are ready', () => {
    const { code, stdout } = call('install', 'shop', CHART, '--wait', '--timeout=30s');
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/STATUS: deployed\n[^]*shop says hello/),
    });
    expect(object('deployment', 'shop').status).toMatchObject({ readyReplicas: 2, availableReplicas: 2 });
    expect(object('crontab', 'shop').spec).toEqual({ cronSpec: '*/5 * * * *', replicas: 1 });
    expect(object('configmap', 'shop-before').data).toEqual({ revision: '1' });
    // Succeeded before the rest came, and was deleted then.
    expect(exists('pod', 'shop-prepare')).toBe(false);
    const { managedFields } = JSON.parse(
      cluster.run('get', 'deployment', 'shop', '-o', 'json', '--show-managed-fields'),
    ).metadata;
    expect(managedFields[0]).toMatchObject({ manager: 'helm', operation: 'Apply' });
  });

  it('tells of itself', () => {
    expect(JSON.parse(helm('list', '-o', 'json'))).toMatchObject([
      { name: 'shop', revision: '1', status: 'deployed', chart: 'shop-0.1.0' },
    ]);
    const status = helm('status', 'shop');
    for (const kind of ['v1/Deployment', 'v1/Pod(related)', 'v1/CronTab', 'v1/ConfigMap', 'v1/Service'])
      expect(status).toContain(`==> ${kind}\n`);
    expect(helm('get', 'manifest', 'shop')).toContain('kind: CronTab');
    expect(helm('get', 'hooks', 'shop')).toContain('helm.sh/hook: pre-install');
    expect(JSON.parse(helm('get', 'metadata', 'shop', '-o', 'json'))).toMatchObject({
      name: 'shop',
      status: 'deployed',
      applyMethod: 'ssa',
    });
  });

  it('is tested', () => {
    expect(helm('test', 'shop')).toMatch(/TEST SUITE: +shop-test\n[^]*Phase: +Succeeded/);
    helm('upgrade', 'shop', CHART, '--set=testExitCode=3', '--wait');
    const { code, stdout, stderr } = call('test', 'shop');
    expect(code).toBe(1);
    expect(stdout + stderr).toMatch(/Phase: +Failed/);
  });

  it('is upgraded and rolled back', () => {
    helm('upgrade', 'shop', CHART, '--set=greeting=hi', '--wait');
    expect(object('configmap', 'shop').data).toEqual({ greeting: 'hi', revision: '3' });
    expect(helm('get', 'values', 'shop', '-o', 'json')).toBe('{"greeting":"hi"}\n');
    helm('rollback', 'shop', '1', '--wait');
    expect(object('configmap', 'shop').data).toEqual({ greeting: 'hello', revision: '1' });
    const { template } = object('deployment', 'shop').spec;
    expect(template.metadata.annotations).toEqual({ greeting: 'hello' });
    expect(history('shop')).toEqual([
      '1 superseded Install complete',
      '2 superseded Upgrade complete',
      '3 superseded Upgrade complete',
      '4 deployed Rollback to 1',
    ]);
  });

  it('whose upgrade does not become ready is rolled back', () => {
    const { code, stderr } = call('upgrade', 'shop', CHART, `--set=${BROKEN}`, '--rollback-on-failure', '--timeout=2s');
    expect(code).toBe(1);
    expect(stderr).toContain('has been rolled back due to rollback-on-failure being set');
    expect(stderr).toContain('resource Deployment/default/shop not ready. status: InProgress');
    expect(history('shop').slice(-2)).toEqual(['5 failed Upgrade "shop" failed', '6 deployed Rollback to 4']);
    expect(object('deployment', 'shop').spec.template.spec.containers[0].image).toBe('shop:1');
  });

  it('does not take over what somebody else set, unless it is forced to', () => {
    cluster.run('scale', 'deployment', 'shop', '--replicas=5');
    const refused = call('upgrade', 'shop', CHART, '--set=replicas=3', '--server-side=true');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(
      'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas',
    );
    helm('upgrade', 'shop', CHART, '--set=replicas=3', ...FORCED);
    expect(object('deployment', 'shop').spec.replicas).toBe(3);
  });

  it('is uninstalled, but for its CRD', async () => {
    expect(helm('uninstall', 'shop', '--wait')).toBe('release "shop" uninstalled\n');
    expect(cluster.run('get', 'deployment,service,crontab,configmap', '-o', 'name').split('\n').sort()).toEqual([
      '',
      'configmap/kube-root-ca.crt',
      'configmap/shop-before',
      'configmap/shop-farewell',
      'service/kubernetes',
    ]);
    expect(exists('secret', '-l', 'owner=helm')).toBe(false);
    expect(exists('crd', 'crontabs.shop.example.com')).toBe(true);
    await eventually('its pods are gone', () => !exists('pods', '-l', 'app=shop'));
  });
});

it('installs or upgrades, whichever is due, with patches from the client too', () => {
  const client = ['upgrade', '--install', 'other', CHART, '--server-side=false', '--wait'];
  expect(helm(...client)).toContain('Release "other" does not exist. Installing it now.\n');
  expect(helm(...client, '--set=greeting=hi')).toContain('Release "other" has been upgraded. Happy Helming!\n');
  expect(object('configmap', 'other').data).toEqual({ greeting: 'hi', revision: '2' });
  // By PUT, without what the server had filled in.
  const { clusterIP } = object('service', 'other').spec;
  helm(...client, '--set=greeting=ho', '--force-replace');
  expect(object('configmap', 'other').data).toEqual({ greeting: 'ho', revision: '3' });
  expect(object('service', 'other').spec).toMatchObject({ clusterIP, ipFamilies: ['IPv4'] });
  helm('uninstall', 'other');
});

it('takes back an installation that fails', () => {
  const args = ['install', 'broken', CHART, `--set=${BROKEN}`, '--no-hooks', '--rollback-on-failure', '--timeout=2s'];
  const { code, stderr } = call(...args);
  expect(code).toBe(1);
  expect(stderr).toContain('has been uninstalled due to rollback-on-failure being set');
  expect(exists('deployment', 'broken')).toBe(false);
  expect(JSON.parse(helm('list', '-o', 'json'))).toEqual([]);
});

it('renders for kubectl apply', () => {
  const rendered = helm('template', 'plain', CHART, '--no-hooks');
  const expected = ['configmap/plain', 'service/plain', 'deployment.apps/plain', 'crontab.shop.example.com/plain'];
  const { code, stdout } = cluster.kubectl(['apply', '-f', '-'], { input: rendered });
  expect({ code, stdout }).toEqual({ code: 0, stdout: expected.map((name) => `${name} created\n`).join('') });
  expect(cluster.kubectl(['apply', '-f', '-'], { input: rendered })).toEqual(
    done(expected.map((name) => `${name} unchanged\n`).join('')),
  );
  const { code: deleted } = cluster.kubectl(['delete', '-f', '-'], { input: rendered });
  expect(deleted).toBe(0);
});
