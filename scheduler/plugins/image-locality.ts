/**
 * ImageLocality: favours nodes that have the pod's images, the more so the bigger the images and the more nodes have
 * them (`plugins/imagelocality/image_locality.go`).
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import { MAX_NODE_SCORE, stateKey } from '../framework.ts';
import type { Plugin } from '../framework.ts';

const MEBIBYTE = 1024 * 1024;
/** Fewer bytes count for nothing. */
const MIN_BYTES = 23 * MEBIBYTE;
/** More, per image, count for no more. */
const MAX_BYTES = 1000 * MEBIBYTE;

interface Wanted {
  images: readonly { name: string; spread: number }[];
  count: number;
}

const WANTED = stateKey<Wanted>('images of the pod');

export const imageLocality: Plugin = {
  name: 'ImageLocality',
  preScore({ pod, state, snapshot }) {
    const names = imagesOf(pod);
    const images = names
      .map((name) => ({ name, spread: (snapshot.imageNodes.get(name) ?? 0) / snapshot.nodes.length }))
      .filter(({ spread }) => spread > 0);
    // No node has any of them: all would score 0.
    if (images.length === 0) return 'skip';
    state.write(WANTED, { images, count: names.length });
    return undefined;
  },
  score({ state }, node) {
    const { images, count } = state.get(WANTED);
    let bytes = 0;
    for (const { name, spread } of images) bytes += Math.trunc((node.images.get(name) ?? 0) * spread);
    return scoreOf(bytes, count);
  },
};

function scoreOf(bytes: number, imageCount: number): number {
  const maximum = MAX_BYTES * imageCount;
  const counted = Math.min(Math.max(bytes, MIN_BYTES), maximum);
  return Math.floor((MAX_NODE_SCORE * (counted - MIN_BYTES)) / (maximum - MIN_BYTES));
}

/** Images of init containers, containers and image volumes, as nodes list them. */
function imagesOf({ spec }: Pod): string[] {
  const images = [...(spec.initContainers ?? []), ...(spec.containers ?? [])].map(({ image }) => image ?? '');
  for (const { image } of spec.volumes ?? []) if (image !== undefined) images.push(image.reference ?? '');
  return images.map(withTag);
}

function withTag(name: string): string {
  return name.lastIndexOf(':') <= name.lastIndexOf('/') ? `${name}:latest` : name;
}
