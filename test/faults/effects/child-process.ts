/** `node:child_process` for the kubelet under test: each program that it runs is an effect. */
import * as real from 'node:child_process';
import { promisify } from 'node:util';
import { effect } from './crash-point.ts';

export * from 'node:child_process';

export const spawn = ((command: string, args: readonly string[], options: real.SpawnOptions) =>
  effect(`spawn ${args[0]}`, () => real.spawn(command, args, options))) as typeof real.spawn;

const run = promisify(real.execFile);
export const execFile = Object.assign(
  (() => {
    throw new Error('only its promise is used');
  }) as unknown as typeof real.execFile,
  {
    [promisify.custom]: (command: string, args: readonly string[]) => effect(command, () => run(command, args)),
  },
);
