import { describe, expect, it } from '@jest/globals';
import { fitErrorMessage } from './fit-error.ts';
import type { PluginRejection } from './framework.ts';

const NONE: ReadonlySet<string> = new Set();

function rejections(...reasons: string[][]): Map<string, PluginRejection> {
  return new Map(reasons.map((own, i) => [`n${i}`, { code: 'Unschedulable', reasons: own, plugin: 'p' }]));
}

describe('fitErrorMessage()', () => {
  it('counts reasons and sorts them as text', () => {
    const found = rejections(
      ['Insufficient cpu'],
      ['Insufficient cpu', 'Too many pods'],
      ['node(s) were unschedulable'],
    );
    expect(fitErrorMessage({ nodeCount: 3, rejections: found, rejectors: NONE })).toBe(
      '0/3 nodes are available: 1 Too many pods, 1 node(s) were unschedulable, 2 Insufficient cpu.',
    );
  });

  it('adds the nodes that were not looked at', () => {
    const absentReason = "node(s) didn't satisfy plugin(s) [NodeAffinity]";
    const diagnosis = { nodeCount: 3, rejections: rejections(['Insufficient cpu']), rejectors: NONE, absentReason };
    expect(fitErrorMessage(diagnosis)).toBe(
      "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity].",
    );
  });

  it('gives the reason for all nodes', () => {
    const preFilter: PluginRejection = { code: 'Unschedulable', reasons: ['pod affinity terms conflict'], plugin: 'p' };
    expect(fitErrorMessage({ nodeCount: 2, rejections: new Map(), rejectors: NONE, preFilter })).toBe(
      '0/2 nodes are available: pod affinity terms conflict.',
    );
  });

  it('ends with what postFilter found', () => {
    const found = rejections(['Insufficient cpu']);
    const message = 'preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.';
    expect(fitErrorMessage({ nodeCount: 1, rejections: found, rejectors: NONE }, message)).toBe(
      `0/1 nodes are available: 1 Insufficient cpu. ${message}`,
    );
  });
});
