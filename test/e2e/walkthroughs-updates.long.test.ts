/**
 * How the walkthroughs bring out new versions, as they are typed there: rolling update and undo, blue-green and canary.
 * Under a load where they promise that no request fails. Needs root.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import type { Cluster, Json } from './harness.ts';
import { eventually, isRoot, startCluster } from './harness.ts';
import { routeToServices, underLoad } from './load.ts';
import { loadPetsImages } from './pets-images.ts';

const suite = isRoot ? describe : describe.skip;
const PER_SECOND = 100;

const manifest = (name: string): string =>
  readFileSync(new URL(`../walkthroughs/manifests/${name}.yaml`, import.meta.url), 'utf8');

interface HelloOptions {
  app: string;
  version: string;
  replicas: number;
  labels?: Record<string, string>;
}

/** A server that takes a while to be ready, and answers what it has begun when it is asked to end. */
function hello(name: string, { app, version, replicas, labels = {} }: HelloOptions): string {
  const all = JSON.stringify({ app, ...labels });
  return `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  replicas: ${replicas}
  minReadySeconds: 1
  selector: {matchLabels: ${all}}
  template:
    metadata: {labels: ${all}}
    spec:
      containers:
        - name: web
          image: nocher.local/hello:1
          command: [sh, -c, 'sleep 1; exec hello-httpd']
          env: [{name: HELLO_VERSION, value: "${version}"}]
          readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
---
`;
}

const service = (name: string, selector: Record<string, string>): string => `apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {selector: ${JSON.stringify(selector)}, ports: [{port: 80, targetPort: 8080}]}
---
`;

