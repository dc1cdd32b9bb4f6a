import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { podPrinterColumns } from './printer-columns.ts';
import type { Pod } from './types.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');

function cells(yaml: string): Record<string, unknown> {
  const pod = { metadata: { name: 'p' }, ...(parse(yaml) as object) } as Pod;
  return Object.fromEntries(podPrinterColumns.map(({ name, cell }) => [name, cell(pod, NOW)]));
}

const two = 'spec: { containers: [{ name: a }, { name: b }] }';
const init = 'spec: { initContainers: [{ name: i }, { name: j }], containers: [{ name: a }] }';
const running = (name: string, more = ''): string =>
  `{ name: ${name}, ready: true, restartCount: 0, state: { running: {} }${more} }`;

describe('podPrinterColumns', () => {
  it('are the columns of kubectl', () => {
    const columns = podPrinterColumns.map(({ name, priority = 0 }) => [name, priority]);
    expect(columns).toEqual([
      ['Ready', 0],
      ['Status', 0],
      ['Restarts', 0],
      ['Age', 0],
      ['IP', 1],
      ['Node', 1],
      ['Nominated Node', 1],
      ['Readiness Gates', 1],
    ]);
  });

  it('show a pod that runs', () => {
    const row = cells(`
metadata: { name: p, creationTimestamp: "2026-01-01T00:00:00Z" }
spec: { nodeName: n1, containers: [{ name: a }], readinessGates: [{ conditionType: x/a }, { conditionType: x/b }] }
status:
  phase: Running
  podIPs: [{ ip: 10.0.0.1 }]
  conditions: [{ type: x/a, status: "True" }]
  containerStatuses:
    - name: a
      ready: true
      restartCount: 3
      state: { running: {} }
      lastState: { terminated: { finishedAt: "2026-01-01T00:58:00Z" } }
`);
    expect(row).toEqual({
      Ready: '1/1',
      Status: 'Running',
      Restarts: '3 (2m ago)',
      Age: '60m',
      IP: '10.0.0.1',
      Node: 'n1',
      'Nominated Node': '<none>',
      'Readiness Gates': '1/2',
    });
  });

  it('have forms for what is not known', () => {
    expect(cells('{}')).toEqual({
      Ready: '0/0',
      Status: '',
      Restarts: '0',
      Age: '<unknown>',
      IP: '<none>',
      Node: '<none>',
      'Nominated Node': '<none>',
      'Readiness Gates': '<none>',
    });
  });

  it.each([
    ['Pending', `${two}\nstatus: { phase: Pending }`, '0/2'],
    ['Evicted', `${two}\nstatus: { phase: Failed, reason: Evicted }`, '0/2'],
    [
      'SchedulingGated',
      `${two}\nstatus: { phase: Pending, conditions: [{ type: PodScheduled, status: "False", reason: SchedulingGated }] }`,
      '0/2',
    ],
    [
      'ContainerCreating',
      `${two}\nstatus: { phase: Pending, containerStatuses: [{ name: a, state: { waiting: { reason: ContainerCreating } } }] }`,
      '0/2',
    ],
    [
      'CrashLoopBackOff',
      `${two}\nstatus: { phase: Running, containerStatuses: [{ name: a, state: { waiting: { reason: CrashLoopBackOff } } }, ${running('b')}] }`,
      '1/2',
    ],
    [
      'Completed',
      `${two}\nstatus: { phase: Succeeded, containerStatuses: [{ name: a, state: { terminated: { exitCode: 0, reason: Completed } } }] }`,
      '0/2',
    ],
    [
      'NotReady',
      `${two}\nstatus: { phase: Running, containerStatuses: [{ name: a, state: { terminated: { exitCode: 0, reason: Completed } } }, ${running('b')}] }`,
      '1/2',
    ],
    [
      'Running',
      `${two}\nstatus: { phase: Running, conditions: [{ type: Ready, status: "True" }], containerStatuses: [{ name: a, state: { terminated: { exitCode: 0, reason: Completed } } }, ${running('b')}] }`,
      '1/2',
    ],
    [
      'ExitCode:3',
      `${two}\nstatus: { phase: Failed, containerStatuses: [{ name: a, state: { terminated: { exitCode: 3 } } }] }`,
      '0/2',
    ],
    [
      'Signal:9',
      `${two}\nstatus: { phase: Failed, containerStatuses: [{ name: a, state: { terminated: { exitCode: 137, signal: 9 } } }] }`,
      '0/2',
    ],
    [
      'Init:0/2',
      `${init}\nstatus: { phase: Pending, initContainerStatuses: [{ name: i, state: { waiting: { reason: PodInitializing } } }] }`,
      '0/1',
    ],
    [
      'Init:1/2',
      `${init}\nstatus: { phase: Pending, initContainerStatuses: [{ name: i, state: { terminated: { exitCode: 0 } } }, { name: j, state: { running: {} } }] }`,
      '0/1',
    ],
    [
      'Init:CrashLoopBackOff',
      `${init}\nstatus: { phase: Pending, initContainerStatuses: [{ name: i, state: { waiting: { reason: CrashLoopBackOff } } }] }`,
      '0/1',
    ],
    [
      'Init:Error',
      `${init}\nstatus: { phase: Failed, initContainerStatuses: [{ name: i, state: { terminated: { exitCode: 1, reason: Error } } }] }`,
      '0/1',
    ],
    [
      'Init:ExitCode:1',
      `${init}\nstatus: { phase: Failed, initContainerStatuses: [{ name: i, state: { terminated: { exitCode: 1 } } }] }`,
      '0/1',
    ],
    [
      'Init:Signal:9',
      `${init}\nstatus: { phase: Failed, initContainerStatuses: [{ name: i, state: { terminated: { exitCode: 137, signal: 9 } } }] }`,
      '0/1',
    ],
    [
      'PodInitializing',
      `${init}\nstatus: { phase: Pending, initContainerStatuses: [{ name: i, state: { terminated: { exitCode: 0 } } }], containerStatuses: [{ name: a, state: { waiting: { reason: PodInitializing } } }] }`,
      '0/1',
    ],
    [
      'Terminating',
      `metadata: { deletionTimestamp: x }\n${two}\nstatus: { phase: Running, containerStatuses: [${running('a')}] }`,
      '1/2',
    ],
    ['Unknown', `metadata: { deletionTimestamp: x }\n${two}\nstatus: { phase: Running, reason: NodeLost }`, '0/2'],
    ['Succeeded', `metadata: { deletionTimestamp: x }\n${two}\nstatus: { phase: Succeeded }`, '0/2'],
  ])('show %s', (status, yaml, ready) => {
    expect(cells(yaml)).toMatchObject({ Status: status, Ready: ready });
  });

  it('count sidecars', () => {
    const row = cells(`
spec: { initContainers: [{ name: s, restartPolicy: Always }, { name: i }], containers: [{ name: a }] }
status:
  phase: Running
  initContainerStatuses:
    - { name: s, ready: true, started: true, restartCount: 2, state: { running: {} } }
    - { name: i, restartCount: 4, state: { terminated: { exitCode: 0 } } }
  containerStatuses: [${running('a')}]
`);
    expect(row).toMatchObject({ Ready: '2/2', Status: 'Running', Restarts: '2' });
  });

  it('say no time for restarts of which none is known', () => {
    const status =
      'status: { phase: Running, containerStatuses: [{ name: a, ready: true, restartCount: 5, state: { running: {} } }] }';
    expect(cells(`${two}\n${status}`)['Restarts']).toBe('5');
  });
});
