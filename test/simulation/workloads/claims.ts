/**
 * Users of claims: a StatefulSet that has one for each pod, claims that are bound before there is a pod, and claims
 * that want the one volume that an administrator has made.
 */
import { statefulSets } from '../../../api/apps/v1/stateful-set.ts';
import { persistentVolumeClaims } from '../../../api/core/v1/persistent-volume-claim.ts';
import { persistentVolumes } from '../../../api/core/v1/persistent-volume.ts';
import { pods } from '../../../api/core/v1/pod.ts';
import { storageClasses } from '../../../api/storage/v1/storage-class.ts';
import { LOCAL_PROVISIONER } from '../../../kubelet/local-volumes/plan.ts';
import type { SeededRandom } from '../seeded-random.ts';
import type { Action, Workload } from './action.ts';
import { deletePod, withPod } from './deployments.ts';
import { template } from './templates.ts';

export const DATA = 'data';
const NAMESPACE = 'default';
const set = { namespace: NAMESPACE, name: DATA };
/** Binding modes are the names of their classes. */
const CLASSES = ['wait', 'now'] as const;
const HAND_MADE = 'hand-made';

export const claimWorkload: Workload = {
  name: 'claims',
  draw(random, calmMs) {
    const startMs = 1_000 + random.below(calmMs / 4);
    const at = (): number => startMs + 1_000 + random.below(calmMs - startMs - 1_000);
    const actions: Action[] = [
      { atMs: 500, text: 'create storage classes', run: createClasses },
      { atMs: startMs, ...drawSet(random) },
    ];
    for (let count = random.below(5); count > 0; count--) actions.push({ atMs: at(), ...drawChange(random) });
    for (let index = random.below(3); index > 0; index--) actions.push(...drawOwnClaim(random, { index, at }));
    if (random.chance(0.5)) {
      actions.push({ atMs: at(), text: `create volume ${HAND_MADE}`, run: createVolume });
      for (const index of [0, 1]) actions.push({ atMs: at(), ...createClaim(`${HAND_MADE}-${index}`, HAND_MADE) });
    }
    return actions;
  },
};

const createClasses: Action['run'] = async ({ client }) => {
  const modes = { wait: 'WaitForFirstConsumer', now: 'Immediate' };
  for (const name of CLASSES) {
    const fields = { provisioner: LOCAL_PROVISIONER, reclaimPolicy: 'Delete', volumeBindingMode: modes[name] };
    await client.create(storageClasses, { metadata: { name }, ...fields } as never);
  }
};

function claimSpec(storageClassName: string): Record<string, unknown> {
  return { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage: '1Gi' } } };
}

function drawSet(random: SeededRandom): Omit<Action, 'atMs'> {
  const storageClass = random.pick(CLASSES);
  const draw = (): string => random.pick(['Retain', 'Delete']);
  const retention = { whenScaled: draw(), whenDeleted: draw() };
  const labels = { app: DATA };
  const spec = {
    serviceName: DATA,
    replicas: 1 + random.below(3),
    podManagementPolicy: random.pick(['OrderedReady', 'Parallel']),
    persistentVolumeClaimRetentionPolicy: retention,
    selector: { matchLabels: labels },
    template: template(labels, 'image-good:1'),
    volumeClaimTemplates: [{ metadata: { name: 'rows' }, spec: claimSpec(storageClass) }],
  };
  return {
    text: `create statefulset ${DATA}: ${spec.replicas} with claims of ${storageClass}, ${JSON.stringify(retention)}`,
    run: ({ client }) => client.create(statefulSets, { metadata: set, spec } as never),
  };
}

function drawChange(random: SeededRandom): Omit<Action, 'atMs'> {
  const replicas = random.below(4);
  const which = random.float();
  const scale: Action['run'] = ({ client }) =>
    client.patch(statefulSets, set, { type: 'merge', body: { spec: { replicas } } });
  const propagationPolicy = random.pick(['Background', 'Foreground'] as const);
  return random.weighted<Omit<Action, 'atMs'>>([
    [4, { text: `scale ${DATA} to ${replicas}`, run: scale }],
    [2, { text: `delete a pod of ${DATA}`, run: withPod({ app: DATA, which }, deletePod) }],
    [
      1,
      {
        text: `delete ${DATA}, ${propagationPolicy}`,
        run: ({ client }) => client.delete(statefulSets, set, { propagationPolicy }),
      },
    ],
  ]);
}

function createClaim(name: string, storageClass: string): Omit<Action, 'atMs'> {
  const claim = { metadata: { namespace: NAMESPACE, name }, spec: claimSpec(storageClass) };
  return {
    text: `create claim ${name} of ${storageClass}`,
    run: ({ client }) => client.create(persistentVolumeClaims, claim as never),
  };
}

/** With a pod that uses it or without, and gone again, perhaps while that pod still runs. */
function drawOwnClaim(random: SeededRandom, { index, at }: { index: number; at: () => number }): Action[] {
  const name = `own-${index}`;
  const object = { namespace: NAMESPACE, name };
  const atMs = at();
  const actions: Action[] = [{ atMs, ...createClaim(name, random.pick(CLASSES)) }];
  if (random.chance(0.6)) {
    const { spec } = template({ app: name }, 'image-good:1') as { spec: object };
    const volumes = [{ name: 'rows', persistentVolumeClaim: { claimName: name } }];
    const pod = { metadata: { ...object, labels: { app: name } }, spec: { ...spec, volumes } };
    const create: Action['run'] = ({ client }) => client.create(pods, pod as never);
    actions.push({ atMs: atMs + 200, text: `create pod ${name} with that claim`, run: create });
    if (random.chance(0.5))
      actions.push({ atMs: at(), text: `delete pod ${name}`, run: withPod({ app: name, which: 0 }, deletePod) });
  }
  if (random.chance(0.5)) {
    const run: Action['run'] = async ({ client }) => {
      await client.delete(persistentVolumeClaims, object);
      // It does not go before its pod has.
      await client.delete(pods, object);
    };
    actions.push({ atMs: at(), text: `delete claim ${name}, then its pod`, run });
  }
  return actions;
}

const createVolume: Action['run'] = ({ client }) =>
  client.create(persistentVolumes, {
    metadata: { name: HAND_MADE },
    spec: {
      capacity: { storage: '2Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: HAND_MADE,
      persistentVolumeReclaimPolicy: 'Retain',
      hostPath: { path: '/srv/rows' },
    },
  } as never);
