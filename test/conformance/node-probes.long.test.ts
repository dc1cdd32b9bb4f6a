/** Probes that restart containers or keep pods out of service, and hooks that run after a container's start and before its end. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Json } from './conformance.ts';
import { eventually, isRoot } from './conformance.ts';
import type { PodCluster } from './pods.ts';
import { hasCondition, hostCommand, hostMount, hostVolume, podOf, shell, startPodCluster } from './pods.ts';

const suite = isRoot ? describe : describe.skip;
const PODS = '/api/v1/namespaces/default/pods';
/** How long a probe is watched that must not fail: enough for it to fail many times over. */
const WATCHED_MS = 25_000;

let cluster: PodCluster;

/** A web server that is healthy for `process.env.HEALTHY_MS`, then answers 500 while its port stays open. */
const WEB_SERVER = `const started = Date.now(); const limit = Number(process.env.HEALTHY_MS);
require('node:http').createServer((request, response) => { const ok = Date.now() - started < limit; response.writeHead(ok ? 200 : 500);
response.end(ok ? 'ok' : 'error: ' + (Date.now() - started)); }).listen(8080);`;
/** \`grpc.health.v1.Health\`, always SERVING: the message is field 1 = 1. */
const GRPC_SERVER = `require('node:http2').createServer().on('stream', (stream, headers) => {
if (headers[':path'] !== '/grpc.health.v1.Health/Check') { stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' }, { endStream: true }); return; }
stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' })); stream.resume(); stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1])); }).listen(5000);`;

/** A container with a server of the host's node. */
const serving = (script: string, healthyMs = 0): Json => ({
  command: hostCommand(process.execPath, '-e', script),
  env: [{ name: 'HEALTHY_MS', value: String(healthyMs) }],
  volumeMounts: [hostMount],
});
const always = { restartPolicy: 'Always', terminationGracePeriodSeconds: 0, volumes: [hostVolume] };

interface Probed {
  behaviour: string;
  pod: string;
  container: Json;
  restarts: number;
}

const often = { periodSeconds: 1, failureThreshold: 1, initialDelaySeconds: 3, timeoutSeconds: 5 };
const health = (script: string): Json => ({
  ...shell(script),
  livenessProbe: { exec: { command: ['cat', '/tmp/health'] }, ...often },
});
const STEADY_MS = 1e9;

const PROBED: readonly Probed[] = [
  {
    behaviour: 'Pod liveness probe, using local file, restart',
    pod: 'file-restarts',
    container: health('echo ok > /tmp/health; sleep 6; rm -f /tmp/health; sleep 600'),
    restarts: 1,
  },
  {
    behaviour: 'Pod liveness probe, using http endpoint, restart',
    pod: 'http-restarts',
    container: { ...serving(WEB_SERVER, 8000), livenessProbe: { httpGet: { path: '/healthz', port: 8080 }, ...often } },
    restarts: 1,
  },
  {
    behaviour: 'Pod liveness probe, using grpc call, failure',
    pod: 'grpc-restarts',
    container: { ...serving(GRPC_SERVER), livenessProbe: { grpc: { port: 2333 }, ...often } },
    restarts: 1,
  },
  {
    behaviour: 'Pod liveness probe, using local file, no restart',
    pod: 'file-stays',
    container: health('echo ok > /tmp/health; sleep 600'),
    restarts: 0,
  },
  {
    behaviour: 'Pod liveness probe, using tcp socket, no restart',
    pod: 'tcp-stays',
    container: { ...serving(WEB_SERVER, 8000), livenessProbe: { tcpSocket: { port: 8080 }, ...often } },
    restarts: 0,
  },
  {
    behaviour: 'Pod liveness probe, using http endpoint, failure',
    pod: 'http-stays',
    container: { ...serving(WEB_SERVER, STEADY_MS), livenessProbe: { httpGet: { path: '/', port: 8080 }, ...often } },
    restarts: 0,
  },
  {
    behaviour: 'Pod liveness probe, using grpc call, success',
    pod: 'grpc-stays',
    container: { ...serving(GRPC_SERVER), livenessProbe: { grpc: { port: 5000 }, ...often } },
    restarts: 0,
  },
];

const HOOKS: readonly { behaviour: string; pod: string; when: 'postStart' | 'preStop'; how: 'exec' | 'httpGet' }[] = [
  { behaviour: 'Pod Lifecycle, post start exec hook', pod: 'hook-exec-post', when: 'postStart', how: 'exec' },
  { behaviour: 'Pod Lifecycle, prestop exec hook', pod: 'hook-exec-pre', when: 'preStop', how: 'exec' },
  { behaviour: 'Pod Lifecycle, post start http hook', pod: 'hook-http-post', when: 'postStart', how: 'httpGet' },
  { behaviour: 'Pod Lifecycle, prestop http hook', pod: 'hook-http-pre', when: 'preStop', how: 'httpGet' },
  { behaviour: 'Pods, prestop hook', pod: 'hook-killed', when: 'preStop', how: 'exec' },
];