suite('new versions', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster();
    routeToServices(cluster);
    await loadPetsImages(cluster);
  }, 90_000);
  afterAll(async () => {
    await cluster?.stop();
  });

  const urlOf = (name: string): string =>
    `http://${cluster.run('get', 'service', name, '-o', 'jsonpath={.spec.clusterIP}')}:80`;
  const curl = (url: string): string => cluster.host('curl', ['-fsS', '--noproxy', '*', '--max-time', '5', url]).stdout;
  const rolledOut = (name: string): string => cluster.run('rollout', 'status', `deployment/${name}`, '--timeout=60s');
  const answers = (url: string, page: string): Promise<true> =>
    eventually(`${url} answers ${page}`, () => curl(url) === `${page}\n` || undefined);
  const serves = (url: string): Promise<true> =>
    eventually(`${url} answers`, () => /^version: /m.test(curl(url)) || undefined);
  /** The versions that answer so many requests, each on a connection of its own. */
  const answersOf = (url: string, times: number): string[] => {
    const closing = ['-fsS', '--noproxy', '*', '--max-time', '5', '-H', 'Connection: close'];
    const { stdout } = cluster.host('curl', [...closing, ...Array.from({ length: times }, () => url)]);
    return [...stdout.matchAll(/^version: (.*)$/gm)].map(([, version]) => version!);
  };
  const versionsOf = (url: string, times = 30): string => [...new Set(answersOf(url, times))].sort().join();
  /** By the node's own port, found as the book finds it. */
  const pets = (): string => {
    const line = cluster
      .run('get', 'svc/web', '-o', 'yaml')
      .split('\n')
      .find((one) => one.includes('nodePort'))!;
    return `http://192.0.2.10:${line.split(' ')[4]}`;
  };
  const deletePets = (): void => {
    cluster.run('delete', 'deployments,statefulsets,services,persistentvolumeclaims', '-l', 'component!=apiserver');
  };

  it('roll out one pod after the other, and back [walkthrough S7]', async () => {
    cluster.apply(manifest('m12'));
    cluster.apply(manifest('m08'));
    rolledOut('web');
    await answers(pets(), 'Pets Demo Application');
    const image = 'web=appswithdockerandkubernetes/ch11-web:2.0';
    expect(cluster.run('set', 'image', 'deployment/web', image)).toBe('deployment.apps/web image updated\n');
    expect(rolledOut('web')).toMatch(/deployment "web" successfully rolled out\n$/);
    await answers(pets(), 'Pets Demo Application v2');

    const sets: Json[] = JSON.parse(cluster.run('get', 'rs', '-o', 'json')).items;
    const [old, present] = ['1', '2'].map((revision): string => {
      const found = sets.find(({ metadata }) => metadata.annotations['deployment.kubernetes.io/revision'] === revision);
      return found.metadata.name;
    });
    expect(sets.map(({ metadata, spec }) => [metadata.name, spec.replicas]).sort()).toEqual(
      [
        [old, 0],
        [present, 5],
      ].sort(),
    );
    const told = cluster.run('describe', 'deploy/web').split('\n');
    const sizes = (name: string, direction: string): number[] =>
      told.flatMap((line) => {
        const [, to] = new RegExp(`Scaled ${direction} replica set ${name} from \\d+ to (\\d+)`).exec(line) ?? [];
        return to === undefined ? [] : [Number(to)];
      });
    expect(sizes(old!, 'up')).toEqual([5]);
    const [down, up] = [sizes(old!, 'down'), sizes(present!, 'up')];
    // One more than five at most, and one less at least: new and old take turns, in steps of two at most.
    expect([up[0], down[0], down.at(-1)]).toEqual([1, 4, 0]);
    expect([4, ...down]).toEqual([4, ...down].sort().reverse());
    for (const turn of [down, up]) {
      expect(turn.length).toBeGreaterThanOrEqual(3);
      expect(turn.slice(1).every((size, i) => Math.abs(size - turn[i]!) <= 2)).toBe(true);
    }

    expect(cluster.run('rollout', 'undo', 'deploy/web')).toBe('deployment.apps/web rolled back\n');
    rolledOut('web');
    await answers(pets(), 'Pets Demo Application');
    deletePets();
  }, 120_000);

  it('change places by a Service’s selector [walkthrough S8]', async () => {
    cluster.apply(manifest('m13'));
    cluster.apply(manifest('m14'));
    rolledOut('web-blue');
    await answers(pets(), 'Pets Demo Application');
    cluster.apply(manifest('m15'));
    rolledOut('web-green');
    expect(cluster.run('get', 'deploy', '-o', 'name')).toBe('deployment.apps/web-blue\ndeployment.apps/web-green\n');
    expect(curl(pets())).toBe('Pets Demo Application\n');
    const edit = (from: string, to: string): void => {
      const edited = cluster.host('env', [
        `KUBE_EDITOR=sed -i s/"color: ${from}"/"color: ${to}"/`,
        cluster.kubectlPath(),
        'edit',
        'svc/web',
      ]);
      expect(edited).toEqual({ code: 0, stdout: 'service/web edited\n', stderr: '' });
    };
    edit('blue', 'green');
    await answers(pets(), 'Pets Demo Application v2');
    edit('green', 'blue');
    await answers(pets(), 'Pets Demo Application');
    edit('blue', 'green');
    cluster.run('delete', 'deploy/web-blue');
    await answers(pets(), 'Pets Demo Application v2');
    deletePets();
  }, 120_000);

  it('roll out and back under load: none fails, nor while a broken image stalls [walkthrough T24] [walkthrough T25]', async () => {
    cluster.apply(hello('roll', { app: 'roll', version: '1', replicas: 4 }) + service('roll', { app: 'roll' }));
    rolledOut('roll');
    await serves(urlOf('roll'));
    const report = await underLoad(cluster, { urls: [urlOf('roll')], perSecond: PER_SECOND }, async () => {
      cluster.run('set', 'env', 'deployment/roll', 'HELLO_VERSION=2');
      rolledOut('roll');
      cluster.run('set', 'image', 'deployment/roll', 'web=nocher.local/missing:1');
      const reasons = (): string =>
        cluster.run('get', 'pods', '-l', 'app=roll', '-o', 'jsonpath={..state.waiting.reason}');
      await eventually('the image is missing', () => /ErrImagePull|ImagePullBackOff|ErrImageNeverPull/.test(reasons()));
      const { status }: Json = JSON.parse(cluster.run('get', 'deployment', 'roll', '-o', 'json'));
      expect(status.availableReplicas).toBeGreaterThanOrEqual(3);
      cluster.run('rollout', 'undo', 'deployment/roll');
      rolledOut('roll');
      cluster.run('rollout', 'undo', 'deployment/roll', '--to-revision=1');
      rolledOut('roll');
    });
    expect(report.failures).toEqual([]);
    expect(Object.keys(report.versions)).toEqual(['1', '2']);
    await eventually('the first version alone', () => versionsOf(urlOf('roll')) === '1');
    cluster.run('delete', 'deployment,service', 'roll');
  }, 180_000);

  it('change places under load, blue to green and back: none fails [walkthrough T26]', async () => {
    const color = (name: string): Record<string, string> => ({ color: name });
    cluster.apply(
      hello('blue', { app: 'shop', version: 'blue', replicas: 2, labels: color('blue') }) +
        hello('green', { app: 'shop', version: 'green', replicas: 2, labels: color('green') }) +
        service('shop', { app: 'shop', color: 'blue' }) +
        service('shop-green', { app: 'shop', color: 'green' }),
    );
    rolledOut('blue');
    rolledOut('green');
    await serves(urlOf('shop'));
    await serves(urlOf('shop-green'));
    const select = (name: string): void => {
      cluster.run('patch', 'service', 'shop', '-p', JSON.stringify({ spec: { selector: color(name) } }));
    };
    const report = await underLoad(cluster, { urls: [urlOf('shop')], perSecond: PER_SECOND }, async () => {
      // Tried on its own before anyone else gets there.
      expect(versionsOf(urlOf('shop-green'))).toBe('green');
      expect(versionsOf(urlOf('shop'))).toBe('blue');
      select('green');
      await eventually('all is green', () => versionsOf(urlOf('shop')) === 'green');
      select('blue');
      await eventually('all is blue', () => versionsOf(urlOf('shop')) === 'blue');
    });
    expect(report.failures).toEqual([]);
    expect(Object.keys(report.versions).sort()).toEqual(['blue', 'green']);
    cluster.run('delete', 'deployment/blue', 'deployment/green', 'service/shop', 'service/shop-green');
  }, 120_000);

  it('take over by their share of the replicas: none fails [walkthrough T27]', async () => {
    cluster.apply(
      hello('stable', { app: 'canary', version: 'stable', replicas: 5, labels: { track: 'stable' } }) +
        hello('canary', { app: 'canary', version: 'canary', replicas: 0, labels: { track: 'canary' } }) +
        service('canary', { app: 'canary' }),
    );
    rolledOut('stable');
    await serves(urlOf('canary'));
    const scale = (name: string, replicas: number): void => {
      cluster.run('scale', `deployment/${name}`, `--replicas=${replicas}`);
      rolledOut(name);
    };
    /** How many of a hundred new connections the new version answers. */
    const share = (): number => answersOf(urlOf('canary'), 100).filter((version) => version === 'canary').length;
    const report = await underLoad(cluster, { urls: [urlOf('canary')], perSecond: PER_SECOND }, async () => {
      expect(share()).toBe(0);
      scale('canary', 1);
      await eventually('the canary answers some', () => share() > 0);
      const few = share();
      scale('canary', 5);
      scale('stable', 1);
      await eventually('the canary answers most', () => share() > few);
      scale('stable', 0);
      await eventually('the canary answers all', () => share() === 100);
    });
    expect(report.failures).toEqual([]);
    expect(report.versions['canary']).toBeGreaterThan(0);
    cluster.run('delete', 'deployment/stable', 'deployment/canary', 'service/canary');
  }, 180_000);
});
