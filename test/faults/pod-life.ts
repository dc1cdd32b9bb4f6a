/**
 * A pod whose life has everything in it that a kubelet does for one, and what must hold of it however often the kubelet
 * is killed. Its containers write down what happens to them in a folder of the host.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from '../../api/core/v1/pod.ts';
import { NODE } from './node-process.ts';
import type { NodeProcess } from './node-process.ts';

export const PODS = '/api/v1/namespaces/default/pods';

const WAIT_MS = 20_000;

const MAIN = `for folder in /empty /memory; do echo "$folder $(stat -c %a $folder) $(stat -f -c %T $folder)"; done >/history/volumes
cat /config/a /secret/b >>/history/volumes
echo run >>/history/main
[ $(wc -l </history/main) -gt 1 ] || { sleep 0.1; exit 3; }
trap 'echo term >>/history/term; exit 0' TERM
while :; do sleep 1000 & wait; done`;

const shell = (script: string): string[] => ['sh', '-c', script];

/** An init container, a container that exits once, hooks, probes, volumes of each sort. */
export function fullPod(name: string, historyFolder: string): object {
  const probe = { exec: { command: ['true'] }, periodSeconds: 1 };
  return {
    metadata: { name },
    spec: {
      nodeName: NODE,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 5,
      volumes: [
        { name: 'history', hostPath: { path: historyFolder } },
        { name: 'empty', emptyDir: {} },
        { name: 'memory', emptyDir: { medium: 'Memory' } },
        { name: 'config', configMap: { name: 'life' } },
        { name: 'secret', secret: { secretName: 'life' } },
      ],
      initContainers: [
        {
          name: 'init',
          image: 'nocher.local/hello:1',
          command: shell('echo run >>/history/init'),
          volumeMounts: [{ name: 'history', mountPath: '/history' }],
        },
      ],
      containers: [
        {
          name: 'main',
          image: 'nocher.local/hello:1',
          imagePullPolicy: 'Always',
          command: shell(MAIN),
          lifecycle: {
            postStart: { exec: { command: shell('echo done >>/history/postStart') } },
            preStop: { exec: { command: shell('echo done >>/history/preStop') } },
          },
          startupProbe: { ...probe, failureThreshold: 10 },
          readinessProbe: probe,
          livenessProbe: { ...probe, failureThreshold: 1 },
          volumeMounts: [
            { name: 'history', mountPath: '/history' },
            { name: 'empty', mountPath: '/empty' },
            { name: 'memory', mountPath: '/memory' },
            { name: 'config', mountPath: '/config' },
            { name: 'secret', mountPath: '/secret' },
          ],
        },
      ],
    },
  };
}

/** How often a line was written into one of the pod's files. */
export function timesOf(node: NodeProcess, name: string, file: string): number {
  const path = join(node.folder, 'history', name, file);
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0;
}

/** What the pod's container saw of its volumes at its last start. */
export function volumesSeen(node: NodeProcess, name: string): string {
  return readText(join(node.folder, 'history', name, 'volumes')) ?? '';
}

export async function createFullPod(node: NodeProcess, name: string): Promise<Pod> {
  const folder = join(node.folder, 'history', name);
  mkdirSync(folder);
  return node.server.call<Pod>('POST', PODS, fullPod(name, folder));
}

/** A pod of one container that runs until it is told to end. */
export function simplePod(name: string, spec: object = {}): object {
  const command = shell("trap 'exit 0' TERM; while :; do sleep 1000 & wait; done");
  return {
    metadata: { name },
    spec: {
      nodeName: NODE,
      automountServiceAccountToken: false,
      containers: [{ name: 'main', image: 'nocher.local/hello:1', command }],
      ...spec,
    },
  };
}

export async function podOf(node: NodeProcess, name: string): Promise<Pod | undefined> {
  const { status, body } = await node.server.send('GET', `${PODS}/${name}`);
  return status === 404 ? undefined : (body as Pod);
}

export function isReady(pod: Pod | undefined): boolean {
  return pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

/**
 * Waits until the condition holds; a kubelet that was killed is started again, and no container ever runs twice.
 * Resolves with how often it was killed.
 */
export async function untilThroughCrashes(
  node: NodeProcess,
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<number> {
  const endMs = Date.now() + WAIT_MS;
  for (let crashes = 0; ;) {
    if (!node.isRunning) {
      crashes++;
      await node.start();
    }
    const running = runningOf(node).map(({ container }) => container);
    if (running.length !== new Set(running).size) throw new Error(`something runs twice: ${running.join()}`);
    if (await condition()) return crashes;
    if (Date.now() > endMs) throw new Error(`never: ${what}\n${node.printed}`);
    await sleep(15);
  }
}

/** What the machine still has of a pod: folders, cgroups, mounts. */
export function tracesOf(node: NodeProcess, uid: string): string[] {
  const found: string[] = [];
  for (const parent of ['pods', 'pods/.memory', 'logs'])
    found.push(...names(join(node.folder, parent)).filter((name) => name.endsWith(uid)));
  for (const { sandbox, owner } of sandboxesOf(node)) if (owner === uid) found.push(`sandbox ${sandbox}`);
  found.push(...node.cgroups().filter((path) => path.includes(uid)));
  found.push(...node.mounts().filter((path) => path.includes(uid)));
  return found;
}

export function sandboxesOf(node: NodeProcess): { sandbox: string; owner: string }[] {
  return names(join(node.folder, 'sandboxes')).map((sandbox) => ({
    sandbox,
    owner: readJson<SandboxRecord>(join(node.folder, 'sandboxes', sandbox, 'sandbox.json'))?.config.metadata.uid ?? '',
  }));
}

interface SandboxRecord {
  config: { metadata: { name: string; uid: string }; linux: { cgroupParent: string } };
}

/** `pod/container` of every container that has a process, by its cgroup: one that runs twice is there twice. */
export function runningOf(node: NodeProcess): { container: string; id: string }[] {
  const found: { container: string; id: string }[] = [];
  for (const { sandbox } of sandboxesOf(node)) {
    const folder = join(node.folder, 'sandboxes', sandbox);
    const owner = readJson<SandboxRecord>(join(folder, 'sandbox.json'));
    for (const id of owner === undefined ? [] : names(join(folder, 'c'))) {
      const record = readJson<{ config: { metadata: { name: string } } }>(join(folder, 'c', id, 'container.json'));
      const { metadata, linux } = owner!.config;
      if (record === undefined || !node.hasProcess(`${linux.cgroupParent}/${id}`)) continue;
      found.push({ container: `${metadata.name}/${record.config.metadata.name}`, id });
    }
  }
  return found;
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function readJson<T>(path: string): T | undefined {
  const text = readText(path);
  try {
    return text === undefined ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}
