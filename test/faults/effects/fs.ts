/** `node:fs` for the kubelet under test: what changes files is an effect. */
import * as real from 'node:fs';
import { effect } from './crash-point.ts';

export * from 'node:fs';

const nameOf = (path: unknown): string => String(path).split('/').slice(-2).join('/');

/** What is there already, or is gone already, changes nothing. */
const unless = <T>(isIdle: boolean, label: string, act: () => T): T => (isIdle ? act() : effect(label, act));

export const mkdirSync = ((...args: Parameters<typeof real.mkdirSync>) =>
  unless(real.existsSync(args[0]), `mkdirSync ${nameOf(args[0])}`, () =>
    real.mkdirSync(...args),
  )) as typeof real.mkdirSync;
export const mkdtempSync = ((...args: Parameters<typeof real.mkdtempSync>) =>
  effect(`mkdtempSync ${nameOf(args[0])}`, () => real.mkdtempSync(...args))) as typeof real.mkdtempSync;
export const writeFileSync = ((...args: Parameters<typeof real.writeFileSync>) =>
  effect(`writeFileSync ${nameOf(args[0])}`, () => real.writeFileSync(...args))) as typeof real.writeFileSync;
export const renameSync = ((...args: Parameters<typeof real.renameSync>) =>
  effect(`renameSync ${nameOf(args[1])}`, () => real.renameSync(...args))) as typeof real.renameSync;
export const symlinkSync = ((...args: Parameters<typeof real.symlinkSync>) =>
  effect(`symlinkSync ${nameOf(args[1])}`, () => real.symlinkSync(...args))) as typeof real.symlinkSync;
export const rmSync = ((...args: Parameters<typeof real.rmSync>) =>
  unless(!real.existsSync(args[0]), `rmSync ${nameOf(args[0])}`, () => real.rmSync(...args))) as typeof real.rmSync;
export const chmodSync = ((...args: Parameters<typeof real.chmodSync>) =>
  effect(`chmodSync ${nameOf(args[0])}`, () => real.chmodSync(...args))) as typeof real.chmodSync;
export const chownSync = ((...args: Parameters<typeof real.chownSync>) =>
  effect(`chownSync ${nameOf(args[0])}`, () => real.chownSync(...args))) as typeof real.chownSync;
