/** The commands that write objects, with every kubectl release that is supported, against a control plane without nodes. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Cluster, Json, NamespacedKubectl } from './harness.ts';
import { done, eventually, failed, kubectlIn, EVERY_MINOR, startCluster, writeFile } from './harness.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster(['--runtime', 'none', '--storage', 'memory']);
});
afterAll(() => cluster?.stop());

const json = (text: string): Json => JSON.parse(text);
const NOT_FOUND = (what: string): string => `Error from server (NotFound): ${what} not found\n`;

describe.each(EVERY_MINOR)('kubectl 1.%s', (minor) => {
  let k: NamespacedKubectl;
  const object = (...what: string[]): Json => json(k.ok('get', ...what, '-o', 'json'));
  /** Newer releases name the namespace. */
  const deleted = (...names: string[]): RegExp =>
    new RegExp(`^${names.map((name) => `${name} (force )?deleted( from m${minor} namespace)?\n`).join('')}$`);

  beforeAll(async () => {
    k = await kubectlIn(cluster, minor);
  });

  describe('create', () => {
    it.each([
      [['configmap', 'made', '--from-literal=a=1', '--from-literal=b=2'], 'configmap/made created\n'],
      [['secret', 'generic', 'made', '--from-literal=password=hunter2'], 'secret/made created\n'],
      [['serviceaccount', 'made'], 'serviceaccount/made created\n'],
      [
        ['role', 'made', '--verb=get,list', '--resource=pods,pods/log'],
        'role.rbac.authorization.k8s.io/made created\n',
      ],
      [['rolebinding', 'made', '--role=made', '--user=jane'], 'rolebinding.rbac.authorization.k8s.io/made created\n'],
      [['deployment', 'made', '--image=nginx', '--replicas=2', '--port=80'], 'deployment.apps/made created\n'],
      [['service', 'clusterip', 'made', '--tcp=80:8080'], 'service/made created\n'],
      [['service', 'nodeport', 'made-np', '--tcp=80:8080'], 'service/made-np created\n'],
      [['service', 'externalname', 'made-en', '--external-name=example.com'], 'service/made-en created\n'],
    ])('%j', (args, expected) => {
      expect(k('create', ...args)).toEqual(done(expected));
    });

    it('cluster-scoped kinds', () => {
      expect(k('create', 'clusterrole', `made-${minor}`, '--verb=get', '--resource=nodes')).toEqual(
        done(`clusterrole.rbac.authorization.k8s.io/made-${minor} created\n`),
      );
      expect(k('create', 'clusterrolebinding', `made-${minor}`, `--clusterrole=made-${minor}`, '--group=dev')).toEqual(
        done(`clusterrolebinding.rbac.authorization.k8s.io/made-${minor} created\n`),
      );
      expect(k('create', 'namespace', `made-${minor}`)).toEqual(done(`namespace/made-${minor} created\n`));
      expect(object('clusterrole', `made-${minor}`).rules).toEqual([
        { apiGroups: [''], resources: ['nodes'], verbs: ['get'] },
      ]);
    });

    it('makes the objects that were asked for', () => {
      expect(object('configmap', 'made')).toMatchObject({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        data: { a: '1', b: '2' },
      });
      expect(object('secret', 'made')).toMatchObject({
        type: 'Opaque',
        data: { password: Buffer.from('hunter2').toString('base64') },
      });
      expect(object('rolebinding', 'made')).toMatchObject({
        roleRef: { kind: 'Role', name: 'made' },
        subjects: [{ kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' }],
      });
      const { metadata, spec } = object('deployment', 'made');
      // What the controller notes on a Deployment is no change of what its user wants.
      expect(metadata).toMatchObject({ generation: 1, labels: { app: 'made' } });
      expect(spec).toMatchObject({
        replicas: 2,
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      });
      expect(spec.template.spec).toMatchObject({
        restartPolicy: 'Always',
        dnsPolicy: 'ClusterFirst',
        schedulerName: 'default-scheduler',
        terminationGracePeriodSeconds: 30,
      });
    });

    it('gives Services their addresses and node ports', () => {
      const { clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy } = object('service', 'made').spec;
      expect({ clusterIPs, ipFamilies, ipFamilyPolicy }).toEqual({
        clusterIPs: [clusterIP],
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
      });
      expect(clusterIP).toMatch(/^10\.96\./);
      const { nodePort } = object('service', 'made-np').spec.ports[0];
      expect(nodePort).toBeGreaterThanOrEqual(30000);
      expect(nodePort).toBeLessThanOrEqual(32767);
      expect(k('create', 'service', 'nodeport', 'taken', '--tcp=80', `--node-port=${nodePort}`)).toEqual(
        failed(
          `error: failed to create NodePort service: Service "taken" is invalid: spec.ports[0].nodePort: Invalid value: ${nodePort}: provided port is already allocated\n`,
        ),
      );
    });

    it('refuses what is there already', () => {
      expect(k('create', 'configmap', 'made')).toEqual(
        failed('error: failed to create configmap: configmaps "made" already exists\n'),
      );
      expect(k('create', 'deployment', 'made', '--image=x')).toEqual(
        failed('error: failed to create deployment: deployments.apps "made" already exists\n'),
      );
    });

    it('creates nothing in a dry run', () => {
      expect(k('create', 'configmap', 'dry', '--dry-run=server')).toEqual(
        done('configmap/dry created (server dry run)\n'),
      );
      expect(k('create', 'configmap', 'dry', '--dry-run=client', '-o', 'name')).toEqual(done('configmap/dry\n'));
      expect(k('get', 'configmap', 'dry')).toEqual(failed(NOT_FOUND('configmaps "dry"')));
    });

    it('reads several documents', () => {
      const list =
        '{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"list-1"}},{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"gen-"}}]}';
      expect(k.given(list, 'create', '-f', '-').stdout).toMatch(
        /^configmap\/list-1 created\nconfigmap\/gen-[a-z0-9]{5} created\n$/,
      );
    });
  });

  describe('apply', () => {
    const configMap = (data: string): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied, labels: {tier: web}}\ndata: ${data}\n`;
    const service =
      'apiVersion: v1\nkind: Service\nmetadata: {name: applied}\nspec: {selector: {app: a}, ports: [{port: 80}]}\n';
    const apply = (yaml: string, ...flags: string[]) => k.given(yaml, 'apply', '-f', '-', ...flags);

    it('creates, leaves alone, changes and prunes', () => {
      expect(apply(`${configMap('{a: "1", b: "2"}')}---\n${service}`)).toEqual(
        done('configmap/applied created\nservice/applied created\n'),
      );
      const before = object('service', 'applied');
      expect(apply(`${configMap('{a: "1", b: "2"}')}---\n${service}`)).toEqual(
        done('configmap/applied unchanged\nservice/applied unchanged\n'),
      );
      expect(object('service', 'applied').metadata.resourceVersion).toBe(before.metadata.resourceVersion);
      k.ok('patch', 'configmap', 'applied', '-p', '{"data":{"other":"kept"}}');
      expect(apply(configMap('{a: "changed"}'))).toEqual(done('configmap/applied configured\n'));
      expect(object('configmap', 'applied').data).toEqual({ a: 'changed', other: 'kept' });
      expect(object('service', 'applied').spec.clusterIP).toBe(before.spec.clusterIP);
    });

    it('shows in a diff what it would do', () => {
      expect(k.given(configMap('{a: "changed"}'), 'diff', '-f', '-')).toEqual(done(''));
      const { code, stdout } = k.given(configMap('{a: "next"}'), 'diff', '-f', '-');
      expect(code).toBe(1);
      expect(stdout).toContain('-  a: changed\n+  a: next\n');
      expect(object('configmap', 'applied').data.a).toBe('changed');
    });

    it('merges lists by their keys', () => {
      const deployment = (env: string): string =>
        `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: merged}\nspec:\n  replicas: 0\n  selector: {matchLabels: {app: merged}}\n  template:\n    metadata: {labels: {app: merged}}\n    spec: {containers: [{name: a, image: x, env: ${env}}, {name: b, image: second}]}\n`;
      expect(apply(deployment('[{name: ONE, value: "1"}, {name: TWO, value: "2"}]'))).toEqual(
        done('deployment.apps/merged created\n'),
      );
      k.ok('set', 'env', 'deployment/merged', '-c', 'a', 'OTHER=3');
      expect(apply(deployment('[{name: TWO, value: "22"}]'))).toEqual(done('deployment.apps/merged configured\n'));
      const [first, second] = object('deployment', 'merged').spec.template.spec.containers;
      expect(first.env).toEqual(
        expect.arrayContaining([
          { name: 'TWO', value: '22' },
          { name: 'OTHER', value: '3' },
        ]),
      );
      expect(first.env).toHaveLength(2);
      expect(second.image).toBe('second');
    });

    it('warns of an object that it did not make', () => {
      k.ok('create', 'configmap', 'foreign');
      const { code, stdout, stderr } = apply(
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: foreign}\ndata: {a: "1"}\n',
      );
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'configmap/foreign configured\n' });
      expect(stderr).toContain(
        'Warning: resource configmaps/foreign is missing the kubectl.kubernetes.io/last-applied-configuration annotation',
      );
    });

    it('refuses what no longer fits', () => {
      const { code, stderr } = apply(
        'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: merged}\nspec: {selector: {matchLabels: {app: other}}, template: {metadata: {labels: {app: other}}, spec: {containers: [{name: a, image: x}]}}}\n',
      );
      expect(code).toBe(1);
      expect(stderr).toBe(
        'The Deployment "merged" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"other"}}: field is immutable\n',
      );
    });
  });

  describe('replace and edit', () => {
    it('replaces, and keeps what the server owns', () => {
      k.ok('create', 'configmap', 'replaced', '--from-literal=a=1');
      const { uid } = object('configmap', 'replaced').metadata;
      const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: replaced}\ndata: {b: "2"}\n';
      expect(k.given(yaml, 'replace', '-f', '-')).toEqual(done('configmap/replaced replaced\n'));
      expect(object('configmap', 'replaced')).toMatchObject({ metadata: { uid }, data: { b: '2' } });
      const { code, stdout } = k.given(yaml, 'replace', '--force', '-f', '-');
      expect({ code, stdout: stdout.split('\n').at(-2) }).toEqual({ code: 0, stdout: 'configmap/replaced replaced' });
      expect(object('configmap', 'replaced').metadata.uid).not.toBe(uid);
      expect(k.given(yaml.replace('replaced', 'nosuch'), 'replace', '-f', '-')).toEqual(
        failed('Error from server (NotFound): error when replacing "STDIN": configmaps "nosuch" not found\n'),
      );
    });

    it('takes an unchanged object for no change', () => {
      k.ok('create', 'deployment', 'same', '--image=x', '--replicas=0');
      const before = k.ok('get', 'deployment', 'same', '-o', 'json');
      expect(k.given(before, 'replace', '-f', '-').code).toBe(0);
      expect(object('deployment', 'same').metadata.generation).toBe(1);
    });

    it('refuses a stale object', () => {
      k.ok('create', 'configmap', 'stale');
      const old = k.ok('get', 'configmap', 'stale', '-o', 'json');
      k.ok('label', 'configmap', 'stale', 'moved=on');
      expect(k.given(old, 'replace', '-f', '-')).toEqual(
        failed(
          'Error from server (Conflict): error when replacing "STDIN": Operation cannot be fulfilled on configmaps "stale": the object has been modified; please apply your changes to the latest version and try again\n',
        ),
      );
    });

    it('edits', () => {
      k.ok('create', 'configmap', 'edited', '--from-literal=colour=red');
      expect(k.withEnv({ EDITOR: 'sed -i s/red/blue/' }, 'edit', 'configmap', 'edited')).toEqual(
        done('configmap/edited edited\n'),
      );
      expect(object('configmap', 'edited').data).toEqual({ colour: 'blue' });
      expect(k.withEnv({ EDITOR: 'true' }, 'edit', 'configmap', 'edited')).toEqual(
        done('', 'Edit cancelled, no changes made.\n'),
      );
    });
  });

  describe('label, annotate and patch', () => {
    const change = (...args: string[]) => k(args[0]!, 'configmap', 'marked', ...args.slice(1));
    beforeAll(() => void k.ok('create', 'configmap', 'marked', '--from-literal=a=1'));

    it('labels', () => {
      expect(change('label', 'tier=web')).toEqual(done('configmap/marked labeled\n'));
      expect(change('label', 'tier=db')).toEqual(
        failed("error: 'tier' already has a value (web), and --overwrite is false\n"),
      );
      expect(change('label', 'tier=db', '--overwrite')).toEqual(done('configmap/marked labeled\n'));
      expect(change('label', 'tier=db', '--overwrite')).toEqual(done('configmap/marked not labeled\n'));
      expect(change('label', 'nosuch-')).toEqual(done('label "nosuch" not found.\nconfigmap/marked not labeled\n'));
      expect(change('label', 'tier-')).toEqual(done('configmap/marked unlabeled\n'));
      expect(object('configmap', 'marked').metadata.labels).toBeUndefined();
    });

    it('annotates', () => {
      expect(change('annotate', 'note=one')).toEqual(done('configmap/marked annotated\n'));
      expect(change('annotate', 'note=two')).toEqual(
        failed(
          "error: --overwrite is false but found the following declared annotation(s): 'note' already has a value (one)\n",
        ),
      );
      expect(change('annotate', 'note=two', '--overwrite')).toEqual(done('configmap/marked annotated\n'));
      expect(object('configmap', 'marked').metadata.annotations).toEqual({ note: 'two' });
      expect(change('annotate', 'note-')).toEqual(done('configmap/marked annotated\n'));
      expect(object('configmap', 'marked').metadata.annotations).toBeUndefined();
      expect(change('annotate', '--resource-version=1', 'note=three').stderr).toContain(
        'the object has been modified; please apply your changes to the latest version and try again',
      );
    });

    it('patches in three ways', () => {
      expect(change('patch', '-p', '{"data":{"b":"2"}}')).toEqual(done('configmap/marked patched\n'));
      expect(change('patch', '-p', '{"data":{"b":"2"}}')).toEqual(done('configmap/marked patched (no change)\n'));
      expect(change('patch', '--type=merge', '-p', '{"data":{"b":null,"c":"3"}}')).toEqual(
        done('configmap/marked patched\n'),
      );
      expect(change('patch', '--type=json', '-p', '[{"op":"replace","path":"/data/c","value":"4"}]')).toEqual(
        done('configmap/marked patched\n'),
      );
      expect(object('configmap', 'marked').data).toEqual({ a: '1', c: '4' });
    });

    it('refuses patches that do not fit', () => {
      expect(change('patch', '--type=json', '-p', '[{"op":"test","path":"/data/c","value":"5"}]')).toEqual(
        failed('The request is invalid: the server rejected our request due to an error in our request\n'),
      );
      expect(change('patch', '--type=merge', '-p', 'text')).toEqual(
        failed(
          'Error from server (BadRequest): error decoding patch: json: cannot unmarshal string into Go value of type map[string]interface {}\n',
        ),
      );
      const { code, stderr } = change('patch', '--type=merge', '-p', '{"data":5}');
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^The request is invalid: patch: Invalid value: "\{.*\}": json: cannot unmarshal number into Go struct field ConfigMap.data of type map\[string\]string\n$/,
      );
      expect(k('patch', 'configmap', 'nosuch', '-p', '{}')).toEqual(failed(NOT_FOUND('configmaps "nosuch"')));
    });
  });

  describe('delete and wait', () => {
    const make = (...names: string[]): void => {
      for (const name of names) k.ok('create', 'configmap', name);
    };

    it('deletes by name, file, selector and all', () => {
      make('gone-1', 'gone-2', 'gone-3');
      expect(k('delete', 'configmap', 'gone-1').stdout).toMatch(deleted('configmap "gone-1"'));
      k.ok('label', 'configmap', 'gone-2', 'sweep=yes');
      expect(k('delete', 'configmap', '-l', 'sweep=yes').stdout).toMatch(deleted('configmap "gone-2"'));
      const path = writeFile(
        cluster.dataDir,
        `gone-${minor}.yaml`,
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: gone-3}\n',
      );
      expect(k('delete', '-f', path).stdout).toMatch(deleted('configmap "gone-3"'));
      expect(k('delete', '-f', path)).toEqual(
        failed(`Error from server (NotFound): error when deleting "${path}": configmaps "gone-3" not found\n`),
      );
      expect(k('delete', 'configmap', 'gone-1')).toEqual(failed(NOT_FOUND('configmaps "gone-1"')));
      expect(k('delete', 'configmap', 'gone-1', '--ignore-not-found')).toEqual(done(''));
      k.ok('create', 'secret', 'generic', 'all-1');
      expect(k('delete', 'secret', '--all').code).toBe(0);
      expect(k('get', 'secret')).toEqual(done('', `No resources found in m${minor} namespace.\n`));
    });

    it('waits for finalizers, or does not', () => {
      k.given(
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, finalizers: [example.com/hold]}\n',
        'create',
        '-f',
        '-',
      );
      expect(k('delete', 'configmap', 'held', '--wait=false').code).toBe(0);
      expect(object('configmap', 'held').metadata.deletionTimestamp).toBeDefined();
      // kubectl may say before it that its watch was short.
      const waited = k('wait', '--for=delete', 'configmap/held', '--timeout=1s');
      expect(waited.code).toBe(1);
      expect(waited.stderr).toContain('error: timed out waiting for the condition on configmaps/held\n');
      k.ok('patch', 'configmap', 'held', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
      expect(k('wait', '--for=delete', 'configmap/held', '--timeout=5s').code).toBe(0);
    });

    it('waits for values and conditions', () => {
      k.ok('create', 'deployment', 'awaited', '--image=x', '--replicas=0');
      expect(k('wait', '--for=condition=Available', 'deployment/awaited', '--timeout=10s')).toEqual(
        done('deployment.apps/awaited condition met\n'),
      );
      expect(k('wait', '--for=jsonpath={.spec.replicas}=0', 'deployment/awaited', '--timeout=5s')).toEqual(
        done('deployment.apps/awaited condition met\n'),
      );
      expect(k('wait', '--for=jsonpath={.spec.replicas}=3', 'deployment/awaited', '--timeout=1s')).toEqual(
        failed('error: timed out waiting for the condition on deployments/awaited\n'),
      );
      expect(k('wait', '--for=condition=Ready', 'pod/nosuch', '--timeout=1s')).toEqual(
        failed(NOT_FOUND('pods "nosuch"')),
      );
    });

    it('deletes pods that no kubelet runs at once', () => {
      k.ok('run', 'lone', '--image=x');
      expect(k('delete', 'pod', 'lone', '--grace-period=5').stdout).toMatch(deleted('pod "lone"'));
      k.ok('run', 'lone', '--image=x');
      const { code, stdout, stderr } = k('delete', 'pod', 'lone', '--force', '--grace-period=0');
      expect(code).toBe(0);
      expect(stdout).toMatch(deleted('pod "lone"'));
      expect(stderr).toBe(
        'Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n',
      );
    });

    it.each(['background', 'foreground', 'orphan'])('--cascade=%s', async (policy) => {
      const name = `casc-${policy}`;
      k.ok('create', 'deployment', name, '--image=x', '--replicas=1');
      const sets = (): Json[] => json(k.ok('get', 'replicaset', '-l', `app=${name}`, '-o', 'json')).items;
      await eventually('the ReplicaSet', () => sets().length === 1 && sets()[0].status.replicas === 1);
      k.ok('delete', 'deployment', name, `--cascade=${policy}`);
      if (policy === 'orphan') {
        await eventually('the orphan', () => sets()[0].metadata.ownerReferences === undefined);
        k.ok('delete', 'replicaset', '-l', `app=${name}`);
      }
      await eventually(
        'an empty house',
        () => sets().length === 0 && k.ok('get', 'pod', '-l', `app=${name}`, '-o', 'name') === '',
      );
    });

    it('empties a namespace before it goes', () => {
      const name = `doomed-${minor}`;
      k.ok('create', 'namespace', name);
      cluster.kubectl(['create', 'deployment', 'web', '--image=x', '-n', name], { minor });
      expect(cluster.kubectl(['delete', 'namespace', name, '--timeout=30s'], { minor })).toEqual(
        done(`namespace "${name}" deleted\n`),
      );
      expect(cluster.kubectl(['get', 'deployment,pod', '-n', name], { minor })).toEqual(
        done('', `No resources found in ${name} namespace.\n`),
      );
    });
  });
});
