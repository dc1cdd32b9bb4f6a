/** What `nocher status` tells of a running cluster: every part is asked at that moment. */
import { readdirSync, statSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import type { Node } from '../api/core/v1/node.ts';
import { nodes } from '../api/core/v1/node.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { pods } from '../api/core/v1/pod.ts';
import { GIT_VERSION } from '../apiserver/version.ts';
import { realClock } from '../base/clock.ts';
import type { Client } from '../client/client.ts';
import type { UpConfig } from './config.ts';
import type { ControlPlane } from './control-plane.ts';
import type { DataFolder } from './data-folder.ts';
import type { Led } from './leadership.ts';

export interface ComponentHealth {
  name: string;
  healthy: boolean;
  /** What is wrong, or else what it is. */
  detail: string;
}

export interface NodeHealth extends ComponentHealth {
  runtime: string;
  /** Running on it. */
  pods: number;
}

export interface ClusterStatus {
  running: true;
  healthy: boolean;
  version: string;
  pid: number;
  uptimeSeconds: number;
  dataDir: string;
  apiServer: string;
  kubeconfig: string;
  components: ComponentHealth[];
  nodes: NodeHealth[];
  pods: { running: number; total: number };
}

export interface HealthSources {
  config: UpConfig;
  folder: DataFolder;
  controlPlane: ControlPlane;
  /** As kubeconfigs have it. */
  server: string;
  /** PEM. */
  ca: string;
  controllers: Led;
  scheduler: Led;
  /** May list nodes and pods. */
  client: Client;
  /** Services and DNS. */
  network(): Promise<ComponentHealth[]>;
  startedMs: number;
}

export async function clusterStatus(sources: HealthSources): Promise<ClusterStatus> {
  const { folder, client, server } = sources;
  const [api, storage, network, nodeList, podList] = await Promise.all([
    apiHealth(sources),
    storageHealth(sources),
    sources.network(),
    client.list<Node>(nodes),
    client.list<Pod>(pods),
  ]);
  const components = [
    api,
    storage,
    ledHealth('controllers', sources.controllers),
    ledHealth('scheduler', sources.scheduler),
    ...network,
  ];
  const nodeRows = nodeList.items.map((node) => nodeHealth(node, podList.items));
  return {
    running: true,
    healthy: [...components, ...nodeRows].every(({ healthy }) => healthy),
    version: GIT_VERSION,
    pid: process.pid,
    uptimeSeconds: Math.round((realClock.monotonicMs() - sources.startedMs) / 1000),
    dataDir: folder.path,
    apiServer: server,
    kubeconfig: folder.file('admin.kubeconfig'),
    components,
    nodes: nodeRows,
    pods: { running: podList.items.filter(isRunning).length, total: podList.items.length },
  };
}

/** Through its own door, as clients come. */
function apiHealth({ server, ca }: HealthSources): Promise<ComponentHealth> {
  const name = 'API server';
  return new Promise((resolve) => {
    const asked = request(`${server}/readyz`, { ca, timeout: 5_000, agent: false }, (response) => {
      response.resume();
      const healthy = response.statusCode === 200;
      resolve({ name, healthy, detail: healthy ? server : `${server}/readyz answers ${response.statusCode}` });
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer within 5 s')));
    asked.on('error', (error) => resolve({ name, healthy: false, detail: `${server}: ${error.message}` }));
    asked.end();
  });
}

async function storageHealth({ config, folder, controlPlane }: HealthSources): Promise<ComponentHealth> {
  const name = 'storage';
  try {
    const revision = await controlPlane.storage.currentRevision();
    const size = config.storage === 'lmdb' ? `, ${(sizeOf(folder.file('db')) / 2 ** 20).toFixed(1)} MiB` : '';
    return { name, healthy: true, detail: `${config.storage}, revision ${revision}${size}` };
  } catch (error) {
    return { name, healthy: false, detail: String(error) };
  }
}

/** What the files take on the disk: lmdb's are sparse. */
function sizeOf(folder: string): number {
  return readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).blocks * 512, 0);
}

function ledHealth(name: string, led: Led): ComponentHealth {
  const tasks = led.tasks();
  if (tasks === undefined) return { name, healthy: true, detail: 'standing by: another server leads' };
  const problems = tasks.flatMap((task) => (task.problem() === undefined ? [] : [`${task.name}: ${task.problem()}`]));
  const well = tasks.length === 1 ? 'running' : `${tasks.length} running`;
  return { name, healthy: problems.length === 0, detail: problems[0] ?? well };
}

const isRunning = ({ status }: Pod): boolean => status?.phase === 'Running';

function nodeHealth({ metadata, status }: Node, all: readonly Pod[]): NodeHealth {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const runtime = status?.nodeInfo?.containerRuntimeVersion?.split(':')[0] ?? '';
  const running = all.filter((pod) => pod.spec.nodeName === metadata.name && isRunning(pod)).length;
  const healthy = ready?.status === 'True';
  return {
    name: metadata.name ?? '',
    healthy,
    detail: healthy
      ? `Ready, ${running} pod${running === 1 ? '' : 's'} running`
      : `not Ready: ${ready?.message ?? 'it has not reported yet'}`,
    runtime,
    pods: running,
  };
}
