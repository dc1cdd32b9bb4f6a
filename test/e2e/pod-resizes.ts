/** Resizes of running pods with kubectl, and what it tells of them. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Cluster, CommandResult, Json } from './harness.ts';
import { eventually } from './harness.ts';

const image = 'nocher.local/hello:1';

export function describeResizes(current: () => Cluster): void {
  const podObject = (name: string): Json => JSON.parse(current().run('get', 'pod', name, '-o', 'json')) as Json;
  const main = (pod: Json): Json => pod.status.containerStatuses[0];
  const condition = (pod: Json, type: string): Json | undefined =>
    pod.status.conditions.find((one: Json) => one.type === type);
  const patch = (name: string, resources: object): CommandResult => {
    const body = JSON.stringify({ spec: { containers: [{ name: 'c', resources }] } });
    return current().kubectl(['patch', 'pod', name, '--subresource', 'resize', '--patch', body]);
  };
  const run = (name: string, container: object): Json => {
    const containers = [{ name: 'c', image, command: ['sleep', '1000000'], ...container }];
    const spec = { terminationGracePeriodSeconds: 0, containers };
    current().apply(
      JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { part: 'resize' } }, spec }),
    );
    current().run('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s');
    return podObject(name);
  };
  const resized = (name: string, requests: object): Promise<Json> =>
    eventually(
      `${name} has ${JSON.stringify(requests)}`,
      () => {
        const pod = podObject(name);
        const { resources, state } = main(pod);
        const isPending = ['PodResizePending', 'PodResizeInProgress'].some(
          (type) => condition(pod, type) !== undefined,
        );
        const has = Object.entries(requests).every(([key, amount]) => resources?.requests?.[key] === amount);
        return has && !isPending && state.running !== undefined && pod;
      },
      60_000,
    );
  const told = (name: string, reason: string): Promise<string> =>
    eventually(`the event ${reason} of ${name}`, () => {
      const selector = `--field-selector=involvedObject.name=${name},reason=${reason}`;
      return current().run('get', 'events', selector, '-o', 'jsonpath={.items[*].message}');
    });

  const milli = (text: string): number => (text.endsWith('m') ? parseInt(text, 10) : Number(text) * 1000);

  describe('resizes [W12]', () => {
    afterEach(() => void current().run('delete', 'pod', '-l', 'part=resize'));

    it('give a pod another share of the processor while it runs, by patch and by edit', async () => {
      const first = run('wider', { resources: { requests: { cpu: '50m' }, limits: { cpu: '100m' } } });
      expect(patch('wider', { requests: { cpu: '60m' }, limits: { cpu: '200m' } })).toMatchObject({
        code: 0,
        stdout: 'pod/wider patched\n',
      });
      const patched = await resized('wider', { cpu: '60m' });
      expect(main(patched)).toMatchObject({
        containerID: main(first).containerID,
        restartCount: 0,
        allocatedResources: { cpu: '60m' },
        resources: { limits: { cpu: '200m' }, requests: { cpu: '60m' } },
      });
      expect(await told('wider', 'ResizeCompleted')).toBe(
        'Pod resize completed: {"containers":[{"name":"c","resources":{"limits":{"cpu":"200m"},"requests":{"cpu":"60m"}}}],"generation":2}',
      );
      const edited = current().host('env', [
        'KUBE_EDITOR=sed -i s/60m/70m/',
        current().kubectlPath(),
        'edit',
        'pod',
        'wider',
        '--subresource',
        'resize',
      ]);
      expect(edited).toMatchObject({ code: 0, stdout: 'pod/wider edited\n' });
      expect(main(await resized('wider', { cpu: '70m' })).restartCount).toBe(0);
      const text = current().run('describe', 'pod', 'wider');
      expect(text).toMatch(/Limits:\n +cpu: +200m\n +Requests:\n +cpu: +70m/);
      expect(text).toMatch(/Normal +ResizeStarted +\S+( +\(x\d+ over \S+\))? +kubelet +Pod resize started: /);
    });

    it('restart a container whose policy says so', async () => {
      const resources = (memory: string): object => ({ requests: { memory }, limits: { memory } });
      const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
      const first = run('restarted', { resources: resources('32Mi'), resizePolicy });
      expect(patch('restarted', resources('64Mi')).code).toBe(0);
      const pod = await resized('restarted', { memory: '64Mi' });
      expect(main(pod).restartCount).toBe(1);
      expect(main(pod).containerID).not.toBe(main(first).containerID);
      expect(main(pod).lastState.terminated.containerID).toBe(main(first).containerID);
      expect(await told('restarted', 'Killing')).toBe('Container c resize requires restart');
    });

    it('wait for room, or for ever for what the node does not have', async () => {
      const { allocatable } = (JSON.parse(current().run('get', 'node', 'node-1', '-o', 'json')) as Json).status;
      const capacity = milli(allocatable.cpu);
      run('roomy', { resources: { requests: { cpu: `${Math.floor(capacity * 0.6)}m` } } });
      run('waiting', { resources: { requests: { cpu: '10m' } } });
      expect(patch('waiting', { requests: { cpu: `${capacity * 2}m` } }).code).toBe(0);
      const never = await eventually('it is found infeasible', () => {
        const pod = podObject('waiting');
        return condition(pod, 'PodResizePending')?.reason === 'Infeasible' && pod;
      });
      const message = `Node didn't have enough capacity: cpu, requested: ${capacity * 2}, capacity: ${capacity}`;
      expect(condition(never, 'PodResizePending')).toMatchObject({ status: 'True', message, observedGeneration: 2 });
      expect(current().run('describe', 'pod', 'waiting')).toMatch(/PodResizePending +True/);
      // In thousandths whatever the capacity: the API writes full cores as such.
      const half = `${Math.floor(capacity * 0.5) - 1}m`;
      expect(patch('waiting', { requests: { cpu: half } }).code).toBe(0);
      const later = await eventually('it is deferred', () => {
        const pod = podObject('waiting');
        return condition(pod, 'PodResizePending')?.reason === 'Deferred' && pod;
      });
      expect(condition(later, 'PodResizePending')!.message).toContain(
        "Node didn't have enough resource: cpu, requested: ",
      );
      expect(main(later).allocatedResources).toEqual({ cpu: '10m' });
      current().run('delete', 'pod', 'roomy', '--wait=false');
      expect(main(await resized('waiting', { cpu: half })).restartCount).toBe(0);
    });

    it('give back room, which the scheduler gives to who waits', async () => {
      const { allocatable } = (JSON.parse(current().run('get', 'node', 'node-1', '-o', 'json')) as Json).status;
      const capacity = milli(allocatable.cpu);
      const share = (part: number): string => `${Math.floor(capacity * part) - 1}m`;
      run('roomy', { resources: { requests: { cpu: share(0.6) } } });
      const containers = [{ name: 'c', image, resources: { requests: { cpu: share(0.5) } } }];
      const metadata = { name: 'next', labels: { part: 'resize' } };
      current().apply(JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers } }));
      expect(await told('next', 'FailedScheduling')).toContain('Insufficient cpu');
      expect(patch('roomy', { requests: { cpu: '10m' } }).code).toBe(0);
      current().run('wait', '--for=condition=PodScheduled', 'pod/next', '--timeout=60s');
    });

    it('take away no memory that is in use', async () => {
      const limits = (memory: string): object => ({ requests: { memory }, limits: { memory } });
      // Held in a file in memory, which the kernel cannot put anywhere else.
      run('holding', {
        resources: limits('64Mi'),
        command: ['sh', '-c', 'head -c 40000000 /dev/zero > /dev/shm/held && exec sleep 1000000'],
        readinessProbe: {
          exec: { command: ['sh', '-c', '[ "$(stat -c %s /dev/shm/held)" = 40000000 ]'] },
          periodSeconds: 1,
        },
      });
      expect(patch('holding', limits('16Mi')).code).toBe(0);
      const pod = await eventually('it says why not', () => {
        const one = podObject('holding');
        return condition(one, 'PodResizeInProgress')?.reason === 'Error' && one;
      });
      expect(condition(pod, 'PodResizeInProgress')!.message).toMatch(
        /^cannot decrease memory limits: .*attempting to set container "c" memory limit \(16777216\) below current usage \(\d+\)/,
      );
      expect(main(pod)).toMatchObject({
        restartCount: 0,
        resources: limits('64Mi'),
        allocatedResources: { memory: '16Mi' },
      });
      expect(patch('holding', limits('80Mi')).code).toBe(0);
      expect(main(await resized('holding', { memory: '80Mi' })).restartCount).toBe(0);
    });
  });
}
