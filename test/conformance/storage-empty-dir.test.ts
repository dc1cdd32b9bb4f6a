/** Scratch volumes by medium, mode and user; parts of volumes by subPath; and many volumes in many pods at once. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Json } from './conformance.ts';
import { eventually, IMAGE, isRoot } from './conformance.ts';
import type { PodCase, PodCluster } from './pods.ts';
import { hasCondition, outcome, podOf, shell, startCases, startPodCluster } from './pods.ts';

const suite = isRoot ? describe : describe.skip;

let cluster: PodCluster;

interface Scratch {
  behaviour: string;
  medium: '' | 'Memory';
  /** Of the file; without one, the volume itself is looked at. */
  mode?: string;
  user?: number;
}

const SCRATCH: readonly Scratch[] = [
  { behaviour: 'EmptyDir, medium default, volume mode 0644', medium: '', mode: '0644', user: 1001 },
  { behaviour: 'EmptyDir, medium default, volume mode 0666', medium: '', mode: '0666', user: 1001 },
  { behaviour: 'EmptyDir, medium default, volume mode 0777', medium: '', mode: '0777', user: 1001 },
  { behaviour: 'EmptyDir, medium memory, volume mode 0644, non-root user', medium: 'Memory', mode: '0644', user: 1001 },
  {
    behaviour: 'EmptyDir, medium memory, volume mode 0666,, non-root user',
    medium: 'Memory',
    mode: '0666',
    user: 1001,
  },
  { behaviour: 'EmptyDir, medium memory, volume mode 0777, non-root user', medium: 'Memory', mode: '0777', user: 1001 },
  { behaviour: 'EmptyDir, medium default, volume mode 0644 #2', medium: '', mode: '0644' },
  { behaviour: 'EmptyDir, medium default, volume mode 0666 #2', medium: '', mode: '0666' },
  { behaviour: 'EmptyDir, medium default, volume mode 0777 #2', medium: '', mode: '0777' },
  { behaviour: 'EmptyDir, medium memory, volume mode 0644', medium: 'Memory', mode: '0644' },
  { behaviour: 'EmptyDir, medium memory, volume mode 0666', medium: 'Memory', mode: '0666' },
  { behaviour: 'EmptyDir, medium memory, volume mode 0777', medium: 'Memory', mode: '0777' },
  { behaviour: 'EmptyDir, medium default, volume mode default', medium: '' },
  { behaviour: 'EmptyDir, medium memory, volume mode default', medium: 'Memory' },
];

const LETTERS: Readonly<Record<string, string>> = { '0644': '-rw-r--r--', '0666': '-rw-rw-rw-', '0777': '-rwxrwxrwx' };
/** The file system of the volume, and whether it is one of its own. */
const FILE_SYSTEM = '[ "$(stat -f -c %T /v)" = tmpfs ] && echo tmpfs || echo other';

const scratch: readonly PodCase[] = SCRATCH.map(({ behaviour, medium, mode, user = 0 }) => {
  const fileSystem = medium === 'Memory' ? 'tmpfs' : '(tmpfs|other)';
  const steps =
    mode === undefined
      ? 'stat -c %A /v'
      : `umask 0; echo content > /v/file; chmod ${mode} /v/file; stat -c '%A %u' /v/file; cat /v/file`;
  const expected = mode === undefined ? 'drwxrwxrwx' : `${LETTERS[mode]} ${user}\ncontent`;
  return {
    behaviour,
    container: { ...shell(`${FILE_SYSTEM}; ${steps}`), volumeMounts: [{ name: 'v', mountPath: '/v' }] },
    pod: { securityContext: { runAsUser: user }, volumes: [{ name: 'v', emptyDir: medium === '' ? {} : { medium } }] },
    prints: new RegExp(`^${fileSystem}\n${expected}\n$`),
  };
});

const PARTS: readonly [behaviour: string, volume: Json, content: string, mountPath?: string][] = [
  ['SubPath: Reading content from a configmap volume.', { configMap: { name: 'parts' } }, 'configmap content'],
  [
    'SubPath: Reading content from a configmap volume. #2',
    { configMap: { name: 'parts' } },
    'configmap content',
    '/etc/os-release',
  ],
  [
    'SubPath: Reading content from a downwardAPI volume.',
    { downwardAPI: { items: [{ path: 'part', fieldRef: { fieldPath: "metadata.labels['content']" } }] } },
    'downward',
  ],
  [
    'SubPath: Reading content from a projected volume.',
    { projected: { sources: [{ configMap: { name: 'parts' } }] } },
    'configmap content',
  ],
  ['SubPath: Reading content from a secret volume.', { secret: { secretName: 'parts' } }, 'secret content'],
];

