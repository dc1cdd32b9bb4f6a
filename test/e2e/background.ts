/** A kubectl that goes on while a test does other things: follows, watches, forwards. */
import type { ChildProcess } from 'node:child_process';
import type { Cluster } from './harness.ts';
import { eventually } from './harness.ts';

export interface Background {
  /** What it has printed so far. */
  stdout(): string;
  stderr(): string;
  /** Waits until standard output holds `text`. */
  prints(text: string | RegExp): Promise<void>;
  /** Its exit code, once it has ended by itself. */
  ended(): Promise<number>;
  /** Types into it. */
  type(text: string): void;
  /** Ends its input. */
  endInput(): void;
  /** Ends it as Ctrl-C does, and waits for it. */
  stop(): Promise<void>;
}

export function startKubectl(cluster: Cluster, minor: string, args: readonly string[]): Background {
  const child: ChildProcess = cluster.spawn(cluster.kubectlPath(minor), args);
  let out = '';
  let err = '';
  child.stdout!.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr!.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const exited = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)));
  const what = `kubectl ${args.join(' ')}`;
  return {
    stdout: () => out,
    stderr: () => err,
    async prints(text) {
      const isThere = (): boolean => (typeof text === 'string' ? out.includes(text) : text.test(out));
      await eventually(`${what} prints ${String(text)}`, isThere).catch((error: Error) => {
        throw new Error(`${error.message}\nit printed:\n${out}${err}`);
      });
    },
    ended: () => exited,
    type: (text) => void child.stdin!.write(text),
    endInput: () => void child.stdin!.end(),
    async stop() {
      child.kill('SIGINT');
      await exited;
    },
  };
}
