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
        const answer = JSON.parse(output) as { ok?: boolean; error?: NativeFailure };
        if (answer.ok === false) reject(runtimeErrorOf(answer.error!));
        else resolve(answer as T);
      } catch {
        reject(
          new RuntimeError(
            'unknown',
            `nocher-native ${args[0]}: ${problems.trim() || output.slice(0, 200) || 'no answer'}`,
          ),
        );
      }
    });
    child.stdin.end(input);
  });
}