const parts: readonly PodCase[] = PARTS.map(([behaviour, volume, content, mountPath = '/mounted/here']) => ({
  behaviour,
  // A file at the mount's path, not a folder with the volume in it.
  container: {
    ...shell(`test -f ${mountPath} && cat ${mountPath}`),
    volumeMounts: [{ name: 'v', mountPath, subPath: 'part' }],
  },
  pod: { metadata: { labels: { content: 'downward' } }, volumes: [{ name: 'v', ...volume }] },
  prints: content,
}));

const CASES = [...scratch, ...parts];

suite('scratch volumes and parts of volumes', () => {
  beforeAll(async () => {
    cluster = await startPodCluster();
    await cluster.post('/api/v1/namespaces/default/configmaps', {
      metadata: { name: 'parts' },
      data: { part: 'configmap content', other: 'x' },
    });
    await cluster.post('/api/v1/namespaces/default/secrets', {
      metadata: { name: 'parts' },
      stringData: { part: 'secret content', other: 'x' },
    });
    await startCases(cluster, CASES);
  }, 90_000);
  afterAll(() => cluster?.stop(), 60_000);

  it.each(CASES.map((one, index) => ({ ...one, index })))('[conformance: $behaviour]', async ({ index, ...one }) => {
    const { phase, printed, expected } = await outcome(cluster, index, one);
    expect(phase).toBe('Succeeded');
    if (typeof expected === 'string') expect(printed).toBe(expected);
    else expect(printed).toMatch(expected);
  });

  it('are shared by a pod’s containers [conformance: EmptyDir, Shared volumes between containers]', async () => {
    const both = podOf(
      'shares',
      { ...shell('sleep 1000'), volumeMounts: [{ name: 'v', mountPath: '/usr/share/volumeshare' }] },
      { volumes: [{ name: 'v', emptyDir: {} }] },
    );
    both.spec.containers.push({
      name: 'sub',
      image: IMAGE,
      ...shell('echo Hello from the sub-container > /pod-data/shared.txt'),
      volumeMounts: [{ name: 'v', mountPath: '/pod-data' }],
    });
    await cluster.create(both);
    await eventually(
      'the other container has written',
      async () =>
        (await cluster.pod('shares')).status.containerStatuses?.find(({ name }: Json) => name === 'sub')?.state
          .terminated?.exitCode === 0,
    );
    expect(cluster.inside('shares', 'cat /usr/share/volumeshare/shared.txt')).toBe('Hello from the sub-container\n');
  });

  it('do not race: 50 volumes in each of 5 pods [conformance: EmptyDir Wrapper Volume, ConfigMap volumes, no race]', async () => {
    const core = '/api/v1/namespaces/default';
    const names = Array.from({ length: 50 }, (_, index) => `racey-${index}`);
    await Promise.all(
      names.map((name) => cluster.post(`${core}/configmaps`, { metadata: { name }, data: { 'data-1': name } })),
    );
    const volumes = names.map((name) => ({ name, configMap: { name, items: [{ key: 'data-1', path: 'data-1' }] } }));
    const volumeMounts = names.map((name) => ({ name, mountPath: `/etc/${name}` }));
    // Upstream goes five rounds, with a ReplicationController.
    for (const round of [1, 2, 3, 4, 5]) {
      const labels = { round: `race-${round}` };
      const { spec } = podOf(
        'x',
        { ...shell('sleep 1000'), volumeMounts },
        { volumes, restartPolicy: 'Always', terminationGracePeriodSeconds: 0 },
      );
      await cluster.post('/apis/apps/v1/namespaces/default/replicasets', {
        metadata: { name: labels.round },
        spec: { replicas: 5, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
      });
      const pods = async (): Promise<Json[]> =>
        (await cluster.get(`${core}/pods?labelSelector=round%3D${labels.round}`)).items;
      await eventually(
        'five pods are ready',
        async () => (await pods()).filter(hasCondition('Ready')).length === 5,
        60_000,
      );
      const [first] = await pods();
      expect(cluster.inside(first.metadata.name, 'cat /etc/racey-*/data-1 | wc -c').trim()).toBe(
        String(names.join('').length),
      );
      expect(
        (await pods())
          .flatMap(({ status }) => status.containerStatuses)
          .every(({ restartCount }: Json) => restartCount === 0),
      ).toBe(true);
      await cluster.remove(`/apis/apps/v1/namespaces/default/replicasets/${labels.round}?propagationPolicy=Background`);
      await eventually('they are gone', async () => (await pods()).length === 0, 60_000);
    }
  }, 240_000);
});
