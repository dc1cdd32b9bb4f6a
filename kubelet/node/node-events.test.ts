import { describe, expect, it } from '@jest/globals';
import type { Node } from '../../api/core/v1/node.ts';
import { NodeEvents } from './node-events.ts';

function recording(): { told: string[]; events: NodeEvents } {
  const told: string[] = [];
  const events = new NodeEvents('n1', {
    event: (_object, type, reason, message) => void told.push(`${type} ${reason}: ${message}`),
  });
  return { told, events };
}

const status = (memory: string, ready: string) => ({
  conditions: [
    { type: 'MemoryPressure', status: memory },
    { type: 'Ready', status: ready },
  ],
});

const node = (unschedulable?: boolean): Node => ({
  metadata: { name: 'n1' },
  spec: unschedulable === undefined ? {} : { unschedulable },
});

describe('NodeEvents', () => {
  it('tells of a reboot, of a node that is known', () => {
    const { told, events } = recording();
    const booted = (bootID: string) => ({ nodeInfo: { bootID } }) as NonNullable<Node['status']>;
    events.rebooted(undefined, booted('b'));
    events.rebooted(booted(''), booted('b'));
    events.rebooted(booted('b'), booted('b'));
    expect(told).toEqual([]);
    events.rebooted(booted('a'), booted('b'));
    expect(told).toEqual(['Warning Rebooted: Node n1 has been rebooted, boot id: b']);
  });

  it('tells of every condition at first, then of changes', () => {
    const { told, events } = recording();
    events.starting();
    events.conditions(status('False', 'True'));
    events.conditions(status('False', 'True'));
    expect(told.splice(0)).toEqual([
      'Normal Starting: Starting kubelet.',
      'Normal NodeHasSufficientMemory: Node n1 status is now: NodeHasSufficientMemory',
      'Normal NodeReady: Node n1 status is now: NodeReady',
    ]);
    events.conditions(status('True', 'False'));
    expect(told).toEqual([
      'Normal NodeHasInsufficientMemory: Node n1 status is now: NodeHasInsufficientMemory',
      'Normal NodeNotReady: Node n1 status is now: NodeNotReady',
    ]);
  });

  it('tells of cordons, not of a node that was schedulable all along', () => {
    const { told, events } = recording();
    events.schedulability(node());
    events.schedulability(node(true));
    events.schedulability(node(true));
    events.schedulability(node(false));
    expect(told).toEqual([
      'Normal NodeNotSchedulable: Node n1 status is now: NodeNotSchedulable',
      'Normal NodeSchedulable: Node n1 status is now: NodeSchedulable',
    ]);
  });
});
