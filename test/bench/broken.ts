/**
 * A hundred objects that can never become what they ask for: what the control plane costs while nothing can be done for
 * them. What keeps trying does so at a rate that falls.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchLine } from './bench-line.ts';
import type { BenchClient } from './cluster-process.ts';
import { cpuMs, openClient, startBenchCluster } from './cluster-process.ts';

const SETTLE_SECONDS = 60;
const WATCHED_SECONDS = 60;
/** Of each sort. */
const COPIES = 7;
const TARGET_PERCENT = 5;
const NEVER = 2 ** 31 - 1;

type Body = Record<string, unknown>;

const template = (app: string, spec: Body = {}): Body => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'c', image: 'nowhere.invalid/nothing:1' }], ...spec },
});

/** One of each sort, by the path that takes it. */
function brokenObjects(i: number): [path: string, body: Body][] {
  const name = `broken-${i}`;
  const apps = '/apis/apps/v1/namespaces/broken';
  const batch = '/apis/batch/v1/namespaces/broken';
  const core = '/api/v1/namespaces/broken';
  const set = (app: string, spec: Body = {}): Body => ({
    metadata: { name: app },
    spec: { replicas: 1, selector: { matchLabels: { app } }, template: template(app, spec) },
  });
  const endless = set(`endless-${i}`);
  return [
    // The quota of the namespace stops them.
    [`${apps}/replicasets`, { ...endless, spec: { ...(endless['spec'] as Body), replicas: NEVER } }],
    [
      `${batch}/jobs`,
      { metadata: { name }, spec: { parallelism: NEVER, template: template('job', { restartPolicy: 'Never' }) } },
    ],
    // Two that take each other's pods for their own.
    [`${apps}/deployments`, { ...set('shared'), metadata: { name: `one-${i}` } }],
    [`${apps}/deployments`, { ...set('shared'), metadata: { name: `other-${i}` } }],
    [`${apps}/deployments`, set(`homeless-${i}`, { serviceAccountName: 'nobody' })],
    [`${apps}/statefulsets`, { ...statefulSet(`claims-${i}`) }],
    [
      `${apps}/daemonsets`,
      {
        metadata: { name },
        spec: { selector: { matchLabels: { app: name } }, template: template(name, { nodeSelector: { no: 'where' } }) },
      },
    ],
    [`${batch}/cronjobs`, cronJob(name)],
    ['/apis/autoscaling/v2/namespaces/broken/horizontalpodautoscalers', autoscaler(name)],
    [
      '/apis/policy/v1/namespaces/broken/poddisruptionbudgets',
      { metadata: { name }, spec: { minAvailable: '100%', selector: {} } },
    ],
    [
      `${core}/persistentvolumeclaims`,
      {
        metadata: { name },
        spec: {
          storageClassName: 'missing',
          accessModes: ['ReadWriteMany'],
          resources: { requests: { storage: '1Ei' } },
        },
      },
    ],
    [`${core}/services`, { metadata: { name }, spec: { selector: { app: 'nobody' }, ports: [{ port: 80 }] } }],
    [
      '/api/v1/namespaces/unbounded/pods',
      {
        metadata: { name: `huge-${i}` },
        spec: { containers: [{ name: 'c', image: 'a', resources: { requests: { cpu: '100000' } } }] },
      },
    ],
    [
      '/api/v1/namespaces/unbounded/pods',
      {
        metadata: { name: `waits-${i}` },
        spec: { containers: [{ name: 'c', image: 'a', envFrom: [{ configMapRef: { name: 'missing' } }] }] },
      },
    ],
    [
      '/api/v1/namespaces/unbounded/pods',
      {
        metadata: { name: `mounts-${i}` },
        spec: { containers: [{ name: 'c', image: 'a' }], volumes: [{ name: 'v', secret: { secretName: 'missing' } }] },
      },
    ],
  ];
}

function statefulSet(name: string): Body {
  const spec = {
    storageClassName: 'missing',
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
  };
  return {
    metadata: { name },
    spec: {
      serviceName: name,
      selector: { matchLabels: { app: name } },
      template: template(name),
      volumeClaimTemplates: [{ metadata: { name: 'data' }, spec }],
    },
  };
}

/** On a day that no year has. */
function cronJob(name: string): Body {
  const jobTemplate = { spec: { template: template(name, { restartPolicy: 'Never' }) } };
  return { metadata: { name }, spec: { schedule: '0 0 30 2 *', jobTemplate } };
}

function autoscaler(name: string): Body {
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'gone' };
  return { metadata: { name }, spec: { scaleTargetRef, minReplicas: 1, maxReplicas: NEVER } };
}

export async function run(): Promise<BenchLine[]> {
  const cluster = await startBenchCluster(['--runtime', 'simulated', '--simulated-nodes', '2']);
  try {
    const pid = cluster.child.pid!;
    const client = await openClient(cluster);
    const before = await share(pid);
    for (const name of ['broken', 'unbounded']) await post(client, '/api/v1/namespaces', { metadata: { name } });
    await post(client, '/api/v1/namespaces/broken/resourcequotas', {
      metadata: { name: 'few' },
      spec: { hard: { pods: '20' } },
    });
    await sleep(1_000);
    const bodies = Array.from({ length: COPIES }, (_, i) => brokenObjects(i)).flat();
    for (const [path, body] of bodies) await post(client, path, body);
    await ownersInACircle(client);
    await sleep(SETTLE_SECONDS * 1000);
    const value = await share(pid);
    const what = `CPU with ${bodies.length} objects that can never be well, without them ${before.toFixed(1)} %`;
    const target = `≤ ${TARGET_PERCENT}`;
    return [{ scenario: 'broken', what, value, unit: '% of a core', target, ok: value <= TARGET_PERCENT }];
  } finally {
    await cluster.stop();
  }
}

async function share(pid: number): Promise<number> {
  const before = cpuMs(pid);
  await sleep(WATCHED_SECONDS * 1000);
  return (cpuMs(pid) - before) / (WATCHED_SECONDS * 10);
}

async function post(client: BenchClient, path: string, body: Body): Promise<{ metadata: { uid: string } }> {
  const { status, text } = await client.request('POST', path, JSON.stringify(body));
  if (status !== 201) throw new Error(`${path}: ${text}`);
  return JSON.parse(text) as { metadata: { uid: string } };
}

async function ownersInACircle(client: BenchClient): Promise<void> {
  const path = '/api/v1/namespaces/broken/configmaps';
  const owner = (name: string, uid: string): Body => ({ apiVersion: 'v1', kind: 'ConfigMap', name, uid });
  const { uid } = (await post(client, path, { metadata: { name: 'one' } })).metadata;
  const other = await post(client, path, { metadata: { name: 'other', ownerReferences: [owner('one', uid)] } });
  const one = { metadata: { name: 'one', ownerReferences: [owner('other', other.metadata.uid)] } };
  const { status, text } = await client.request('PUT', `${path}/one`, JSON.stringify(one));
  if (status !== 200) throw new Error(text);
}
