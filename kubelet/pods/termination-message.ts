/** What a container left as its last words (upstream `kuberuntime_container.go`, `getTerminationMessage`). */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { ContainerInfo } from '../runtime.ts';
import { readLogTail } from '../logs/log-tail.ts';
import { TERMINATION_MESSAGE_POLICY_ANNOTATION } from './labels.ts';

export const MAX_MESSAGE_BYTES = 4096;
const MAX_LOG_BYTES = 2048;
const MAX_LOG_LINES = 80;

/**
 * From the file that the container had for it; from the end of its log when it failed, left nothing, and asked for
 * that. Empty when there is nothing. The file is the container's: it is read without following links, and bounded.
 */
export async function readTerminationMessage(info: ContainerInfo, file: string): Promise<string> {
  const own = await readBounded(file, MAX_MESSAGE_BYTES);
  if (own !== '') return own;
  const policy = info.annotations[TERMINATION_MESSAGE_POLICY_ANNOTATION];
  if (policy !== 'FallbackToLogsOnError' || info.exitCode === 0) return '';
  return readLogTail(info.logPath, { lines: MAX_LOG_LINES, bytes: MAX_LOG_BYTES });
}

async function readBounded(path: string, limit: number): Promise<string> {
  try {
    // Not blocking: a container could have put a pipe in its place.
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) return '';
      const length = Math.min(stats.size, limit);
      const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, stats.size - length);
      return buffer.subarray(0, bytesRead).toString('utf8');
    } finally {
      await file.close();
    }
  } catch {
    return '';
  }
}
