/** `nocher status` and `nocher kubeconfig`. */
import { existsSync, readFileSync } from 'node:fs';
import type { ClusterStatus, ComponentHealth, NodeHealth } from './cluster-health.ts';
import type { UpFlags } from './config.ts';
import { UsageError } from './config.ts';
import { askRunning } from './control-socket.ts';
import type { DataFolder } from './data-folder.ts';
import { openDataFolder } from './data-folder.ts';

const TIMEOUT_MS = 10_000;

/** Exit code 0 when every part is well. */
export async function status(flags: UpFlags): Promise<void> {
  const format = flags['output'];
  if (format !== undefined && format !== 'json') throw new UsageError(`--output: ${String(format)} is not json`);
  const folder = openDataFolder(flags['dataDir'] as string);
  const found = folder.running() === undefined ? undefined : await askStatus(folder);
  if (format === 'json')
    process.stdout.write(
      `${JSON.stringify(found ?? { healthy: false, running: false, dataDir: folder.path }, null, 2)}\n`,
    );
  else
    process.stdout.write(
      found === undefined ? `no cluster is running on ${folder.path}; start one with: nocher up\n` : statusText(found),
    );
  process.exitCode = found?.healthy === true ? 0 : 1;
}

async function askStatus(folder: DataFolder): Promise<ClusterStatus> {
  const pid = folder.running()?.pid;
  if (!existsSync(folder.file('run', 'control.sock')))
    throw new UsageError(`the cluster on ${folder.path} is being started or stopped (pid ${pid})`);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
  });
  try {
    return (await Promise.race([askRunning(folder, 'status'), late])) as ClusterStatus;
  } catch (error) {
    throw new UsageError(
      `the cluster on ${folder.path} does not say how it is (pid ${pid}): ${(error as Error).message}`,
    );
  } finally {
    clearTimeout(timer);
  }
}

/** Nodes of one runtime that are well share a line when there are more. */
const MANY_NODES = 5;

export function statusText(found: ClusterStatus): string {
  const rows: ComponentHealth[] = [...found.components, ...nodeRows(found.nodes), podRow(found)];
  const width = Math.max(...rows.map(({ name }) => name.length));
  const lines = rows.map(
    ({ name, healthy, detail }) => `${name.padEnd(width)}  ${healthy ? 'ok    ' : 'FAILED'}  ${detail}`,
  );
  const head = `${found.healthy ? 'running' : 'running, but not well'} for ${duration(found.uptimeSeconds)}, pid ${found.pid}, ${found.version}, in ${found.dataDir}`;
  return `${[head, ...lines].join('\n')}\n`;
}

function podRow({ pods: { running, total } }: ClusterStatus): ComponentHealth {
  return { name: 'pods', healthy: true, detail: `${running} of ${total} running` };
}

function nodeRows(nodes: readonly NodeHealth[]): ComponentHealth[] {
  const byRuntime = new Map<string, NodeHealth[]>();
  for (const node of nodes)
    if (node.healthy) byRuntime.set(node.runtime, [...(byRuntime.get(node.runtime) ?? []), node]);
  const row = (node: NodeHealth): ComponentHealth => ({ ...node, name: `node ${node.name}` });
  const well = [...byRuntime].flatMap(([runtime, some]) => {
    if (some.length <= MANY_NODES) return some.map(row);
    const running = some.reduce((sum, node) => sum + node.pods, 0);
    return [{ name: `${some.length} nodes`, healthy: true, detail: `Ready, ${runtime}, ${running} pods running` }];
  });
  return [...well, ...nodes.filter(({ healthy }) => !healthy).map(row)];
}

export function duration(seconds: number): string {
  const parts: [string, number][] = [
    ['d', Math.floor(seconds / 86_400)],
    ['h', Math.floor(seconds / 3600) % 24],
    ['min', Math.floor(seconds / 60) % 60],
    ['s', seconds % 60],
  ];
  const first = parts.findIndex(([, value]) => value > 0);
  return parts
    .slice(first === -1 ? 3 : first, first === -1 ? 4 : first + 2)
    .map(([unit, value]) => `${value} ${unit}`)
    .join(' ');
}

export function printKubeconfig(flags: UpFlags): void {
  const folder = openDataFolder(flags['dataDir'] as string);
  try {
    process.stdout.write(readFileSync(folder.file('admin.kubeconfig'), 'utf8'));
  } catch {
    throw new UsageError(`there is no cluster in ${folder.path}; start one with: nocher up`);
  }
}
