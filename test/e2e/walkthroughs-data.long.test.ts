/** What keeps data, heals itself and belongs together in the walkthroughs, as it is typed there. Needs root. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUSYBOX, loadBusybox } from './busybox-image.ts';
import type { Cluster, Json } from './harness.ts';
import { eventually, isRoot, startCluster } from './harness.ts';
import { loadPetsImages } from './pets-images.ts';

const suite = isRoot ? describe : describe.skip;
const manifest = (name: string): string =>
  readFileSync(new URL(`../walkthroughs/manifests/${name}.yaml`, import.meta.url), 'utf8');

suite('walkthroughs', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster();
    await loadPetsImages(cluster);
    await loadBusybox(cluster);
  }, 90_000);
  afterAll(async () => {
    await cluster?.stop();
  });
  afterEach(() => {
    const kinds = 'statefulsets,deployments,replicasets,pods,persistentvolumeclaims';
    cluster.run('delete', kinds, '--all', '--timeout=60s');
    cluster.run('delete', 'services', '-l', 'component!=apiserver');
  });

  const create = (yaml: string): string => {
    const { code, stdout, stderr } = cluster.kubectl(['create', '-f', '-'], { input: yaml });
    if (code !== 0) throw new Error(stderr);
    return stdout;
  };
  const read = (...args: string[]): Json => JSON.parse(cluster.run('get', ...args, '-o', 'json'));
  const ready = (pod: string): string => cluster.run('wait', '--for=condition=Ready', `pod/${pod}`, '--timeout=60s');
  const exec = (pod: string, script: string): string => cluster.run('exec', pod, '--', 'sh', '-c', script);
  const columns = (line: string): string[] => line.trim().split(/ {2,}/);
  const bound = (claim: string): Promise<Json> =>
    eventually(`${claim} is Bound`, () => {
      const found = read('pvc', claim);
      return found.status.phase === 'Bound' && found;
    });
  /** A pod that sleeps, with the claim where it says. */
  const withClaim = (name: string, claim: string, mount: object): string => `apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - {name: c, image: '${BUSYBOX}', command: [sleep, '1000'], volumeMounts: [${JSON.stringify({ name: 'v', ...mount })}]}
  volumes: [{name: v, persistentVolumeClaim: {claimName: ${claim}}}]
`;

  it('a claim is bound before any pod uses it, and keeps what a pod has written [walkthrough S5]', async () => {
    expect(create(manifest('m04'))).toBe('persistentvolumeclaim/my-data-claim created\n');
    await bound('my-data-claim');
    const [header, row] = cluster.run('get', 'pvc').split('\n');
    const cells = columns(row!);
    expect(columns(header!).slice(0, 5)).toEqual(['NAME', 'STATUS', 'VOLUME', 'CAPACITY', 'ACCESS MODES']);
    const uid = read('pvc', 'my-data-claim').metadata.uid;
    expect(cells.slice(0, 5)).toEqual(['my-data-claim', 'Bound', `pvc-${uid}`, '2Gi', 'RWO']);
    create(manifest('m05'));
    ready('web-pod');
    exec('web-pod', 'echo "Hello world!" > /data/sample.txt');
    expect(cluster.run('delete', 'po/web-pod')).toContain('pod "web-pod" deleted');
    create(manifest('m05'));
    ready('web-pod');
    expect(cluster.run('exec', 'web-pod', '--', 'cat', '/data/sample.txt')).toBe('Hello world!\n');
  }, 120_000);

  it('a volume is seen by another image at another path, and from the host [walkthrough T11]', async () => {
    create(manifest('m04'));
    create(withClaim('one', 'my-data-claim', { mountPath: '/data' }));
    ready('one');
    exec('one', 'printf 0123456789 > /data/data.txt; printf 012345678901234 > /data/data2.txt');
    cluster.run('delete', 'pod', 'one');
    const { spec } = read('pv', (await bound('my-data-claim')).spec.volumeName);
    writeFileSync(join(spec.local?.path ?? spec.hostPath.path, 'host.txt'), 'x'.repeat(32));
    create(withClaim('two', 'my-data-claim', { mountPath: '/elsewhere' }).replace(BUSYBOX, 'nginx:alpine'));
    ready('two');
    expect(exec('two', 'cd /elsewhere; for f in data.txt data2.txt host.txt; do cat $f; echo; done')).toBe(
      `0123456789\n012345678901234\n${'x'.repeat(32)}\n`,
    );
  }, 120_000);

  it('a claim in use is deleted when its pod is gone, its volume and data with it [walkthrough T12]', async () => {
    create(manifest('m04'));
    create(withClaim('user', 'my-data-claim', { mountPath: '/data' }));
    ready('user');
    exec('user', 'echo kept > /data/file');
    const { spec, metadata } = read('pv', (await bound('my-data-claim')).spec.volumeName);
    const folder = spec.local?.path ?? spec.hostPath.path;
    expect(spec.persistentVolumeReclaimPolicy).toBe('Delete');
    cluster.run('delete', 'pvc', 'my-data-claim', '--wait=false');
    expect(columns(cluster.run('get', 'pvc', 'my-data-claim', '--no-headers'))[1]).toBe('Terminating');
    expect(read('pvc', 'my-data-claim').metadata.finalizers).toEqual(['kubernetes.io/pvc-protection']);
    expect(exec('user', 'cat /data/file')).toBe('kept\n');
    cluster.run('delete', 'pod', 'user');
    cluster.run('wait', '--for=delete', 'pvc/my-data-claim', `pv/${metadata.name}`, '--timeout=60s');
    expect(existsSync(folder)).toBe(false);
  }, 120_000);

  it('of two pods on one volume one may only read [walkthrough T13]', () => {
    create(manifest('m04'));
    create(withClaim('writer', 'my-data-claim', { mountPath: '/data' }));
    create(withClaim('reader', 'my-data-claim', { mountPath: '/data', readOnly: true }));
    ready('writer');
    ready('reader');
    exec('writer', 'printf 01234567890123456789 > /data/sample.txt');
    expect(exec('reader', 'cat /data/sample.txt')).toBe('01234567890123456789');
    const refused = cluster.kubectl(['exec', 'reader', '--', 'sh', '-c', 'echo no > /data/mine.txt']);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('Read-only file system');
  }, 120_000);

  it('a ReplicaSet makes up for a pod that was deleted [walkthrough S6]', async () => {
    create(manifest('m06'));
    const row = (): string[] => columns(cluster.run('get', 'rs', '--no-headers')).slice(0, 4);
    await eventually('all are ready', () => row().join(' ') === 'rs-web 3 3 3');
    const names = (): string[] => cluster.run('get', 'pods', '-o', 'name').trim().split('\n');
    const before = names();
    expect(before.every((name) => /^pod\/rs-web-[a-z0-9]{5}$/.test(name))).toBe(true);
    cluster.run('delete', before[0]!);
    await eventually('there are three again', () => names().length === 3);
    const fresh = names()
      .find((name) => !before.includes(name))!
      .slice('pod/'.length);
    await eventually('its event', () =>
      new RegExp(`SuccessfulCreate .* Created pod: ${fresh}`).test(cluster.run('describe', 'rs/rs-web')),
    );
    await eventually('all are ready again', () => row().join(' ') === 'rs-web 3 3 3');
  }, 120_000);

  it('the pets application finds its database by name, one by one and at once [walkthrough S9]', async () => {
    const all = (): string[] => cluster.run('get', 'all', '-o', 'name').trim().split('\n');
    create(manifest('m07'));
    cluster.run('rollout', 'status', 'deploy/web', '--timeout=60s');
    const [set] = read('rs').items;
    const [pod] = read('pods').items;
    expect(all().filter((name) => name !== 'service/kubernetes')).toEqual([
      `pod/${pod.metadata.name}`,
      'deployment.apps/web',
      `replicaset.apps/${set.metadata.name}`,
    ]);
    create(manifest('m08'));
    const { clusterIP, ports } = read('svc', 'web').spec;
    expect(columns(cluster.run('get', 'svc', 'web', '--no-headers')).slice(1, 5)).toEqual([
      'NodePort',
      clusterIP,
      '<none>',
      `3000:${ports[0].nodePort}/TCP`,
    ]);
    const curl = (path: string): string =>
      cluster.host('curl', ['-fsS', '--max-time', '8', `http://192.0.2.10:${ports[0].nodePort}${path}`]).stdout;
    await eventually('the page answers', () => curl('/') === 'Pets Demo Application\n');
    create(manifest('m09'));
    cluster.run('rollout', 'status', 'statefulset/db', '--timeout=60s');
    expect(columns(cluster.run('get', 'statefulset', '--no-headers')).slice(0, 2)).toEqual(['db', '1/1']);
    expect(cluster.run('get', 'pods', '-l', 'service=db', '-o', 'name')).toBe('pod/db-0\n');
    create(manifest('m10'));
    await eventually('a cat', () => /^https:\/\/example\.com\/cat-\d+\.jpg$/m.test(curl('/pet')));

    // The claim outlives its set, and what was changed in it.
    exec('db-0', 'echo https://example.com/my-own.jpg >> /var/lib/postgresql/data/cats');
    cluster.run('delete', 'deploy/web', 'svc/web', 'statefulset/db', 'svc/db');
    expect(columns(cluster.run('get', 'pvc', '--no-headers')).slice(0, 2)).toEqual(['pets-data-db-0', 'Bound']);
    expect(create(manifest('m11')).trim().split('\n').sort()).toEqual([
      'deployment.extensions/web created',
      'service/db created',
      'service/web created',
      'statefulset.apps/db created',
    ]);
    cluster.run('rollout', 'status', 'statefulset/db', '--timeout=60s');
    const port = read('svc', 'web').spec.ports[0].nodePort;
    const page = (): string =>
      cluster.host('curl', ['-fsS', '--max-time', '8', `http://192.0.2.10:${port}/pet`]).stdout;
    await eventually('its own cat', () => page() === 'https://example.com/my-own.jpg\n');
    cluster.kubectl(['delete', '-f', '-'], { input: manifest('m11') });
  }, 180_000);
});
