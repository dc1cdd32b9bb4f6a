import { describe, expect, it } from '@jest/globals';
import type { Node } from '../../api/core/v1/node.ts';
import type { ZoneCount } from './zone-state.ts';
import { countZones, DEFAULT_LIMITS, disruptionOf, zoneOf, zoneStateOf } from './zone-state.ts';

function node(ready: string | undefined, labels: Record<string, string> = {}): Node {
  const conditions = ready === undefined ? [] : [{ type: 'Ready', status: ready }];
  return { metadata: { name: 'n', labels }, spec: {}, status: { conditions } } as unknown as Node;
}

const inZone = (zone: string): Record<string, string> => ({ 'topology.kubernetes.io/zone': zone });

describe('zoneOf()', () => {
  it('is of region and zone, and empty without both', () => {
    expect(zoneOf(node('True'))).toBe('');
    expect(zoneOf(node('True', inZone('a')))).toBe(':\0:a');
    expect(zoneOf(node('True', { 'topology.kubernetes.io/region': 'r' }))).toBe('r:\0:');
    expect(zoneOf(node('True', { ...inZone('a'), 'topology.kubernetes.io/region': 'r' }))).toBe('r:\0:a');
  });
});

describe('countZones()', () => {
  it('counts who is ready, and who is not or has not said so', () => {
    const present = [node('True'), node('False'), node('Unknown'), node(undefined), node('True', inZone('a'))];
    expect([...countZones(present)]).toEqual([
      ['', { ready: 1, notReady: 3 }],
      [':\0:a', { ready: 1, notReady: 0 }],
    ]);
  });

  it('leaves out who is excluded, but not the zone', () => {
    const excluded = { 'node.kubernetes.io/exclude-disruption': '' };
    expect([...countZones([node('True', excluded)])]).toEqual([['', { ready: 0, notReady: 0 }]]);
  });
});

describe('zoneStateOf()', () => {
  it.each<[number, number, string]>([
    [0, 0, 'Normal'],
    [1, 0, 'Normal'],
    [0, 1, 'FullDisruption'],
    [0, 10, 'FullDisruption'],
    // Two are few, whatever their share.
    [1, 2, 'Normal'],
    [1, 3, 'PartialDisruption'],
    [9, 11, 'PartialDisruption'],
    [10, 11, 'Normal'],
    [3, 3, 'Normal'],
  ])('with %d ready and %d not is %s', (ready, notReady, state) => {
    expect(zoneStateOf({ ready, notReady }, DEFAULT_LIMITS)).toBe(state);
  });
});

describe('disruptionOf()', () => {
  const ratesOf = (counts: Record<string, ZoneCount>): Record<string, number> =>
    Object.fromEntries(disruptionOf(new Map(Object.entries(counts)), DEFAULT_LIMITS).rates);
  const well = { ready: 5, notReady: 0 };
  const dark = { ready: 0, notReady: 5 };

  it('has pods leave at the usual rate where all is well, and where all is dark', () => {
    expect(ratesOf({ a: well, b: dark })).toEqual({ a: 0.1, b: 0.1 });
  });

  it('slows down where a large zone is in part silent, and stops in a small one', () => {
    const large = { ready: 20, notReady: 31 };
    expect(ratesOf({ a: well, b: large, c: { ready: 20, notReady: 30 } })).toEqual({ a: 0.1, b: 0.01, c: 0 });
  });

  it('stops everywhere when no node is ready', () => {
    expect(ratesOf({ a: dark, b: dark })).toEqual({ a: 0, b: 0 });
    expect(disruptionOf(new Map([['a', dark]]), DEFAULT_LIMITS).isTotal).toBe(true);
    expect(
      disruptionOf(
        new Map([
          ['a', dark],
          ['b', well],
        ]),
        DEFAULT_LIMITS,
      ).isTotal,
    ).toBe(false);
  });

  it('is not total without nodes that count, nor because of them', () => {
    const uncounted = { ready: 0, notReady: 0 };
    expect(disruptionOf(new Map(), DEFAULT_LIMITS).isTotal).toBe(false);
    expect(disruptionOf(new Map([['a', uncounted]]), DEFAULT_LIMITS).isTotal).toBe(false);
    expect(ratesOf({ a: uncounted, b: dark })).toEqual({ a: 0, b: 0 });
  });
});
