import { describe, expect, it } from '@jest/globals';
import type { ContainerStatus, Pod } from '../../api/core/v1/pod/types.ts';
import { testPod } from '../testing.ts';
import { phaseOf } from './phase.ts';

const ended = (name: string, exitCode: number): ContainerStatus =>
  ({ name, state: { terminated: { exitCode } } }) as ContainerStatus;
const waits = (name: string, exitCode: number): ContainerStatus =>
  ({ name, state: { waiting: {} }, lastState: { terminated: { exitCode } } }) as ContainerStatus;
const running = (name: string): ContainerStatus => ({ name, state: { running: {} } }) as ContainerStatus;

const RESTARTS_42 = [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }];
const one = (name: string, more: object = {}): object => ({ name, image: 'i', ...more });
const podOf = (restartPolicy: string, containers: object[], initContainers: object[] = []): Pod =>
  testPod({ restartPolicy, containers, initContainers } as never);

describe('the phase of a pod whose containers have policies of their own', () => {
  const mixed = podOf('OnFailure', [one('ok'), one('bad', { restartPolicy: 'Never' })]);
  const ruled = podOf('Never', [one('a', { restartPolicy: 'Never', restartPolicyRules: RESTARTS_42 })]);

  it.each<[string, Pod, ContainerStatus[], string]>([
    ['nothing runs again', mixed, [ended('ok', 0), ended('bad', 1)], 'Failed'],
    ['nothing runs again, all is well', mixed, [ended('ok', 0), ended('bad', 0)], 'Succeeded'],
    ['one runs', mixed, [running('ok'), ended('bad', 1)], 'Running'],
    ['one will run again', mixed, [ended('ok', 1), ended('bad', 1)], 'Running'],
    ['a rule restarts it', ruled, [ended('a', 42)], 'Running'],
    ['a rule restarts it, after a while', ruled, [waits('a', 42)], 'Running'],
    ['no rule restarts it', ruled, [ended('a', 1)], 'Failed'],
  ])('%s', (_what, pod, statuses, phase) => {
    expect(phaseOf({ pod, initStatuses: [], statuses, isTerminal: false })).toBe(phase);
  });

  const app = [one('web')];
  it.each<[string, Pod, ContainerStatus, string]>([
    ['fails for good', podOf('OnFailure', app, [one('init', { restartPolicy: 'Never' })]), ended('init', 1), 'Failed'],
    ['fails, and runs again', podOf('OnFailure', app, [one('init')]), waits('init', 1), 'Pending'],
    [
      'runs again by its rule',
      podOf('Never', app, [one('init', { restartPolicy: 'Never', restartPolicyRules: RESTARTS_42 })]),
      ended('init', 42),
      'Pending',
    ],
  ])('an init container %s', (_what, pod, status, phase) => {
    expect(phaseOf({ pod, initStatuses: [status], statuses: [], isTerminal: false })).toBe(phase);
  });
});
