/** Commands in a running container, with a stream or to their end, over its pod's monitor. */
import { Writable } from 'node:stream';
import type { StreamIo } from '../runtime.ts';
import { RuntimeError } from '../runtime.ts';
import type { MonitorClient } from './monitor-client.ts';
import type { ExitFrame } from './streams.ts';
import { deadlineExceeded, OutputBuffer, runFramed } from './streams.ts';

export interface ExecTarget {
  monitor: MonitorClient;
  containerId: string;
  command: readonly string[];
}

/** Resolves with the exit code. */
export async function exec({ monitor, containerId, command }: ExecTarget, io: StreamIo): Promise<number> {
  const { stdin, stdout, stderr, tty } = io;
  const request = {
    command: 'exec',
    container: containerId,
    args: command,
    stdin: stdin !== undefined,
    stdout: stdout !== undefined,
    stderr: stderr !== undefined && !tty,
    tty,
  };
  return exitOf(await runFramed(monitor, request, io)).exitCode;
}

/** Output is bounded; throws `deadline-exceeded` after `timeoutMs`, when the monitor has killed the command. */
export async function execSync(
  { monitor, containerId, command }: ExecTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ exitCode: number; stdout: Uint8Array; stderr: Uint8Array }> {
  const output = new OutputBuffer();
  const problems = new OutputBuffer();
  const request = {
    command: 'exec',
    container: containerId,
    args: command,
    stdin: false,
    stdout: true,
    stderr: true,
    tty: false,
    timeoutMs: Math.ceil(timeoutMs),
  };
  const io: StreamIo = { stdout: collect(output), stderr: collect(problems), tty: false, signal };
  const { exitCode, timedOut } = exitOf(await runFramed(monitor, request, io));
  if (timedOut === true) throw deadlineExceeded(command, timeoutMs);
  return { exitCode, stdout: output.bytes(), stderr: problems.bytes() };
}

export async function attach({ monitor, containerId }: Omit<ExecTarget, 'command'>, io: StreamIo): Promise<void> {
  const { stdin, stdout, stderr } = io;
  const request = {
    command: 'attach',
    container: containerId,
    stdin: stdin !== undefined,
    stdout: stdout !== undefined,
    stderr: stderr !== undefined,
  };
  await runFramed(monitor, request, io);
}

function exitOf(exit: ExitFrame | undefined): ExitFrame {
  if (exit === undefined) throw new RuntimeError('unavailable', 'the stream ended before the command did');
  return exit;
}

function collect(buffer: OutputBuffer): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      buffer.push(chunk);
      done();
    },
  });
}
