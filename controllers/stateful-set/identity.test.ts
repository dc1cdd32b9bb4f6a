import { describe, expect, it } from '@jest/globals';
import type { StatefulSet } from '../../api/apps/v1/stateful-set.ts';
import type { Pod, PodTemplateSpec } from '../../api/core/v1/pod.ts';
import { claimsOf, corrected, hasIdentity, hasStorage, isMemberOf, newPod, parsePodName } from './identity.ts';

const template = {
  metadata: { labels: { app: 'web' }, annotations: { note: 'x' } },
  spec: {
    containers: [{ name: 'c', image: 'i' }],
    volumes: [
      { name: 'data', emptyDir: {} },
      { name: 'tmp', emptyDir: {} },
    ],
  },
} as PodTemplateSpec;
const set = {
  metadata: { name: 'web', namespace: 'ns', uid: 'set' },
  spec: {
    replicas: 2,
    serviceName: 'headless',
    selector: { matchLabels: { app: 'web' } },
    template,
    volumeClaimTemplates: [
      { metadata: { name: 'data', labels: { tier: 'db' } }, spec: { accessModes: ['ReadWriteOnce'] }, status: {} },
    ],
  },
} as unknown as StatefulSet;
const made = newPod(set, { template, revision: 'web-abc', ordinal: 7 });

describe('parsePodName()', () => {
  it.each([
    ['web-0', 'web', 0],
    ['my-web-12', 'my-web', 12],
    ['web-2147483647', 'web', 2147483647],
  ])('%s', (name, parent, ordinal) => expect(parsePodName(name)).toEqual({ parent, ordinal }));

  it.each(['web', 'web-', 'web-x', 'web-2147483648', '', 'web-1a'])('nothing of %j', (name) =>
    expect(parsePodName(name)).toBeUndefined(),
  );

  it('tells members by their names', () => {
    expect(isMemberOf(set, { metadata: { name: 'web-3' } } as Pod)).toBe(true);
    expect(isMemberOf(set, { metadata: { name: 'web-3-4' } } as Pod)).toBe(false);
  });
});

describe('newPod()', () => {
  it('has the name, labels and host name of its ordinal', () => {
    expect(made.metadata).toMatchObject({
      name: 'web-7',
      namespace: 'ns',
      annotations: { note: 'x' },
      labels: {
        app: 'web',
        'statefulset.kubernetes.io/pod-name': 'web-7',
        'apps.kubernetes.io/pod-index': '7',
        'controller-revision-hash': 'web-abc',
      },
      ownerReferences: [{ kind: 'StatefulSet', name: 'web', uid: 'set', controller: true, blockOwnerDeletion: true }],
    });
    expect(made.metadata.generateName).toBeUndefined();
    expect(made.spec).toMatchObject({ hostname: 'web-7', subdomain: 'headless' });
    expect(hasIdentity(set, made) && hasStorage(set, made)).toBe(true);
  });

  it('has its claims in the place of volumes of their names', () => {
    expect(made.spec.volumes).toEqual([
      { name: 'data', persistentVolumeClaim: { claimName: 'data-web-7' } },
      { name: 'tmp', emptyDir: {} },
    ]);
  });
});

describe('claimsOf()', () => {
  it('names claims by template, set and ordinal, and labels them as the selector says', () => {
    expect(claimsOf(set, 7)).toEqual([
      {
        metadata: { name: 'data-web-7', namespace: 'ns', labels: { tier: 'db', app: 'web' } },
        spec: { accessModes: ['ReadWriteOnce'] },
      },
    ]);
  });
});

describe('corrected()', () => {
  it('puts back labels and volumes', () => {
    const stripped = {
      ...made,
      metadata: { ...made.metadata, labels: { app: 'web' } },
      spec: { ...made.spec, volumes: [] },
    };
    expect(hasIdentity(set, stripped) || hasStorage(set, stripped)).toBe(false);
    const mended = corrected(set, stripped);
    expect(hasIdentity(set, mended) && hasStorage(set, mended)).toBe(true);
    expect(mended.metadata.labels).toMatchObject({ app: 'web', 'apps.kubernetes.io/pod-index': '7' });
  });
});
