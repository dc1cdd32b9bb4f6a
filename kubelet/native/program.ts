/** The one-shot commands of `nocher-native` (native/README.md, sections 1, 2 and 7). */
import { spawn } from 'node:child_process';
import { RuntimeError } from '../runtime.ts';
import type { RuntimeErrorCode } from '../runtime.ts';

export interface NativeFailure {
  code: string;
  message: string;
  errno?: string;
  stage?: string;
}

export interface HostCheck {
  root: boolean;
  kernel: string;
  cgroupMode: 'v1' | 'v2' | 'hybrid' | 'none';
  cgroupControllers: string[];
  /** Of open files in a process. */
  nofileHard: number;
  /** What native pods cannot do here; `required: …`: they cannot run. */
  missing: string[];
}

export interface SandboxStarted {
  monitorPid: number;
  pausePid: number;
  startedAt: string;
  warnings: string[];
}

const CODES: Readonly<Record<string, RuntimeErrorCode>> = {
  InvalidRequest: 'invalid-argument',
  NotFound: 'not-found',
  AlreadyExists: 'already-exists',
  StartFailed: 'start-failed',
  SandboxNotReady: 'unavailable',
};

export function runtimeErrorOf({ code, message }: NativeFailure): RuntimeError {
  return new RuntimeError(CODES[code] ?? 'unknown', message);
}

/** What a command has printed. Throws `RuntimeError`. */
export function nativeAnswer<T>(command: string, output: string, problems = ''): T {
  let answer: { ok?: boolean; error?: NativeFailure };
  try {
    answer = JSON.parse(output) as typeof answer;
  } catch {
    const text = problems.trim() || output.trim().slice(0, 200) || 'no answer';
    throw new RuntimeError('unknown', `nocher-native ${command}: ${text}`);
  }
  if (answer.ok === false) throw runtimeErrorOf(answer.error!);
  return answer as T;
}

/** Runs one command to its end; `input` goes to standard input. Throws `RuntimeError`. */
export function runNative<T>(path: string, args: readonly string[], input = ''): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    let problems = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (problems += chunk.toString().slice(0, 4096)));
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => reject(new RuntimeError('unavailable', `nocher-native: ${error.message}`)));
    child.on('close', () => {
      try {
        resolve(nativeAnswer<T>(args[0]!, output, problems));
      } catch (error) {
        reject(error as RuntimeError);
      }
    });
    child.stdin.end(input);
  });
}
