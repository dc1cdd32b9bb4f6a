import { describe, expect, it } from '@jest/globals';
import type { Node } from '../../api/core/v1/node.ts';
import { ZoneEvictions } from './zone-evictions.ts';
import { DEFAULT_LIMITS } from './zone-state.ts';

function node(name: string, ready: string, zone = 'a'): Node {
  const metadata = { name, labels: { 'topology.kubernetes.io/zone': zone } };
  return { metadata, spec: {}, status: { conditions: [{ type: 'Ready', status: ready }] } } as unknown as Node;
}

const WELL = node('well', 'True');

describe('ZoneEvictions', () => {
  it('asks for a look at all nodes between news and turn', () => {
    const zones = new ZoneEvictions(DEFAULT_LIMITS);
    const [a, b] = [node('a', 'Unknown'), node('b', 'Unknown')];
    const present = [WELL, a, b];
    zones.look({ present, nowMs: 0 });
    expect([zones.isTurnOf(a, 0), zones.isTurnOf(b, 0)]).toEqual([false, false]);
    zones.look({ present, nowMs: 5_000 });
    expect([zones.isTurnOf(a, 5_000), zones.isTurnOf(b, 5_000)]).toEqual([true, false]);
    expect([zones.waitMs('a', 5_000), zones.waitMs('b', 7_000), zones.waitMs('c', 0)]).toEqual([
      Infinity,
      8_000,
      Infinity,
    ]);
    // Until it is forgotten, the turn stays.
    expect(zones.isTurnOf(a, 6_000)).toBe(true);
    zones.forget('a');
    expect([zones.isTurnOf(a, 15_000), zones.isTurnOf(b, 15_000)]).toEqual([false, true]);
  });

  it('has each zone wait for itself, and a node begin again in another', () => {
    const zones = new ZoneEvictions(DEFAULT_LIMITS);
    const present = [WELL, node('a', 'Unknown'), node('b', 'Unknown'), node('c', 'Unknown', 'c')];
    const turns = (nowMs: number, ...asked: Node[]): boolean[] => asked.map((one) => zones.isTurnOf(one, nowMs));
    zones.look({ present, nowMs: 0 });
    turns(0, ...present.slice(1));
    zones.look({ present, nowMs: 5_000 });
    expect(turns(5_000, ...present.slice(1))).toEqual([true, false, true]);
    expect(turns(15_000, node('b', 'Unknown', 'c'))).toEqual([false]);
    zones.look({ present, nowMs: 15_000 });
    expect(turns(15_000, node('b', 'Unknown', 'c'))).toEqual([true]);
  });

  it('takes all turns back when no node is ready', () => {
    const zones = new ZoneEvictions(DEFAULT_LIMITS);
    const a = node('a', 'Unknown');
    zones.look({ present: [WELL, a], nowMs: 0 });
    zones.isTurnOf(a, 0);
    zones.look({ present: [WELL, a], nowMs: 5_000 });
    expect(zones.isTurnOf(a, 5_000)).toBe(true);
    const dark = { present: [node('well', 'Unknown'), a], nowMs: 10_000 };
    expect(zones.look(dark).now.isTotal).toBe(true);
    expect([zones.isTotal, zones.isTurnOf(a, 10_000), zones.waitMs('a', 10_000)]).toEqual([true, false, Infinity]);
    expect(zones.look({ present: [WELL, a], nowMs: 15_000 }).before.isTotal).toBe(true);
    expect([zones.isTurnOf(a, 15_000), zones.isTurnOf(a, 24_999), zones.isTurnOf(a, 25_000)]).toEqual([
      false,
      false,
      true,
    ]);
  });
});
