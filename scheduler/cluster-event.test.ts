import { describe, expect, it } from '@jest/globals';
import type { PodFacts } from './objects-for-tests.ts';
import { assignedPodEvents, nodeEvents, waitingPodEvents } from './cluster-event.ts';
import { nodeOf, podOf } from './objects-for-tests.ts';

const namesOf = (events: readonly { name: string }[]): string[] => events.map(({ name }) => name);

describe('nodeEvents()', () => {
  it.each([
    ['a heartbeat', { status: { conditions: [{ type: 'Ready', status: 'True' }] } }, []],
    ['more cpu', { allocatable: { cpu: '8' } }, ['NodeUpdateAllocatable']],
    ['a label', { labels: { a: 'b' } }, ['NodeUpdateLabel']],
    ['a taint', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }, ['NodeUpdateTaint']],
    ['a cordon', { spec: { unschedulable: true } }, ['NodeUpdateTaint']],
    [
      'a label and a cordon',
      { labels: { a: 'b' }, spec: { unschedulable: true } },
      ['NodeUpdateLabel', 'NodeUpdateTaint'],
    ],
  ])('sees %s', (_name, facts, expected) => {
    expect(namesOf(nodeEvents(nodeOf('n'), nodeOf('n', facts)))).toEqual(expected);
  });
});

describe('waitingPodEvents()', () => {
  it.each<[string, PodFacts, PodFacts, string[]]>([
    ['a status', {}, { status: { phase: 'Pending' } }, []],
    ['a label', {}, { labels: { a: 'b' } }, ['PodUpdateLabel']],
    ['a toleration', {}, { spec: { tolerations: [{ operator: 'Exists' }] } }, ['PodUpdateToleration']],
    ['smaller requests', { requests: { cpu: '2' } }, { requests: { cpu: '1' } }, ['PodScaleDown']],
    ['bigger requests', { requests: { cpu: '1' } }, { requests: { cpu: '2' } }, ['PodUpdate']],
    ['the last gate', { spec: { schedulingGates: [{ name: 'g' }] } }, {}, ['PodGatesEliminated']],
    ['another nodeSelector', {}, { spec: { nodeSelector: { a: 'b' } } }, ['PodUpdate']],
  ])('sees %s', (_name, before, after, expected) => {
    expect(namesOf(waitingPodEvents(podOf('p', before), podOf('p', after)))).toEqual(expected);
  });
});

describe('assignedPodEvents()', () => {
  it('sees that a resize has given something back', () => {
    const running = (cpu: string): PodFacts => ({
      requests: { cpu: '1' },
      status: {
        containerStatuses: [
          { name: 'main', image: '', imageID: '', ready: true, restartCount: 0, resources: { requests: { cpu } } },
        ],
      },
    });
    expect(namesOf(assignedPodEvents(podOf('p', running('2')), podOf('p', running('1'))))).toEqual([
      'AssignedPodScaleDown',
    ]);
    expect(namesOf(assignedPodEvents(podOf('p', running('1')), podOf('p', running('1'))))).toEqual([]);
  });
});
