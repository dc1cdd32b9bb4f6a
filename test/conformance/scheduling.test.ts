/** Where pods go and where not: upstream's test/e2e/scheduling, with pods that really run. Needs root. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Conformance, Json } from './conformance.ts';
import { eventually, isReady, isRoot, pod, startConformance } from './conformance.ts';

const suite = isRoot ? describe : describe.skip;

let cluster: Conformance;
let namespace: string;
let pods: string;

beforeAll(async () => {
  if (!isRoot) return;
  cluster = await startConformance([]);
  namespace = await cluster.namespace('scheduling');
  pods = `/api/v1/namespaces/${namespace}/pods`;
}, 90_000);
afterAll(() => cluster?.stop(), 60_000);

const ready = (name: string): Promise<Json> =>
  eventually(`${name} to be ready`, async () => {
    const object = await cluster.get(`${pods}/${name}`);
    return isReady(object) && object;
  });
const unschedulable = async (name: string): Promise<string> => {
  const { message } = await eventually(`${name} to be unschedulable`, async () =>
    ((await cluster.get(`${pods}/${name}`)).status.conditions ?? []).find(
      ({ type, reason }: Json) => type === 'PodScheduled' && reason === 'Unschedulable',
    ),
  );
  expect((await cluster.get(`${pods}/${name}`)).spec.nodeName).toBeUndefined();
  return message;
};
const selecting = (name: string, label: string): Json => pod(name, { nodeSelector: { [label]: '42' } });

suite('the scheduler', () => {
  it('leaves a pod that asks for more than is left [conformance: Scheduler, resource limits]', async () => {
    const { status } = await cluster.get('/api/v1/nodes/node-1');
    const asking = (name: string, cpu: string): Json =>
      pod(name, { container: { resources: { requests: { cpu }, limits: { cpu } } } });
    const milli = (cpu: string): number => (cpu.endsWith('m') ? Number.parseInt(cpu, 10) : Number(cpu) * 1000);
    const most = Math.floor(milli(status.allocatable.cpu) * 0.7);
    await cluster.post(pods, asking('filler', `${most}m`));
    await ready('filler');
    await cluster.post(pods, asking('additional', `${most}m`));
    expect(await unschedulable('additional')).toContain('Insufficient cpu');
    await cluster.remove(`${pods}/filler`);
    await ready('additional');
  });

  it('finds the node that a pod selects [conformance: Scheduler, node selector matching]', async () => {
    await cluster.patch('/api/v1/nodes/node-1', { metadata: { labels: { 'kubernetes.io/e2e-label': '42' } } });
    await cluster.post(pods, selecting('with-labels', 'kubernetes.io/e2e-label'));
    expect((await ready('with-labels')).spec.nodeName).toBe('node-1');
  });

  it('leaves a pod that selects no node [conformance: Scheduler, node selector not matching]', async () => {
    await cluster.post(pods, selecting('restricted', 'kubernetes.io/e2e-none'));
    expect(await unschedulable('restricted')).toContain("didn't match Pod's node affinity/selector");
  });

  it('has nocher why say what is in the way, and what would help', async () => {
    const why = (name: string) => cluster.nocher(['why', `pod/${name}`, '-n', namespace]);
    await cluster.post(pods, selecting('puzzling', 'kubernetes.io/e2e-none'));
    await unschedulable('puzzling');
    expect(why('puzzling')).toEqual({
      code: 1,
      stdout: `pod ${namespace}/puzzling fits none of 1 node(s)\n  node-1: label kubernetes.io/e2e-none=42 missing\n`,
      stderr: '',
    });
    await cluster.post(pods, pod('placed'));
    await ready('placed');
    expect(why('placed')).toEqual({ code: 0, stdout: `pod ${namespace}/placed is on node node-1\n`, stderr: '' });
    const missing = `nocher: there is no pod missing in the namespace ${namespace}\n`;
    expect(why('missing')).toEqual({ code: 1, stdout: '', stderr: missing });
  });

  it('takes a host port on every address for taken on each [conformance: Scheduling, HostPort and Protocol match, HostIPs different but one is default HostIP (0.0.0.0)]', async () => {
    const onPort = (name: string, hostIP: string): Json =>
      pod(name, {
        container: {
          ports: [{ containerPort: 8080, hostPort: 54322, protocol: 'TCP', ...(hostIP === '' ? {} : { hostIP }) }],
        },
      });
    await cluster.post(pods, onPort('everywhere', ''));
    await ready('everywhere');
    await cluster.post(pods, onPort('somewhere', '127.0.0.1'));
    expect(await unschedulable('somewhere')).toContain("didn't have free ports for the requested pod ports");
  });
});
