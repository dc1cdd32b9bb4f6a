import { describe, expect, it } from '@jest/globals';
import type { Node } from '../../api/core/v1/node.ts';
import { cycleOf, nodeOf, podOf } from '../objects-for-tests.ts';
import { imageLocality } from './image-locality.ts';

const MEBIBYTE = 1024 * 1024;

function nodeWith(name: string, images: Record<string, number>): Node {
  const list = Object.entries(images).map(([image, size]) => ({ names: [image], sizeBytes: size * MEBIBYTE }));
  return nodeOf(name, { status: { images: list } });
}

describe('ImageLocality [S7]', () => {
  it.each<[string, string[], Record<string, number>[], number[] | 'skip']>([
    ['nobody has the image', ['a'], [{ 'b:latest': 500 }, {}], 'skip'],
    // 500 MiB on half of the nodes: (250 - 23) of (1000 - 23)
    ['one of two has it', ['a'], [{ 'a:latest': 500 }, {}], [23, 0]],
    ['both have it', ['a:v1'], [{ 'a:v1': 500 }, { 'a:v1': 500 }], [48, 48]],
    ['it is too small to count', ['a'], [{ 'a:latest': 20 }], [0]],
    ['it is bigger than counts', ['a'], [{ 'a:latest': 5000 }], [100]],
    // (1000 - 23) of (2000 - 23)
    ['one of two images is there', ['a', 'b'], [{ 'a:latest': 1000 }], [49]],
    ['a registry has a port', ['host:5000/a'], [{ 'host:5000/a:latest': 1000 }], [100]],
  ])('scores when %s', (_name, images, nodes, expected) => {
    const containers = images.map((image, i) => ({ name: `c${i}`, image }));
    const list = nodes.map((own, i) => nodeWith(`n${i}`, own));
    const cycle = cycleOf(podOf('p', { spec: { containers } }), list);
    const skipped = imageLocality.preScore!(cycle, cycle.snapshot.nodes);
    expect(skipped ?? cycle.snapshot.nodes.map((node) => imageLocality.score!(cycle, node))).toEqual(expected);
  });
});
