/** Nodes, and the pods on them: listing, watching, describing, cordon, drain, taints and labels, on a simulated node. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startKubectl } from './background.ts';
import type { Cluster, Json, NamespacedKubectl } from './harness.ts';
import { done, eventually, failed, kubectlIn, MINORS, startCluster } from './harness.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster(['--runtime', 'simulated', '--storage', 'memory']);
});
afterAll(() => cluster?.stop());

const rows = (text: string): string[][] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.trim().split(/\s{2,}/));

describe.each(MINORS)('kubectl 1.%s', (minor) => {
  let k: NamespacedKubectl;
  let node: string;
  /** Without a namespace. */
  const kubectl = (...args: string[]) => cluster.kubectl(args, { minor });
  const ok = (...args: string[]): string => {
    const { code, stdout, stderr } = kubectl(...args);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const object = (...what: string[]): Json => JSON.parse(k.ok('get', ...what, '-o', 'json'));

  beforeAll(async () => {
    k = await kubectlIn(cluster, minor);
    node = ok('get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}');
  });
  // What a failed test left must not fail the others.
  afterEach(() => {
    kubectl('uncordon', node);
    kubectl('taint', 'node', node, 'gpu-');
    kubectl('label', 'node', node, 'disk-', 'node-role.kubernetes.io/worker-');
    k('delete', 'pod,deployment', '--all', '--wait=false');
  });

  it('get nodes, plain and wide', () => {
    const [head, row] = rows(ok('get', 'nodes'));
    expect(head).toEqual(['NAME', 'STATUS', 'ROLES', 'AGE', 'VERSION']);
    expect(row).toEqual([node, 'Ready', '<none>', expect.stringMatching(/^\d+m?\d*s?$/), 'v1.36.0+nocher.1']);
    const [wide, cells] = rows(ok('get', 'no', '-o', 'wide'));
    expect(wide!.slice(5)).toEqual(['INTERNAL-IP', 'EXTERNAL-IP', 'OS-IMAGE', 'KERNEL-VERSION', 'CONTAINER-RUNTIME']);
    expect(cells!.slice(5)).toEqual([
      expect.stringMatching(/^[\d.]+$/),
      '<none>',
      expect.any(String),
      expect.any(String),
      expect.stringMatching(/^simulated:\/\//),
    ]);
    expect(kubectl('get', 'nodes', '-o', 'name')).toEqual(done(`node/${node}\n`));
    expect(ok('get', 'node', node, '--show-labels')).toContain(`kubernetes.io/hostname=${node},kubernetes.io/os=linux`);
  });

  it('describe node, with what runs on it and what it told', async () => {
    k.ok(
      'run',
      'load',
      '--image=x',
      '--overrides={"spec":{"containers":[{"name":"load","image":"x","resources":{"requests":{"cpu":"100m","memory":"64Mi"},"limits":{"memory":"128Mi"}}}]}}',
    );
    k.ok('wait', '--for=condition=Ready', 'pod/load', '--timeout=30s');
    const text = await eventually('its events', () => {
      const described = ok('describe', 'node', node);
      return described.includes('RegisteredNode') && described.includes('NodeReady') && described;
    });
    for (const section of [
      'Roles:',
      'Labels:',
      'Annotations:',
      'CreationTimestamp:',
      'Taints:',
      'Unschedulable:',
      'Lease:',
      'Conditions:',
      'Addresses:',
      'Capacity:',
      'Allocatable:',
      'System Info:',
      'PodCIDR:',
      'Non-terminated Pods:',
      'Allocated resources:',
      'Events:',
    ]) {
      expect(text).toMatch(new RegExp(`^${section}`, 'm'));
    }
    expect(text).toMatch(
      new RegExp(
        `^  ${k.namespace} +load +100m \\(\\d+%\\) +0 \\(0%\\) +64Mi \\(\\d+%\\) +128Mi \\(\\d+%\\) +\\d+s$`,
        'm',
      ),
    );
    for (const reason of ['NodeHasSufficientMemory', 'NodeHasNoDiskPressure', 'NodeHasSufficientPID', 'NodeReady']) {
      expect(text).toMatch(
        new RegExp(`Normal +${reason} +\\S+( \\(x\\d+ over \\S+\\))? +kubelet +Node ${node} status is now: ${reason}`),
      );
    }
    expect(text).toMatch(
      new RegExp(
        `Normal +RegisteredNode +\\S+ +node-controller +Node ${node} event: Registered Node ${node} in Controller`,
      ),
    );
    expect(text).toMatch(/^ {2}Ready +True .* KubeletReady +kubelet is posting ready status$/m);
    k.ok('delete', 'pod', 'load');
  });

  it('cordon keeps pods away and says so, uncordon lets them in [T4]', async () => {
    expect(kubectl('cordon', node)).toEqual(done(`node/${node} cordoned\n`));
    expect(kubectl('cordon', node)).toEqual(done(`node/${node} already cordoned\n`));
    expect(rows(ok('get', 'node', node))[1]![1]).toBe('Ready,SchedulingDisabled');
    expect(object('node', node).spec.unschedulable).toBe(true);
    await eventually('the taint', () =>
      ok('describe', 'node', node).includes('Taints:             node.kubernetes.io/unschedulable:NoSchedule\n'),
    );
    k.ok('run', 'kept-out', '--image=x');
    await eventually('the reason', () =>
      k
        .ok('events', '--for=pod/kept-out', '--types=Warning')
        .includes('0/1 nodes are available: 1 node(s) were unschedulable.'),
    );
    expect(rows(k.ok('get', 'pod', 'kept-out'))[1]!.slice(0, 4)).toEqual(['kept-out', '0/1', 'Pending', '0']);
    expect(kubectl('uncordon', node)).toEqual(done(`node/${node} uncordoned\n`));
    expect(k('wait', '--for=condition=Ready', 'pod/kept-out', '--timeout=30s')).toEqual(
      done('pod/kept-out condition met\n'),
    );
    expect(object('node', node).spec.unschedulable).toBeUndefined();
    expect(kubectl('cordon', 'nosuch')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nodes "nosuch" not found'),
    });
    k.ok('delete', 'pod', 'kept-out');
  });

  it('drain evicts, and refuses what nobody would bring back [T4]', async () => {
    k.ok('create', 'deployment', 'drained', '--image=x');
    k.ok('rollout', 'status', 'deployment/drained', '--timeout=30s');
    k.ok('run', 'alone', '--image=x', '--restart=Never');
    k.ok('wait', '--for=condition=Ready', 'pod/alone', '--timeout=30s');
    const before = k.ok('get', 'pod', '-l', 'app=drained', '-o', 'name').trim();
    const refused = kubectl('drain', node);
    expect(refused).toMatchObject({ code: 1, stdout: `node/${node} cordoned\n` });
    expect(refused.stderr).toContain(
      `cannot delete Pods that declare no controller (use --force to override): ${k.namespace}/alone`,
    );
    const { code, stdout, stderr } = kubectl('drain', node, '--force', '--ignore-daemonsets', '--timeout=60s');
    expect(code).toBe(0);
    expect(stderr).toBe(`Warning: deleting Pods that declare no controller: ${k.namespace}/alone\n`);
    expect(stdout.split('\n').sort()).toEqual(
      expect.arrayContaining([
        `node/${node} already cordoned`,
        `evicting pod ${k.namespace}/alone`,
        `pod/alone evicted`,
        `${before} evicted`,
        `node/${node} drained`,
      ]),
    );
    expect(k('get', 'pod', 'alone')).toEqual(failed('Error from server (NotFound): pods "alone" not found\n'));
    await eventually(
      'another pod waits',
      () => object('pod', '-l', 'app=drained').items[0]?.status.phase === 'Pending',
    );
    ok('uncordon', node);
    k.ok('rollout', 'status', 'deployment/drained', '--timeout=30s');
    k.ok('delete', 'deployment', 'drained');
  });

  it('taints, which pods must tolerate', async () => {
    expect(kubectl('taint', 'node', node, 'gpu=yes:NoSchedule')).toEqual(done(`node/${node} tainted\n`));
    expect(kubectl('taint', 'node', node, 'gpu=yes:NoSchedule')).toEqual(
      failed(`error: node ${node} already has gpu taint(s) with same effect(s) and --overwrite is false\n`),
    );
    expect(kubectl('taint', 'node', node, 'gpu=no:NoSchedule', '--overwrite')).toEqual(done(`node/${node} modified\n`));
    expect(object('node', node).spec.taints).toEqual([{ key: 'gpu', value: 'no', effect: 'NoSchedule' }]);
    k.ok('run', 'plain', '--image=x');
    k.ok('run', 'tolerant', '--image=x', '--overrides={"spec":{"tolerations":[{"key":"gpu","operator":"Exists"}]}}');
    k.ok('wait', '--for=condition=Ready', 'pod/tolerant', '--timeout=30s');
    await eventually('the reason', () =>
      k.ok('events', '--for=pod/plain').includes('0/1 nodes are available: 1 node(s) had untolerated taint(s).'),
    );
    expect(kubectl('taint', 'node', node, 'gpu-')).toEqual(done(`node/${node} untainted\n`));
    expect(kubectl('taint', 'node', node, 'gpu-')).toEqual(failed('error: taint "gpu" not found\n'));
    expect(k('wait', '--for=condition=Ready', 'pod/plain', '--timeout=30s')).toEqual(done('pod/plain condition met\n'));
    expect(kubectl('taint', 'node', node, 'a=b:Wrong').stderr).toContain(
      'error: invalid taint effect: Wrong, unsupported taint effect\n',
    );
    k.ok('delete', 'pod', 'plain', 'tolerant');
  });

  it('labels, which pods may select and ROLES shows', async () => {
    k.ok('run', 'picky', '--image=x', '--overrides={"spec":{"nodeSelector":{"disk":"ssd"}}}');
    await eventually('the reason', () =>
      k
        .ok('events', '--for=pod/picky')
        .includes("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."),
    );
    expect(kubectl('label', 'node', node, 'disk=ssd', 'node-role.kubernetes.io/worker=')).toEqual(
      done(`node/${node} labeled\n`),
    );
    expect(rows(ok('get', 'node'))[1]![2]).toBe('worker');
    expect(k('wait', '--for=condition=Ready', 'pod/picky', '--timeout=30s')).toEqual(done('pod/picky condition met\n'));
    expect(kubectl('label', 'node', node, 'disk-', 'node-role.kubernetes.io/worker-')).toEqual(
      done(`node/${node} unlabeled\n`),
    );
    k.ok('delete', 'pod', 'picky');
  });

  it('get pods -A -w shows a pod come and go, row by row', async () => {
    k.ok('run', 'anchor', '--image=x');
    const watching = startKubectl(cluster, minor, ['get', 'pods', '-A', '-w', '-o', 'wide']);
    try {
      await watching.prints(/anchor .*Running/);
      k.ok('run', 'seen', '--image=x');
      k.ok('wait', '--for=condition=Ready', 'pod/seen', '--timeout=30s');
      k.ok('delete', 'pod', 'seen');
      await watching.prints(/seen .*Terminating/);
      const [head, ...body] = rows(watching.stdout());
      expect(head).toEqual([
        'NAMESPACE',
        'NAME',
        'READY',
        'STATUS',
        'RESTARTS',
        'AGE',
        'IP',
        'NODE',
        'NOMINATED NODE',
        'READINESS GATES',
      ]);
      const states = body
        .filter(([namespace, name]) => namespace === k.namespace && name === 'seen')
        .map(([, , isReady, status]) => `${isReady} ${status}`);
      const distinct = states.filter((state, i) => state !== states[i - 1]);
      expect(distinct.slice(0, 3)).toEqual(['0/1 Pending', '0/1 ContainerCreating', '1/1 Running']);
      expect(distinct[3]).toBe('1/1 Terminating');
    } finally {
      await watching.stop();
    }
  });

  it.each([
    [['get', 'nosuches'], /^error: the server doesn't have a resource type "nosuches"\n$/],
    [['get', 'node', 'nosuch'], /^Error from server \(NotFound\): nodes "nosuch" not found\n$/],
    [['drain', 'nosuch'], /^Error from server \(NotFound\): nodes "nosuch" not found\n$/],
  ])('%j fails', (args, stderr) => {
    expect(kubectl(...args)).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(stderr) });
  });

  it('autoscale', () => {
    k.ok('create', 'deployment', 'scaled', '--image=x', '--replicas=0');
    expect(k.ok('autoscale', 'deployment/scaled', '--min=1', '--max=2')).toBe(
      'horizontalpodautoscaler.autoscaling/scaled autoscaled\n',
    );
    expect(k.ok('get', 'hpa', '--no-headers')).toMatch(
      /^scaled +Deployment\/scaled +.*<unknown>\/80% +1 +2 +0 +\S+\n$/,
    );
    expect(k.ok('delete', 'hpa', 'scaled')).toMatch(/^horizontalpodautoscaler\.autoscaling "scaled" deleted/);
  });
});
