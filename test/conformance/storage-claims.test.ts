/** Claims, their volumes, and what pods see of them: on a node whose pods really run. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { attachLoopDevice, detachLoopDevice, hasLoopDevices } from '../../kubelet/volumes/loop-device-for-tests.ts';
import type { Json } from './conformance.ts';
import { eventually, isRoot } from './conformance.ts';
import type { PodCluster } from './pods.ts';
import { podOf, shell, startPodCluster } from './pods.ts';

const suite = isRoot ? describe : describe.skip;
const CLAIMS = '/api/v1/namespaces/default/persistentvolumeclaims';
const VOLUMES = '/api/v1/persistentvolumes';
const PODS = '/api/v1/namespaces/default/pods';

let cluster: PodCluster;

const claim = (name: string, storage: string, spec: Json = {}): Json => ({
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } }, ...spec },
});
/** Sleeps with the claim at /data. */
const user = (name: string, claimName: string, { mount = {}, volume = {}, ...spec }: Json = {}): Json =>
  podOf(
    name,
    { ...shell('sleep 3600'), volumeMounts: [{ name: 'data', mountPath: '/data', ...mount }] },
    { volumes: [{ name: 'data', persistentVolumeClaim: { claimName, ...volume } }], ...spec },
  );
const when = (url: string, what: string, holds: (object: Json) => boolean): Promise<Json> =>
  eventually(
    `${url} ${what}`,
    async () => {
      const { status, body } = await cluster.send('GET', url);
      return status === 200 && holds(body) && (body as Json);
    },
    60_000,
  );
const bound = (name: string): Promise<Json> =>
  when(`${CLAIMS}/${name}`, 'is bound', ({ status }) => status?.phase === 'Bound');
const gone = (url: string): Promise<unknown> =>
  eventually(`${url} is gone`, async () => (await cluster.send('GET', url)).status === 404, 60_000);
const eventOn = (name: string, reason: string): Promise<Json> =>
  eventually(
    `the event ${reason} on ${name}`,
    async () => {
      const { items } = await cluster.get(
        `/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3D${name}`,
      );
      return (items as Json[]).find((event) => event.reason === reason);
    },
    60_000,
  );
const folders = (): string[] => {
  const folder = join(cluster.dataDir, 'volumes');
  return existsSync(folder) ? readdirSync(folder) : [];
};

