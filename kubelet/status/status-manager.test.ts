import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Pod, PodStatus } from '../../api/core/v1/pod/types.ts';
import { silentLogger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import { createTestClock, testPod } from '../testing.ts';
import { StatusManager } from './status-manager.ts';

const ready = (status: string): PodStatus => ({ phase: 'Running', conditions: [{ type: 'Ready', status }] });
const podAt = (resourceVersion: number, status: PodStatus = {}): Pod => ({
  ...testPod({}, { resourceVersion: String(resourceVersion) }),
  status,
});

describe('StatusManager', () => {
  /** What was asked of the API. */
  let requests: unknown[];
  /** What the API answers patches with, in order. */
  let answers: (Pod | Promise<Pod>)[];
  let manager: StatusManager;

  beforeEach(() => {
    requests = [];
    answers = [];
    const client = {
      patch: (_kind: unknown, _key: unknown, { body }: { body: { status: unknown } }) => {
        requests.push(body.status);
        return Promise.resolve(answers.shift());
      },
      delete: () => Promise.resolve(void requests.push('delete')),
    } as unknown as Client;
    const { signal } = new AbortController();
    manager = new StatusManager({ client, clock: createTestClock(), random: realRandom, log: silentLogger, signal });
  });

  it('sends what has changed, once', async () => {
    answers = [podAt(2, ready('True'))];
    for (let i = 0; i < 2; i++) {
      manager.set(podAt(1), ready('True'));
      await manager.settled();
    }
    manager.set(podAt(2, ready('True')), ready('True'));
    await manager.settled();
    expect(requests).toEqual([ready('True')]);
  });

  it('writes again over what somebody else has written since', async () => {
    answers = [podAt(2, ready('True')), podAt(4, ready('True'))];
    manager.set(podAt(1), ready('True'));
    await manager.settled();
    manager.set(podAt(3, ready('False')), ready('True'));
    await manager.settled();
    expect(requests).toEqual([ready('True'), { conditions: [{ type: 'Ready', status: 'True' }] }]);
  });

  it('takes nothing back for an event that is older than its own last write', async () => {
    answers = [podAt(5, ready('True'))];
    manager.set(podAt(1), ready('True'));
    await manager.settled();
    manager.set(podAt(4, ready('False')), ready('True'));
    await manager.settled();
    expect(requests).toEqual([ready('True')]);
  });

  it('learns from the answer what somebody else wrote while it was sending', async () => {
    let answer = (_pod: Pod): void => undefined;
    answers = [new Promise((resolve) => (answer = resolve)), podAt(5, ready('True'))];
    const known = podAt(1, ready('True'));
    manager.set(known, { ...ready('True'), hostIP: '10.0.0.1' });
    manager.set(podAt(3, ready('False')), { ...ready('True'), hostIP: '10.0.0.1' });
    answer(podAt(4, { ...ready('False'), hostIP: '10.0.0.1' }));
    await manager.settled();
    expect(requests).toEqual([{ hostIP: '10.0.0.1' }, { conditions: [{ type: 'Ready', status: 'True' }] }]);
  });

  it('deletes a pod once though the API keeps another status than was sent', async () => {
    answers = [podAt(2, {})];
    manager.set(podAt(1), ready('False'));
    manager.delete(podAt(1));
    await manager.settled();
    expect(requests).toEqual([ready('False'), 'delete']);
  });
});
