/** Scaling, changing and rolling out workloads on a simulated node, with every kubectl release that is supported. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Cluster, Json, NamespacedKubectl } from './harness.ts';
import { done, eventually, failed, kubectlIn, EVERY_MINOR, startCluster } from './harness.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster(['--runtime', 'simulated', '--storage', 'memory']);
});
afterAll(() => cluster?.stop());

const json = (text: string): Json => JSON.parse(text);

describe.each(EVERY_MINOR)('kubectl 1.%s', (minor) => {
  let k: NamespacedKubectl;
  const object = (...what: string[]): Json => json(k.ok('get', ...what, '-o', 'json'));
  const image = (name: string): string =>
    k.ok('get', 'deployment', name, '-o', 'jsonpath={.spec.template.spec.containers[0].image}');
  const rolledOut = (name: string): void => void k.ok('rollout', 'status', `deployment/${name}`, '--timeout=60s');

  beforeAll(async () => {
    k = await kubectlIn(cluster, minor);
  });

  describe('scale and set', () => {
    beforeAll(() => {
      k.ok('create', 'deployment', 'sized', '--image=app:1', '--replicas=1');
      rolledOut('sized');
    });

    it('scales', async () => {
      expect(k('scale', 'deployment/sized', '--replicas=3')).toEqual(done('deployment.apps/sized scaled\n'));
      expect(k('scale', 'deployment/sized', '--replicas=5', '--current-replicas=2')).toEqual(
        failed('error: Expected replicas to be 2, was 3\n'),
      );
      expect(k('scale', 'deployment/sized', '--replicas=2', '--current-replicas=3')).toEqual(
        done('deployment.apps/sized scaled\n'),
      );
      // Older releases say less.
      expect(k('scale', 'deployment/nosuch', '--replicas=1')).toEqual(
        failed(
          expect.stringMatching(
            /^(error: no objects passed to scale|Error from server \(NotFound\):)( deployments\.apps "nosuch" not found)?\n$/,
          ) as unknown as string,
        ),
      );
      expect(k('scale', 'configmap/kube-root-ca.crt', '--replicas=1')).toEqual(
        failed('Error from server (NotFound): the server could not find the requested resource\n'),
      );
      await eventually('two ready pods', () => object('deployment', 'sized').status.readyReplicas === 2);
    });

    it('sets images, environment and resources', () => {
      expect(k('set', 'image', 'deployment/sized', 'app=app:2')).toEqual(done('deployment.apps/sized image updated\n'));
      expect(k('set', 'image', 'deployment/sized', 'nosuch=app:2')).toEqual(
        failed('error: unable to find container named "nosuch"\n'),
      );
      expect(k('set', 'env', 'deployment/sized', 'A=b')).toEqual(done('deployment.apps/sized env updated\n'));
      expect(k('set', 'env', 'deployment/sized', '--list')).toEqual(done('# Deployment sized, container app\nA=b\n'));
      expect(k('set', 'env', 'deployment/sized', 'A-')).toEqual(done('deployment.apps/sized env updated\n'));
      expect(k('set', 'resources', 'deployment/sized', '--limits=cpu=10m,memory=16Mi')).toEqual(
        done('deployment.apps/sized resource requirements updated\n'),
      );
      expect(k('set', 'serviceaccount', 'deployment/sized', 'default')).toEqual(
        done('deployment.apps/sized serviceaccount updated\n'),
      );
      const { containers, serviceAccountName } = object('deployment', 'sized').spec.template.spec;
      expect(serviceAccountName).toBe('default');
      expect(containers).toMatchObject([{ image: 'app:2', resources: { limits: { cpu: '10m', memory: '16Mi' } } }]);
      expect(containers[0].env).toBeUndefined();
      rolledOut('sized');
    });
  });

  describe('rollout [W3]', () => {
    beforeAll(() => {
      k.ok('create', 'deployment', 'web', '--image=app:1', '--replicas=2');
      rolledOut('web');
    });

    it('reports and remembers', () => {
      expect(k('rollout', 'status', 'deployment/web')).toEqual(done('deployment "web" successfully rolled out\n'));
      k.ok('annotate', 'deployment/web', 'kubernetes.io/change-cause=first');
      k.ok('set', 'image', 'deployment/web', 'app=app:2');
      rolledOut('web');
      k.ok('annotate', 'deployment/web', 'kubernetes.io/change-cause=second');
      const history = (): string => k.ok('rollout', 'history', 'deployment/web');
      return eventually(
        'the history',
        () => history() === 'deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         first\n2         second\n\n',
      );
    });

    it('shows a revision', () => {
      expect(k.ok('rollout', 'history', 'deployment/web', '--revision=1')).toContain(
        'deployment.apps/web with revision #1\nPod Template:\n',
      );
      expect(k('rollout', 'history', 'deployment/web', '--revision=9')).toEqual(
        failed('error: unable to find the specified revision\n'),
      );
    });

    it('goes back, to the same ReplicaSet', () => {
      const sets = (): string[] =>
        object('replicaset', '-l', 'app=web')
          .items.map(({ metadata }: Json) => metadata.name)
          .sort();
      const before = sets();
      expect(k('rollout', 'undo', 'deployment/web')).toEqual(done('deployment.apps/web rolled back\n'));
      rolledOut('web');
      expect(image('web')).toBe('app:1');
      expect(sets()).toEqual(before);
      expect(object('deployment', 'web').metadata.annotations['deployment.kubernetes.io/revision']).toBe('3');
      expect(k('rollout', 'undo', 'deployment/web', '--to-revision=2')).toEqual(
        done('deployment.apps/web rolled back\n'),
      );
      rolledOut('web');
      expect(image('web')).toBe('app:2');
      expect(k('rollout', 'undo', 'deployment/web', '--to-revision=99')).toEqual(
        failed('error: unable to find specified revision 99 in history\n'),
      );
    });

    it('pauses and resumes', async () => {
      expect(k('rollout', 'pause', 'deployment/web')).toEqual(done('deployment.apps/web paused\n'));
      expect(k('rollout', 'pause', 'deployment/web')).toEqual(
        failed('error: deployments.apps "web" is already paused\n'),
      );
      expect(k('rollout', 'restart', 'deployment/web').stderr).toContain("can't restart paused deployment");
      expect(k('rollout', 'undo', 'deployment/web').stderr).toContain('you cannot rollback a paused deployment');
      k.ok('set', 'image', 'deployment/web', 'app=app:3');
      await eventually(
        'the pause to be noticed',
        () => object('deployment', 'web').status.observedGeneration === object('deployment', 'web').metadata.generation,
      );
      expect(k('rollout', 'status', 'deployment/web', '--watch=false').stdout).toContain(
        'Waiting for deployment "web" rollout to finish: 0 out of 2 new replicas have been updated...',
      );
      expect(k('rollout', 'resume', 'deployment/web')).toEqual(done('deployment.apps/web resumed\n'));
      expect(k('rollout', 'resume', 'deployment/web')).toEqual(failed('error: deployments.apps "web" is not paused\n'));
      rolledOut('web');
    });

    it('restarts', () => {
      const pods = (): string => k.ok('get', 'pod', '-l', 'app=web', '-o', 'name');
      const before = pods().split('\n');
      expect(k('rollout', 'restart', 'deployment/web')).toEqual(done('deployment.apps/web restarted\n'));
      const { code, stdout } = k('rollout', 'status', 'deployment/web', '--timeout=60s');
      expect({ code, last: stdout.split('\n').at(-2) }).toEqual({
        code: 0,
        last: 'deployment "web" successfully rolled out',
      });
      expect(object('deployment', 'web').spec.template.metadata.annotations).toHaveProperty([
        'kubectl.kubernetes.io/restartedAt',
      ]);
      const running = object('pod', '-l', 'app=web', '--field-selector=status.phase=Running').items.filter(
        ({ metadata }: Json) => metadata.deletionTimestamp === undefined,
      );
      expect(running).toHaveLength(2);
      for (const { metadata } of running) expect(before).not.toContain(`pod/${metadata.name}`);
    });

    it('tells what it did', () => {
      const events = k.ok(
        'get',
        'events',
        '--field-selector=involvedObject.kind=Deployment,involvedObject.name=web',
        '-o',
        'jsonpath={range .items[*]}{.reason} {.message}{"\\n"}{end}',
      );
      expect(events).toMatch(/^ScalingReplicaSet Scaled up replica set web-[a-z0-9]+ from 0 to 2$/m);
      expect(events).toMatch(/^ScalingReplicaSet Scaled down replica set web-[a-z0-9]+ from 1 to 0$/m);
    });

    it('rolls nothing out when a line that says nothing is taken away', async () => {
      const manifest = (zeros: boolean): string =>
        `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: zeroed}\nspec:\n${zeros ? '  minReadySeconds: 0\n' : ''}  selector: {matchLabels: {app: zeroed}}\n  template: {metadata: {labels: {app: zeroed}}, spec: {${zeros ? 'hostNetwork: false, ' : ''}containers: [{name: a, image: "app:1"}]}}\n`;
      k.given(manifest(true), 'apply', '-f', '-');
      rolledOut('zeroed');
      const { metadata, spec } = object('deployment', 'zeroed');
      expect(spec).not.toHaveProperty('minReadySeconds');
      expect(spec.template.spec).not.toHaveProperty('hostNetwork');
      expect(k.given(manifest(false), 'apply', '-f', '-')).toMatchObject({
        code: 0,
        stdout: 'deployment.apps/zeroed configured\n',
      });
      // The generation moves with the annotation that kubectl keeps, and the controller has seen it.
      const seen = (): boolean => object('deployment', 'zeroed').status.observedGeneration > metadata.generation;
      await eventually('the controller', seen);
      expect(object('replicaset', '-l', 'app=zeroed').items).toHaveLength(1);
      expect(k.given(manifest(false), 'apply', '-f', '-')).toEqual(done('deployment.apps/zeroed unchanged\n'));
    });

    it('gives up at the deadline', () => {
      const stuck =
        'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: stuck}\nspec:\n  progressDeadlineSeconds: 2\n  selector: {matchLabels: {app: stuck}}\n  template: {metadata: {labels: {app: stuck}}, spec: {nodeSelector: {nosuch: "true"}, containers: [{name: a, image: app}]}}\n';
      k.given(stuck, 'apply', '-f', '-');
      const { code, stderr } = k('rollout', 'status', 'deployment/stuck', '--timeout=30s');
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: 'error: deployment "stuck" exceeded its progress deadline\n',
      });
      expect(
        k.ok('get', 'events', '--field-selector=reason=FailedScheduling', '-o', 'jsonpath={.items[*].message}'),
      ).toContain("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.");
      expect(k('rollout', 'status', 'deployment/nosuch')).toEqual(
        failed('Error from server (NotFound): deployments.apps "nosuch" not found\n'),
      );
    });
  });

  describe.each([
    ['statefulset', 'StatefulSet', 'W5'],
    ['daemonset', 'DaemonSet', 'W6'],
  ])('rollout of a %s', (resource, kind, row) => {
    const which = `${resource}/own`;
    const pods = (): Json[] =>
      object('pod', '-l', `app=${resource}`).items.filter(
        ({ metadata }: Json) => metadata.deletionTimestamp === undefined,
      );
    const images = (): string[] => pods().map(({ spec }) => spec.containers[0].image);
    const history = (): string[] =>
      k
        .ok('rollout', 'history', which)
        .split('\n')
        .filter((line) => /^\d/.test(line))
        .map((line) => line.replace(/ +/, ' '));
    const settled = (): void => void k.ok('rollout', 'status', which, '--timeout=60s');

    beforeAll(() => {
      const labels = { app: resource };
      const manifest = {
        apiVersion: 'apps/v1',
        kind,
        metadata: { name: 'own', annotations: { 'kubernetes.io/change-cause': 'first' } },
        spec: {
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'app', image: 'app:1' }] },
          },
        },
      };
      expect(k.given(JSON.stringify(manifest), 'create', '-f', '-').code).toBe(0);
      settled();
    });

    it(`remembers [${row}]`, () => {
      k.ok('annotate', which, '--overwrite', 'kubernetes.io/change-cause=second');
      k.ok('set', 'image', which, 'app=app:2');
      settled();
      expect(images()).toEqual(['app:2']);
      expect(history()).toEqual(['1 first', '2 second']);
      expect(k.ok('rollout', 'history', which, '--revision=1')).toMatch(/Image:\s+app:1\n/);
      expect(k('rollout', 'history', which, '--revision=9')).toEqual(
        failed('error: unable to find the specified revision\n'),
      );
    });

    it(`goes back, to the same revision [${row}]`, () => {
      expect(k('rollout', 'undo', which)).toEqual(done(`${resource}.apps/own rolled back\n`));
      settled();
      expect(images()).toEqual(['app:1']);
      expect(history()).toEqual(['2 second', '3 first']);
      expect(k('rollout', 'undo', which, '--to-revision=2')).toEqual(done(`${resource}.apps/own rolled back\n`));
      settled();
      expect(images()).toEqual(['app:2']);
      expect(history()).toEqual(['3 first', '4 second']);
      expect(k('rollout', 'undo', which, '--to-revision=99')).toEqual(
        failed('error: unable to find specified revision 99 in history\n'),
      );
    });

    it(`restarts [${row}]`, () => {
      const before = pods().map(({ metadata }) => metadata.uid);
      expect(k('rollout', 'restart', which)).toEqual(done(`${resource}.apps/own restarted\n`));
      settled();
      for (const { metadata } of pods()) expect(before).not.toContain(metadata.uid);
      expect(history()).toHaveLength(3);
    });

    it(`tells what it did [${row}]`, async () => {
      const created = kind === 'StatefulSet' ? 'create Pod own-0 in StatefulSet own successful' : /^Created pod: own-/;
      const deleted = kind === 'StatefulSet' ? 'delete Pod own-0 in StatefulSet own successful' : /^Deleted pod: own-/;
      await eventually('the events', () => {
        const { items } = object('events', `--field-selector=involvedObject.kind=${kind},involvedObject.name=own`);
        const has = (reason: string, text: string | RegExp): boolean =>
          items.some((event: Json) => event.reason === reason && event.message.search(text) === 0);
        return has('SuccessfulCreate', created) && has('SuccessfulDelete', deleted);
      });
    });
  });

  describe('expose and run', () => {
    it('exposes', () => {
      k.ok('create', 'deployment', 'exposed', '--image=app:1', '--port=8080');
      rolledOut('exposed');
      expect(k('expose', 'deployment/exposed', '--port=80', '--target-port=8080')).toEqual(
        done('service/exposed exposed\n'),
      );
      expect(k('expose', 'deployment/exposed', '--port=80')).toEqual(
        failed('Error from server (AlreadyExists): services "exposed" already exists\n'),
      );
      expect(k('expose', 'deployment/exposed', '--name=exposed-np', '--type=NodePort')).toEqual(
        done('service/exposed-np exposed\n'),
      );
      const { spec } = object('service', 'exposed');
      expect(spec).toMatchObject({
        type: 'ClusterIP',
        selector: { app: 'exposed' },
        ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }],
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
      });
      return eventually(
        'an endpoint',
        () =>
          object('endpointslice', '-l', 'kubernetes.io/service-name=exposed').items[0]?.endpoints?.[0]?.conditions
            .ready === true,
      );
    });

    it('runs a pod, by itself or with a Service', () => {
      expect(
        k(
          'run',
          'lone',
          '--image=app:1',
          '--restart=Never',
          '--labels=a=b',
          '--env=X=y',
          '--port=80',
          '--',
          'one',
          'two',
        ),
      ).toEqual(done('pod/lone created\n'));
      const { metadata, spec } = object('pod', 'lone');
      expect(metadata.labels).toEqual({ a: 'b' });
      expect(spec).toMatchObject({
        restartPolicy: 'Never',
        serviceAccountName: 'default',
        containers: [
          {
            name: 'lone',
            image: 'app:1',
            imagePullPolicy: 'IfNotPresent',
            args: ['one', 'two'],
            env: [{ name: 'X', value: 'y' }],
            ports: [{ containerPort: 80, protocol: 'TCP' }],
          },
        ],
      });
      expect(k('wait', '--for=condition=Ready', 'pod/lone', '--timeout=30s')).toEqual(done('pod/lone condition met\n'));
      expect(k('run', 'lone', '--image=x')).toEqual(
        failed('Error from server (AlreadyExists): pods "lone" already exists\n'),
      );
      expect(k('run', 'both', '--image=x', '--expose', '--port=80')).toEqual(
        done('service/both created\npod/both created\n'),
      );
      expect(k('run', 'dry', '--image=x', '--dry-run=client', '-o', 'name')).toEqual(done('pod/dry\n'));
      expect(k('run', 'Wrong', '--image=x').stderr).toContain(
        'metadata.name: Invalid value: "Wrong": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters',
      );
    });
  });
});
