/** What a pod on a simulated node asks of the API server: with thousands of nodes, each request counts. */
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { startTestServer } from '../../apiserver/testing.ts';
import type { TestServer } from '../../apiserver/testing.ts';
import type { ApiRequest } from '../../api/machinery/handler.ts';
import { realClock } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import { inProcessClient } from '../../client/in-process.ts';
import { startKubelet } from '../kubelet.ts';
import type { Kubelet, KubeletOptions } from '../kubelet.ts';
import type { PodWorker } from '../pods/pod-worker.ts';
import { createSimulatedRuntime } from './simulated-runtime.ts';
import type { SimulatedRuntime } from './simulated-runtime.ts';

const NODE = 'node-1';
const PODS = '/api/v1/namespaces/default/pods';
/** No other wait is so long to the millisecond. */
const STATUS_DELAY_MS = 31_337;

let server: TestServer;
let simulated: SimulatedRuntime;
let kubelet: Kubelet;
let stop: AbortController;
let requests: string[];
/** Statuses that wait for newer ones. */
let waiting: (() => void)[];
let worker: () => PodWorker | undefined;

const clock: Clock = {
  ...realClock,
  setTimeout(callback, delayMs) {
    if (delayMs !== STATUS_DELAY_MS) return realClock.setTimeout(callback, delayMs);
    waiting.push(callback);
    return () => undefined;
  },
};

beforeEach(async () => {
  server = await startTestServer();
  requests = [];
  waiting = [];
});

async function launch(options: Partial<KubeletOptions>): Promise<void> {
  stop = new AbortController();
  simulated = createSimulatedRuntime({ clock, random: realRandom, podCidr: '10.244.0.0/24' });
  const handler: typeof server.api.handler = async (request: ApiRequest) => {
    const response = await server.api.handler(request);
    requests.push(`${request.query.has('watch') ? 'WATCH' : request.method} ${request.path} ${response.status}`);
    return response;
  };
  const user = { name: `system:node:${NODE}`, groups: ['system:nodes', 'system:authenticated'] };
  kubelet = await startKubelet({
    nodeName: NODE,
    client: inProcessClient({ handler, user, userAgent: 'test' }),
    clock,
    random: realRandom,
    log: silentLogger,
    ...simulated,
    nodeIp: '10.0.0.1',
    podCidr: '10.244.0.0/24',
    kubeletPort: 0,
    dns: { servers: [], domain: 'cluster.local' },
    signal: stop.signal,
    ...options,
  });
  worker = () => kubelet.workers.all()[0];
}
afterEach(async () => {
  stop.abort();
  for (const send of waiting) send();
  await kubelet.stopped;
  await server.close();
});

async function until(condition: () => unknown): Promise<void> {
  while (!(await condition())) await new Promise(setImmediate);
}

const phase = async (): Promise<unknown> =>
  (await server.call<{ status: { phase: string } }>('GET', `${PODS}/web`)).status.phase;

const about = (text: string): string[] => requests.filter((line) => line.includes(text));

async function createPod(): Promise<void> {
  await server.call('POST', PODS, {
    metadata: { name: 'web' },
    spec: {
      nodeName: NODE,
      automountServiceAccountToken: false,
      containers: [{ name: 'web', image: 'nginx', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
      volumes: [{ name: 'v', configMap: { name: 'absent' } }],
    },
  });
}

it('requests of a pod are one status when it starts, if statuses wait, and no watch of what volumes would be made of', async () => {
  await launch({ statusDelayMs: STATUS_DELAY_MS });
  await createPod();
  await until(() => worker()?.currentStatus().phase === 'Running');
  expect(await phase()).toBe('Pending');
  waiting.splice(0).forEach((send) => send());
  await until(async () => (await phase()) === 'Running');
  expect(about('/pods/')).toEqual([`PATCH ${PODS}/web/status 200`]);
  expect(about('configmaps')).toEqual([]);
});

it('requests of a pod are none when it is gone', async () => {
  await launch({});
  await createPod();
  await until(async () => (await phase()) === 'Running');
  const { uid } = worker()!;
  await server.call('DELETE', `${PODS}/web`, { gracePeriodSeconds: 0 });
  await until(() => kubelet.workers.get(uid) === undefined);
  expect(about('/pods/').filter((line) => !line.endsWith(' 200'))).toEqual([]);
});
