/** `node:fs/promises` for the kubelet under test: what changes files is an effect. */
import { existsSync } from 'node:fs';
import * as real from 'node:fs/promises';
import { effect } from './crash-point.ts';

export * from 'node:fs/promises';

const nameOf = (path: unknown): string => String(path).split('/').slice(-2).join('/');

/** What is there already, or is gone already, changes nothing. */
const unless = <T>(isIdle: boolean, label: string, act: () => T): T => (isIdle ? act() : effect(label, act));

export const mkdir = ((...args: Parameters<typeof real.mkdir>) =>
  unless(existsSync(args[0]), `mkdir ${nameOf(args[0])}`, () => real.mkdir(...args))) as typeof real.mkdir;
export const rename = ((...args: Parameters<typeof real.rename>) =>
  effect(`rename ${nameOf(args[1])}`, () => real.rename(...args))) as typeof real.rename;
export const rm = ((...args: Parameters<typeof real.rm>) =>
  unless(!existsSync(args[0]), `rm ${nameOf(args[0])}`, () => real.rm(...args))) as typeof real.rm;
export const chmod = ((...args: Parameters<typeof real.chmod>) =>
  effect(`chmod ${nameOf(args[0])}`, () => real.chmod(...args))) as typeof real.chmod;
export const chown = ((...args: Parameters<typeof real.chown>) =>
  effect(`chown ${nameOf(args[0])}`, () => real.chown(...args))) as typeof real.chown;
