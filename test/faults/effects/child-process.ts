/** `node:child_process` for the kubelet under test: each program that it runs is an effect. */
import * as real from 'node:child_process';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { effect } from './crash-point.ts';

export * from 'node:child_process';

export const spawn = ((command: string, args: readonly string[], options: real.SpawnOptions) => {
  const child = effect(`spawn ${args[0]}`, () => real.spawn(command, args, options));
  if (args[0] === 'spawner') observeRequests(child.stdin!);
  return child;
}) as typeof real.spawn;

/** Each line tells the helper to run a program. */
function observeRequests(requests: Writable): void {
  const write = requests.write.bind(requests) as (line: string) => boolean;
  const observed = (line: string): boolean => {
    const { args } = JSON.parse(line) as { args: string[] };
    return effect(`spawn ${args[0]}`, () => write(line));
  };
  requests.write = observed as Writable['write'];
}

const run = promisify(real.execFile);
export const execFile = Object.assign(
  (() => {
    throw new Error('only its promise is used');
  }) as unknown as typeof real.execFile,
  {
    [promisify.custom]: (command: string, args: readonly string[]) => effect(command, () => run(command, args)),
  },
);
