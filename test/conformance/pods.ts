/**
 * Real pods for the conformance tests of node and storage: many are started at once, and each test then looks at its
 * own. What upstream does with its test images is done with the hello image, and with the host's node and curl, which
 * containers reach through a mount of the host's root.
 */
import type { Conformance, Json } from './conformance.ts';
import { eventually, IMAGE, startConformance } from './conformance.ts';

export const NAMESPACE = 'default';
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;

export interface PodCluster extends Conformance {
  create(pod: Json): Promise<Json>;
  pod(name: string): Promise<Json>;
  /** When its phase is Succeeded or Failed. */
  finished(name: string): Promise<Json>;
  running(name: string): Promise<Json>;
  ready(name: string): Promise<Json>;
  log(name: string, container?: string): Promise<string>;
  /** Output of a shell script in a container; throws unless it succeeds. */
  inside(name: string, script: string, container?: string): string;
  gone(name: string): Promise<void>;
}

/** A cluster whose pods really run. */
export async function startPodCluster(): Promise<PodCluster> {
  const cluster = await startConformance([]);
  const when = (name: string, what: string, check: (pod: Json) => boolean): Promise<Json> =>
    eventually(
      `pod ${name} is ${what}`,
      async () => {
        const pod = await cluster.get(`${PODS}/${name}`);
        return check(pod) && pod;
      },
      60_000,
    );
  await eventually(
    'the default service account',
    async () => (await cluster.send('GET', `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/default`)).status === 200,
  );
  return {
    ...cluster,
    create: (pod) => cluster.post(PODS, pod),
    pod: (name) => cluster.get(`${PODS}/${name}`),
    finished: (name) =>
      when(name, 'finished', ({ status }) => status.phase === 'Succeeded' || status.phase === 'Failed'),
    running: (name) => when(name, 'running', ({ status }) => status.phase === 'Running'),
    ready: (name) => when(name, 'ready', hasCondition('Ready')),
    log: async (name, container = 'c') =>
      (await cluster.send('GET', `${PODS}/${name}/log?container=${container}`)).body,
    inside: (name, script, container = 'c') => cluster.run('exec', name, '-c', container, '--', 'sh', '-c', script),
    gone: (name) =>
      eventually(`pod ${name} is gone`, async () => (await cluster.send('GET', `${PODS}/${name}`)).status === 404).then(
        () => undefined,
      ),
  };
}

/** Whether a pod's condition is `True`. */
export function hasCondition(type: string): (pod: Json) => boolean {
  return ({ status }) =>
    (status.conditions ?? []).some((condition: Json) => condition.type === type && condition.status === 'True');
}

/** A pod of one container, `c`, that does not restart; `spec` says more about the pod, `container` about it. */
export function podOf(name: string, container: Json, { metadata = {}, ...spec }: Json = {}): Json {
  return {
    metadata: { name, ...metadata },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      containers: [{ name: 'c', image: IMAGE, ...container }],
      ...spec,
    },
  };
}

/** What a container does in a shell. */
export const shell = (script: string): { command: string[] } => ({ command: ['sh', '-c', script] });

/** The host's root, for containers that run the host's programs. */
export const hostVolume = { name: 'host-root', hostPath: { path: '/' } };
export const hostMount = { name: 'host-root', mountPath: '/host' };

/** Runs one of the host's programs in a container that has `hostMount`, in the container's network. */
export const hostCommand = (...command: string[]): string[] => ['/host/usr/sbin/chroot', '/host', ...command];

/** One pod that runs to its end, and what it prints. */
export interface PodCase {
  /** Exact name of the conformance behaviour. */
  behaviour: string;
  /** The container, and what else is in the pod's spec; `metadata` too. */
  container: Json;
  pod?: Json;
  /** The whole log of container `c`; a RegExp where part of it is enough. */
  prints: string | RegExp | ((pod: Json) => string | Promise<string>);
}

const caseName = (index: number): string => `case-${index}`;

/** Starts the pods of all cases. */
export async function startCases(cluster: PodCluster, cases: readonly PodCase[]): Promise<void> {
  await Promise.all(cases.map(({ container, pod }, index) => cluster.create(podOf(caseName(index), container, pod))));
}

/** Waits for the case's pod, expects that it succeeded, and gives what it printed and should have. */
export async function outcome(
  cluster: PodCluster,
  index: number,
  { prints }: PodCase,
): Promise<{ phase: string; printed: string; expected: string | RegExp }> {
  const pod = await cluster.finished(caseName(index));
  const expected = typeof prints === 'function' ? await prints(pod) : prints;
  return { phase: pod.status.phase, printed: await cluster.log(caseName(index)), expected };
}
