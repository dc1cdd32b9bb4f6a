/**
 * Runs commands of `nocher-native` without forking this process: with 150 MB of memory that blocks for 9 ms, more with
 * more. A small child forks instead (native/README.md, section 9). It is started when first needed, and anew when lost.
 */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { RuntimeError } from '../runtime.ts';
import { nativeAnswer, runNative } from './program.ts';

interface Waiting {
  command: string;
  resolve(answer: unknown): void;
  reject(error: RuntimeError): void;
}

export class NativeSpawner {
  readonly #program: string;
  #child: ChildProcessWithoutNullStreams | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #isClosed = false;

  constructor(program: string) {
    this.#program = program;
  }

  /** As `runNative`. */
  run<T>(args: readonly string[], input = ''): Promise<T> {
    if (this.#isClosed) return runNative<T>(this.#program, args, input);
    const child = (this.#child ??= this.#start());
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { command: args[0]!, resolve: (answer) => resolve(answer as T), reject });
      child.stdin.write(`${JSON.stringify({ version: 1, id, args, input })}\n`);
    });
  }

  /** What is under way goes on to its end. Later commands have a process each. */
  close(): void {
    this.#isClosed = true;
    this.#child?.stdin.end();
  }

  #start(): ChildProcessWithoutNullStreams {
    const child = spawn(this.#program, ['spawner'], { stdio: ['pipe', 'pipe', 'pipe'] });
    let problems = '';
    child.stderr.on('data', (chunk: Buffer) => (problems += chunk.toString().slice(0, 4096)));
    child.stdin.on('error', () => undefined);
    createInterface(child.stdout).on('line', (line) => this.#settle(line));
    child.on('error', (error) => this.#lost(child, error.message));
    child.on('close', () => this.#lost(child, problems.trim() || 'the spawner has gone'));
    return child;
  }

  #settle(line: string): void {
    const { id, output } = JSON.parse(line) as { id: number; output: string };
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    try {
      waiting?.resolve(nativeAnswer(waiting.command, output));
    } catch (error) {
      waiting?.reject(error as RuntimeError);
    }
  }

  #lost(child: ChildProcessWithoutNullStreams, why: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    for (const { reject } of this.#waiting.values()) reject(new RuntimeError('unavailable', `nocher-native: ${why}`));
    this.#waiting.clear();
  }
}
