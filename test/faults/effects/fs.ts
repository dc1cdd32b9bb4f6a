/** `node:fs` for the kubelet under test: what changes files is an effect. */
import * as real from 'node:fs';
import { effect } from './crash-point.ts';

export * from 'node:fs';

const nameOf = (path: unknown): string => String(path).split('/').at(-1)!;

export const mkdirSync = ((...args: Parameters<typeof real.mkdirSync>) =>
  effect(`mkdirSync ${nameOf(args[0])}`, () => real.mkdirSync(...args))) as typeof real.mkdirSync;
export const writeFileSync = ((...args: Parameters<typeof real.writeFileSync>) =>
  effect(`writeFileSync ${nameOf(args[0])}`, () => real.writeFileSync(...args))) as typeof real.writeFileSync;
export const renameSync = ((...args: Parameters<typeof real.renameSync>) =>
  effect(`renameSync ${nameOf(args[1])}`, () => real.renameSync(...args))) as typeof real.renameSync;