const restartsOf = ({ status }: Json): number => status.containerStatuses?.[0]?.restartCount ?? 0;
const startedMs = new Map<string, number>();

suite('probes and hooks [K1]', () => {
  beforeAll(async () => {
    cluster = await startPodCluster();
    for (const { pod, container } of PROBED) await cluster.create(podOf(pod, container, always));
    await cluster.create(
      podOf(
        'restarts-often',
        { ...serving(WEB_SERVER, 2000), livenessProbe: { httpGet: { path: '/healthz', port: 8080 }, ...often } },
        always,
      ),
    );
    await cluster.create(
      podOf(
        'ready-late',
        { readinessProbe: { httpGet: { path: '/', port: 8080 }, initialDelaySeconds: 10, periodSeconds: 2 } },
        always,
      ),
    );
    await cluster.create(
      podOf(
        'never-ready',
        { readinessProbe: { exec: { command: ['false'] }, initialDelaySeconds: 2, periodSeconds: 1 } },
        always,
      ),
    );
    await cluster.create(podOf('hook-server', {}));
    for (const { pod } of PROBED) startedMs.set(pod, Date.now());
  }, 90_000);
  afterAll(() => cluster?.stop(), 60_000);

  it.each(HOOKS)('$when, $how [conformance: $behaviour]', async ({ pod, when, how }) => {
    const server = await cluster.ready('hook-server');
    const path = `/echo?msg=${pod}`;
    const url = `http://${server.status.podIP}:8080${path}`;
    const handler =
      how === 'exec'
        ? { exec: { command: hostCommand('curl', '--silent', url) } }
        : { httpGet: { path, host: server.status.podIP, port: 8080 } };
    const wasCalled = async (): Promise<boolean> =>
      (await cluster.log('hook-server')).includes(`"GET ${path} HTTP/1.1"`);
    await cluster.create(
      podOf(
        pod,
        {
          ...shell('trap "exit 0" TERM; while :; do sleep 0.2; done'),
          lifecycle: { [when]: handler },
          volumeMounts: [hostMount],
        },
        { volumes: [hostVolume], terminationGracePeriodSeconds: 30 },
      ),
    );
    await cluster.ready(pod);
    // A container is not running before its hook has ended.
    expect(await wasCalled()).toBe(when === 'postStart');
    await cluster.remove(`${PODS}/${pod}`);
    await cluster.gone(pod);
    expect(await wasCalled()).toBe(true);
  });

  it('is not ready before the initial delay [conformance: Pod readiness probe, with initial delay]', async () => {
    const { status } = await cluster.ready('ready-late');
    const readyMs = Date.parse(status.conditions.find(({ type }: Json) => type === 'Ready').lastTransitionTime);
    const runningMs = Date.parse(status.containerStatuses[0].state.running.startedAt);
    // Both are whole seconds.
    expect(readyMs - runningMs).toBeGreaterThanOrEqual(9_000);
    expect(restartsOf({ status })).toBe(0);
  });

  it('is never ready while its probe fails [conformance: Pod readiness probe, failure]', async () => {
    await cluster.running('never-ready');
    const fails = async (): Promise<boolean> =>
      (
        await cluster.get('/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dnever-ready')
      ).items.some(({ reason, count }: Json) => reason === 'Unhealthy' && count > 3);
    await eventually('the probe has failed a few times', async () => {
      expect(hasCondition('Ready')(await cluster.pod('never-ready'))).toBe(false);
      return fails();
    });
    const { status } = await cluster.pod('never-ready');
    expect(status.containerStatuses[0]).toMatchObject({
      ready: false,
      restartCount: 0,
      state: { running: expect.anything() },
    });
  });

  it.each(PROBED)('restarts $restarts times [conformance: $behaviour]', async ({ pod, restarts }) => {
    await cluster.running(pod);
    await eventually(
      `${restarts} restarts`,
      async () => {
        const count = restartsOf(await cluster.pod(pod));
        if (restarts > 0) return count >= restarts;
        expect(count).toBe(0);
        return Date.now() - startedMs.get(pod)! > WATCHED_MS;
      },
      60_000,
    );
  });

  it('restarts again and again [conformance: Pod liveness probe, using http endpoint, multiple restarts (slow)]', async () => {
    let last = 0;
    await eventually(
      'five restarts',
      async () => {
        const count = restartsOf(await cluster.pod('restarts-often'));
        expect(count).toBeGreaterThanOrEqual(last);
        last = count;
        return count >= 5;
      },
      240_000,
    );
  }, 250_000);
});