suite('claims of the default class', () => {
  beforeAll(async () => {
    cluster = await startPodCluster();
  }, 90_000);
  afterAll(() => cluster?.stop(), 60_000);

  it('are bound before any pod uses them, and keep what pods write [walkthrough S5] [V5]', async () => {
    await cluster.post(CLAIMS, claim('my-data-claim', '2Gi'));
    const { metadata, spec, status } = await bound('my-data-claim');
    expect(spec.volumeName).toBe(`pvc-${metadata.uid}`);
    expect(status).toMatchObject({ accessModes: ['ReadWriteOnce'], capacity: { storage: '2Gi' } });
    await cluster.create(user('web-pod', 'my-data-claim'));
    await cluster.running('web-pod');
    cluster.inside('web-pod', 'echo "Hello world!" > /data/sample.txt');
    await cluster.remove(`${PODS}/web-pod`);
    await cluster.gone('web-pod');
    await cluster.create(user('web-pod', 'my-data-claim'));
    await cluster.running('web-pod');
    expect(cluster.inside('web-pod', 'cat /data/sample.txt')).toBe('Hello world!\n');
  });

  it('are written by one pod while another may only read [walkthrough T13]', async () => {
    await cluster.create(user('reader', 'my-data-claim', { mount: { readOnly: true } }));
    await cluster.running('reader');
    cluster.inside('web-pod', 'printf "twenty bytes of text" > /data/sample.txt');
    expect(cluster.inside('reader', 'cat /data/sample.txt')).toBe('twenty bytes of text');
    expect(() => cluster.inside('reader', 'echo no > /data/sample.txt')).toThrow('Read-only file system');
    await cluster.create(user('also-reader', 'my-data-claim', { volume: { readOnly: true } }));
    await cluster.running('also-reader');
    expect(() => cluster.inside('also-reader', 'touch /data/new')).toThrow('Read-only file system');
  });

  it('stay while a pod uses them; with the last pod, claim, volume and folder go [walkthrough T12]', async () => {
    const { spec } = await bound('my-data-claim');
    expect(folders()).toContain(spec.volumeName);
    await cluster.remove(`${CLAIMS}/my-data-claim`);
    const kept = await cluster.get(`${CLAIMS}/my-data-claim`);
    expect(kept.metadata.deletionTimestamp).toBeDefined();
    expect(kept.metadata.finalizers).toEqual(['kubernetes.io/pvc-protection']);
    await Promise.all(['web-pod', 'reader', 'also-reader'].map((name) => cluster.remove(`${PODS}/${name}`)));
    await gone(`${CLAIMS}/my-data-claim`);
    await gone(`${VOLUMES}/${spec.volumeName}`);
    expect(folders()).not.toContain(spec.volumeName);
  });

  it('grow, belong to the pod’s group, and are mounted by part, never outside of the volume [V4]', async () => {
    await cluster.post(CLAIMS, claim('grown', '1Gi'));
    await bound('grown');
    await cluster.patch(`${CLAIMS}/grown`, { spec: { resources: { requests: { storage: '3Gi' } } } });
    await when(`${CLAIMS}/grown`, 'has grown', ({ status }) => status?.capacity?.storage === '3Gi');
    const security = { runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000 };
    const mount = { subPath: 'deep/er' };
    await cluster.create(user('member', 'grown', { mount, securityContext: security }));
    await cluster.running('member');
    cluster.inside('member', 'echo mine > /data/file');
    expect(cluster.inside('member', 'stat -c %u:%g /data/file')).toBe('1000:2000\n');
    await cluster.create(user('whole', 'grown'));
    await cluster.running('whole');
    expect(cluster.inside('whole', 'cat /data/deep/er/file; ln -s /etc /data/out')).toBe('mine\n');
    await cluster.create(user('escaping', 'grown', { mount: { subPath: 'out' } }));
    await when(`${PODS}/escaping`, 'is refused', ({ status }) => {
      const { reason, message } = status?.containerStatuses?.[0]?.state?.waiting ?? {};
      const refusal = 'failed to create subPath directory for volumeMount "data" of container "c"';
      return reason === 'CreateContainerConfigError' && message === refusal;
    });
    await Promise.all(['member', 'whole', 'escaping'].map((name) => cluster.remove(`${PODS}/${name}`)));
  });

  it('are made for ephemeral volumes, on the node of their pod, and go with it [V7]', async () => {
    const template = { spec: { ...claim('', '1Gi').spec, storageClassName: 'local' } };
    const volumes = [{ name: 'data', ephemeral: { volumeClaimTemplate: template } }];
    await cluster.create(user('scratchy', '', { volumes }));
    await cluster.running('scratchy');
    cluster.inside('scratchy', 'echo x > /data/file');
    const { metadata, spec } = await bound('scratchy-data');
    expect(metadata.annotations['volume.kubernetes.io/selected-node']).toBe('node-1');
    await cluster.remove(`${PODS}/scratchy`);
    await gone(`${CLAIMS}/scratchy-data`);
    await gone(`${VOLUMES}/${spec.volumeName}`);
    expect(folders()).not.toContain(spec.volumeName);
  });

  it('are given to one pod alone where they ask for it, and tell what they cannot be', async () => {
    await cluster.post(CLAIMS, claim('single', '1Gi', { accessModes: ['ReadWriteOncePod'] }));
    await cluster.post(CLAIMS, claim('raw', '1Gi', { volumeMode: 'Block' }));
    await cluster.create(user('first', 'single'));
    await cluster.running('first');
    await cluster.create(user('second', 'single'));
    await when(`${PODS}/second`, 'is refused', ({ status }) =>
      (status?.conditions ?? []).some(({ message = '' }: Json) => message.includes('ReadWriteOncePod access mode')),
    );
    await cluster.remove(`${PODS}/first`);
    await cluster.running('second');
    expect((await eventOn('raw', 'ProvisioningFailed')).message).toContain('block volumes are not supported');
  });

  const itOnDevices = hasLoopDevices ? it : it.skip;
  const folder = mkdtempSync(join(tmpdir(), 'claims-'));
  const devices: string[] = [];
  afterAll(() => {
    for (const device of devices) detachLoopDevice(device);
    rmSync(folder, { recursive: true });
  });
  const handMade = async (name: string, volumeMode: string): Promise<string> => {
    const device = attachLoopDevice(join(folder, name), 16 * 1024 * 1024);
    devices.push(device);
    const common = { accessModes: ['ReadWriteOnce'], storageClassName: 'by-hand', volumeMode };
    const here = { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['node-1'] }] };
    await cluster.post(VOLUMES, {
      metadata: { name },
      spec: {
        ...common,
        capacity: { storage: '16Mi' },
        persistentVolumeReclaimPolicy: 'Retain',
        local: { path: device },
        nodeAffinity: { required: { nodeSelectorTerms: [here] } },
      },
    });
    await cluster.post(CLAIMS, claim(name, '16Mi', common));
    return device;
  };

  itOnDevices('are bound by mode; a device is given as it is, or with a file system made on it [V4]', async () => {
    const raw = await handMade('raw-disk', 'Block');
    const formatted = await handMade('formatted-disk', 'Filesystem');
    for (const name of ['raw-disk', 'formatted-disk']) expect((await bound(name)).spec.volumeName).toBe(name);
    const container = {
      ...shell('sleep 3600'),
      volumeDevices: [{ name: 'raw', devicePath: '/mnt/raw' }],
      volumeMounts: [{ name: 'formatted', mountPath: '/data' }],
    };
    const pod = (name: string, readOnly: boolean): Json =>
      podOf(name, container, {
        securityContext: { fsGroup: 2000 },
        volumes: ['raw', 'formatted'].map((one) => ({
          name: one,
          persistentVolumeClaim: { claimName: `${one}-disk`, readOnly },
        })),
      });
    await cluster.create(pod('writer', false));
    await cluster.running('writer');
    const write = 'printf nocher | dd of=/mnt/raw conv=notrunc,fsync 2>&1; stat -c %F /mnt/raw; stat -c %g /data';
    expect(cluster.inside('writer', write)).toMatch(/\nblock special file\n2000\n$/);
    cluster.inside('writer', 'echo kept > /data/row');
    expect(spawnSync('head', ['-c6', raw], { encoding: 'utf8' }).stdout).toBe('nocher');
    const mounts = (): string[] => readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    expect(mounts().filter((line) => line.includes(` ${formatted} `))).toHaveLength(1);
    await cluster.remove(`${PODS}/writer`);
    await cluster.gone('writer');
    expect(mounts().filter((line) => line.includes(` ${formatted} `))).toEqual([]);
    await cluster.create(pod('reader-only', true));
    await cluster.running('reader-only');
    expect(cluster.inside('reader-only', 'head -c6 /mnt/raw; cat /data/row')).toBe('nocherkept\n');
    expect(() => cluster.inside('reader-only', ': > /mnt/raw')).toThrow('Operation not permitted');
    await cluster.remove(`${PODS}/reader-only`);
    await cluster.gone('reader-only');
  });
});
