import { describe, expect, it } from '@jest/globals';
import { EXTENSION_POINTS, PLUGIN_POINTS, pluginLists } from './extension-points.ts';
import type { ExtensionPoint, PluginsConfig } from './extension-points.ts';

const defaults = Object.keys(PLUGIN_POINTS).map((name) => ({ name, weight: name === 'TaintToleration' ? 3 : 0 }));
const has = (name: string, point: ExtensionPoint): boolean => PLUGIN_POINTS[name]?.includes(point) === true;
const at = (point: ExtensionPoint, config: PluginsConfig): string[] =>
  pluginLists({ defaults, config, has })[point].map(({ name, weight }) => (weight === 1 ? name : `${name}*${weight}`));

const SCORES = [
  'TaintToleration*3',
  'NodeAffinity',
  'NodeResourcesFit',
  'VolumeBinding',
  'PodTopologySpread',
  'InterPodAffinity',
  'NodeResourcesBalancedAllocation',
  'ImageLocality',
];

describe('pluginLists() [S11]', () => {
  it('has the defaults at all their points', () => {
    expect(at('score', {})).toEqual(SCORES);
    expect(at('bind', {})).toEqual(['DefaultBinder']);
    expect(at('permit', {})).toEqual([]);
  });

  it('leaves out what is disabled at a point, or everywhere', () => {
    expect(at('score', { score: { disabled: [{ name: '*' }] } })).toEqual([]);
    expect(at('filter', { score: { disabled: [{ name: '*' }] } })).toContain('NodeResourcesFit');
    const nowhere = { multiPoint: { disabled: [{ name: 'NodeResourcesFit' }] } };
    for (const point of EXTENSION_POINTS) expect(at(point, nowhere)).not.toContain('NodeResourcesFit');
    expect(at('filter', { filter: { disabled: [{ name: 'NodePorts' }] } })).not.toContain('NodePorts');
  });

  it('gives weights, those of the point before those of everywhere', () => {
    const everywhere = { enabled: [{ name: 'ImageLocality', weight: 5 }] };
    expect(at('score', { multiPoint: everywhere })).toEqual([...SCORES.slice(0, -1), 'ImageLocality*5']);
    const here = { enabled: [{ name: 'ImageLocality', weight: 7 }] };
    expect(at('score', { multiPoint: everywhere, score: here })).toEqual(['ImageLocality*7', ...SCORES.slice(0, -1)]);
  });

  it('runs only what is enabled when all others are disabled, in that order', () => {
    const only = { disabled: [{ name: '*' }], enabled: [{ name: 'NodeName' }, { name: 'NodeAffinity' }] };
    expect(at('filter', { filter: only })).toEqual(['NodeName', 'NodeAffinity']);
    expect(at('filter', { multiPoint: only })).toEqual(['NodeName', 'NodeAffinity']);
    expect(at('queueSort', { multiPoint: only })).toEqual([]);
  });
});
