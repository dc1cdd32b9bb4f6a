/** Priority and RuntimeClass: what pods get from the classes that they name. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Status } from '../../api/machinery/errors.ts';
import type { TestServer } from '../testing.ts';
import { startTestServer } from '../testing.ts';

const PODS = '/api/v1/namespaces/default/pods';
const PRIORITY_CLASSES = '/apis/scheduling.k8s.io/v1/priorityclasses';
const RUNTIME_CLASSES = '/apis/node.k8s.io/v1/runtimeclasses';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const pod = (spec: object): object => ({
  metadata: { name: 'p' },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});

/** The pod as it would be made, or why it would not. */
async function make(spec: object): Promise<Pod['spec'] | string> {
  const { status, body } = await server.send('POST', `${PODS}?dryRun=All`, { body: pod(spec) });
  return status === 201 ? (body as Pod).spec : (body as Status).message!;
}

describe('Priority [A35]', () => {
  it('takes value and policy from the class', async () => {
    await server.call('POST', PRIORITY_CLASSES, {
      metadata: { name: 'low' },
      value: -7,
      preemptionPolicy: 'Never',
    });
    expect(await make({ priorityClassName: 'low' })).toMatchObject({ priority: -7, preemptionPolicy: 'Never' });
    expect(await make({ priorityClassName: 'low', priority: 3 })).toBe(
      'pods "p" is forbidden: the integer value of priority (3) must not be provided in pod spec; priority admission controller computed -7 from the given PriorityClass name',
    );
    expect(await make({ priorityClassName: 'low', preemptionPolicy: 'PreemptLowerPriority' })).toContain(
      'the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided in pod spec',
    );
    expect(await make({ priorityClassName: 'none' })).toBe(
      'pods "p" is forbidden: no PriorityClass with name none was found',
    );
  });

  it('knows the system classes', async () => {
    expect(await make({ priorityClassName: 'system-node-critical' })).toMatchObject({ priority: 2_000_001_000 });
  });

  it('gives pods without a class the default, of which there is one', async () => {
    expect(await make({})).toMatchObject({ priority: 0, preemptionPolicy: 'PreemptLowerPriority' });
    await server.call('POST', PRIORITY_CLASSES, { metadata: { name: 'usual' }, value: 10, globalDefault: true });
    expect(await make({})).toMatchObject({ priorityClassName: 'usual', priority: 10 });
    const second = await server.send('POST', PRIORITY_CLASSES, {
      body: { metadata: { name: 'second' }, value: 1, globalDefault: true },
    });
    expect((second.body as Status).message).toBe(
      'priorityclasses.scheduling.k8s.io "second" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
    );
    const described = { body: { description: 'x' }, contentType: 'application/merge-patch+json' };
    expect((await server.send('PATCH', `${PRIORITY_CLASSES}/usual`, described)).status).toBe(200);
    await server.call('DELETE', `${PRIORITY_CLASSES}/usual`);
  });
});

describe('RuntimeClass [A35]', () => {
  beforeAll(async () => {
    await server.call('POST', RUNTIME_CLASSES, {
      metadata: { name: 'heavy' },
      handler: 'kata',
      overhead: { podFixed: { cpu: '250m' } },
      scheduling: { nodeSelector: { kind: 'vm' }, tolerations: [{ key: 'vm', operator: 'Exists' }] },
    });
    await server.call('POST', RUNTIME_CLASSES, { metadata: { name: 'light' }, handler: 'runc' });
  });

  it('refuses a class that is not there', async () => {
    expect(await make({ runtimeClassName: 'gone' })).toBe(
      'pods "p" is forbidden: pod rejected: RuntimeClass "gone" not found',
    );
  });

  it('gives overhead, selector and tolerations', async () => {
    expect(await make({ runtimeClassName: 'heavy', nodeSelector: { disk: 'ssd' } })).toMatchObject({
      overhead: { cpu: '250m' },
      nodeSelector: { disk: 'ssd', kind: 'vm' },
      tolerations: expect.arrayContaining([{ key: 'vm', operator: 'Exists' }]),
    });
    const same = await make({ runtimeClassName: 'heavy', overhead: { cpu: '0.25' } });
    expect(same).toMatchObject({ overhead: { cpu: '250m' } });
  });

  it('merges tolerations that another one takes in', async () => {
    const narrow = { key: 'vm', operator: 'Exists', effect: 'NoSchedule' };
    const { tolerations } = (await make({ runtimeClassName: 'heavy', tolerations: [narrow] })) as Pod['spec'];
    expect(tolerations!.filter(({ key }) => key === 'vm')).toEqual([{ key: 'vm', operator: 'Exists' }]);
  });

  it('refuses another overhead and another place', async () => {
    const mismatch =
      "pods \"p\" is forbidden: pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
    expect(await make({ runtimeClassName: 'heavy', overhead: { cpu: '1' } })).toBe(mismatch);
    const bare =
      'pods "p" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead';
    expect(await make({ overhead: { cpu: '1' } })).toBe(bare);
    expect(await make({ runtimeClassName: 'light', overhead: { cpu: '1' } })).toBe(bare);
    expect(await make({ runtimeClassName: 'heavy', nodeSelector: { kind: 'other' } })).toBe(
      'pods "p" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[kind] = vm; pod.spec.nodeSelector[kind] = other',
    );
  });
});
