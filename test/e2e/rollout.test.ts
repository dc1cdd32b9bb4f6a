/**
 * Rollouts with real pods, under a constant load that is never tried again: a good version takes over, a bad one is
 * rolled back, and no request fails. Needs root.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cluster, Json } from './harness.ts';
import { eventually, isRoot, startCluster } from './harness.ts';
import type { LoadReport } from './load.ts';
import { routeToServices, underLoad } from './load.ts';

const suite = isRoot ? describe : describe.skip;
const folder = fileURLToPath(new URL('.', import.meta.url));
const RATE = 100;

/** A check by a Job, which must complete. */
const JOB_CHECK = JSON.stringify({
  name: 'runs',
  timeoutSeconds: 60,
  job: {
    template: {
      spec: {
        template: {
          spec: {
            restartPolicy: 'Never',
            containers: [{ name: 'c', image: 'nocher.local/hello:1', command: ['sh', '-c', 'true'] }],
          },
        },
      },
    },
  },
});

const example = (name: string): string => readFileSync(join(folder, '../../examples/rollout', `${name}.yaml`), 'utf8');

suite('a Rollout under load', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster([]);
    routeToServices(cluster);
    await eventually('Rollouts are served', () => cluster.kubectl(['get', 'rollouts', '-A']).code === 0);
  }, 60_000);
  afterAll(async () => {
    await cluster?.stop();
  });

  const read = (namespace: string): Json =>
    JSON.parse(cluster.run('get', 'ro', 'hello', '-n', namespace, '-o', 'json'));
  const setVersion = (namespace: string, version: string, more: object = {}): void => {
    const env = [{ name: 'HELLO_VERSION', value: version }];
    const container = { name: 'hello', image: 'nocher.local/hello:1', env, ...more };
    const present = read(namespace).spec.template.spec.containers[0];
    const containers = [{ ...present, command: null, ...container }];
    const patch = JSON.stringify({ spec: { template: { spec: { containers } } } });
    cluster.run('patch', 'ro', 'hello', '-n', namespace, '--type=merge', '-p', patch);
  };
  const reaches = async (namespace: string, phase: string): Promise<Json> =>
    eventually(`${namespace} is ${phase}`, () => {
      const rollout = read(namespace);
      const isSeen = rollout.status?.observedGeneration === rollout.metadata.generation;
      return isSeen && rollout.status.phase === phase && rollout;
    });

  const loaded = async (namespace: string, during: () => Promise<void>): Promise<LoadReport> => {
    const clusterIp = cluster.run('get', 'service', 'hello', '-n', namespace, '-o', 'jsonpath={.spec.clusterIP}');
    const url = `http://${clusterIp}:80`;
    await eventually('the Service answers', () => cluster.host('curl', ['-fs', '--noproxy', '*', url]).code === 0);
    return underLoad(cluster, { urls: [url], perSecond: RATE }, during);
  };

  it('by blue-green: promotes a good version, goes back from a bad one, and loses no request [W4]', async () => {
    cluster.apply(
      example('blue-green')
        .replace('scaleDownDelaySeconds: 30', 'scaleDownDelaySeconds: 2\n      abortScaleDownDelaySeconds: 2')
        .replace('prePromotionChecks:', `prePromotionChecks:\n        - ${JOB_CHECK}`),
    );
    await reaches('blue-green', 'Healthy');
    const report = await loaded('blue-green', async () => {
      setVersion('blue-green', '2');
      const paused = await reaches('blue-green', 'Paused');
      expect(paused.status.checks).toMatchObject([
        { name: 'runs', phase: 'Successful', successes: 1 },
        { name: 'answers', phase: 'Successful', successes: 3 },
      ]);
      expect(paused.status.updatedReplicas).toBe(1);
      const status = cluster.nocher(['rollout', 'status', 'hello', '-n', 'blue-green']);
      expect(status).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Paused {2}Pause {2}revision 2/) });
      expect(cluster.nocher(['rollout', 'promote', 'hello', '-n', 'blue-green']).code).toBe(0);
      const done = cluster.nocher(['rollout', 'status', 'hello', '-n', 'blue-green', '--timeout', '30s']);
      expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining('PostPromotionChecks') });

      // It passes its own probes once, and answers nobody.
      const broken = 'touch /tmp/ready; exec sleep 1000';
      const readinessProbe = { exec: { command: ['cat', '/tmp/ready'] }, httpGet: null, periodSeconds: 1 };
      setVersion('blue-green', '3', { command: ['sh', '-c', broken], readinessProbe });
      const degraded = await reaches('blue-green', 'Degraded');
      expect(degraded.status.failure.reason).toBe('PrePromotionCheckFailed');
      await eventually('the stable version serves alone', () => read('blue-green').status.stage === 'Aborted');
      expect(cluster.nocher(['rollout', 'status', 'hello', '-n', 'blue-green']).code).toBe(1);
      expect(cluster.nocher(['rollout', 'undo', 'hello', '-n', 'blue-green']).code).toBe(0);
      await reaches('blue-green', 'Healthy');
    });
    expect(report.failures).toEqual([]);
    expect(Object.keys(report.versions)).toEqual(['1', '2']);
    expect(report.new.sent + report.keepAlive.sent).toBeGreaterThan(200);
  }, 90_000);

  it('by canary: takes a good version step by step, goes back from a bad one, and loses no request [W4]', async () => {
    cluster.apply(
      example('canary')
        .replace('seconds: 10', 'seconds: 1')
        .replace('progressDeadlineSeconds: 60', 'progressDeadlineSeconds: 5'),
    );
    await reaches('canary', 'Healthy');
    const report = await loaded('canary', async () => {
      setVersion('canary', '2');
      const paused = await reaches('canary', 'Paused');
      expect(paused.status).toMatchObject({ currentStepIndex: 2, canary: { weights: { canary: 20, stable: 80 } } });
      expect(cluster.nocher(['rollout', 'promote', 'hello', '-n', 'canary']).code).toBe(0);
      const done = cluster.nocher(['rollout', 'status', 'hello', '-n', 'canary', '--timeout', '30s']);
      expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining('Step 4/5') });

      setVersion('canary', '3', { image: 'nocher.local/missing:1' });
      const degraded = await reaches('canary', 'Degraded');
      expect(degraded.status.failure.reason).toBe('ProgressDeadlineExceeded');
      await eventually('the stable version serves alone', () => read('canary').status.stage === 'Aborted');
    });
    expect(report.failures).toEqual([]);
    expect(Object.keys(report.versions)).toEqual(['1', '2']);
  }, 90_000);

  it('is seen, scaled and waited for with kubectl like any other kind', () => {
    const row = cluster.run('get', 'ro', 'hello', '-n', 'blue-green').split('\n');
    expect(row[0]!.split(/ +/)).toEqual(['NAME', 'PHASE', 'DESIRED', 'UP-TO-DATE', 'AVAILABLE', 'STEP', 'AGE']);
    expect(row[1]!.split(/ +/).slice(0, 4)).toEqual(['hello', 'Healthy', '3', '3']);
    cluster.run('scale', 'ro/hello', '-n', 'blue-green', '--replicas=1');
    const condition = '--for=jsonpath={.status.replicas}=1';
    expect(cluster.run('wait', 'ro/hello', '-n', 'blue-green', condition, '--timeout=30s')).toContain('condition met');
    const told = cluster.run('describe', 'ro', 'hello', '-n', 'blue-green');
    for (const reason of ['SwitchService', 'RolloutPaused', 'RolloutAborted', 'RolledBack', 'RolloutCompleted'])
      expect(told).toContain(reason);
    expect(cluster.kubectl(['get', 'all', '-n', 'blue-green']).stdout).toContain('rollout.rollouts.nocher.io/hello');
  });
});
