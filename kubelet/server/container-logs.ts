/** `/containerLogs/{namespace}/{pod}/{container}` (upstream `pkg/kubelet/server/server.go`, `getContainerLogs`). */
import { once } from 'node:events';
import type { Request, Response } from 'express';
import { badRequest } from '../../api/machinery/errors.ts';
import type { Clock } from '../../base/clock.ts';
import { parseTimestamp } from '../logs/log-line.ts';
import { readLogs } from '../logs/log-reader.ts';
import type { LogOptions } from '../logs/log-reader.ts';
import { findLogContainer, findPod } from './pod-lookup.ts';
import type { PodLookup } from './pod-lookup.ts';

export async function serveContainerLogs(
  lookup: PodLookup & { clock: Clock },
  request: Request,
  response: Response,
): Promise<void> {
  const { namespace = '', pod = '', container = '' } = request.params as Record<string, string>;
  const query = new URL(request.originalUrl, 'http://kubelet').searchParams;
  const options = parseLogOptions(query, lookup.clock.now());
  const worker = findPod(lookup, namespace, pod);
  const info = findLogContainer(lookup, worker, { container, previous: query.get('previous') === 'true' });
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const isRunning = (): boolean => {
    const current = lookup.cache.get(worker.uid).containers.find(({ id }) => id === info.id);
    return current?.state === 'running';
  };
  const source = { path: info.logPath, clock: lookup.clock, isRunning, signal: gone.signal };
  response.status(200).setHeader('content-type', 'text/plain; charset=utf-8');
  if (options.follow) response.flushHeaders();
  try {
    for await (const chunk of readLogs(source, options)) {
      if (!response.write(chunk) && !gone.signal.aborted)
        await Promise.race([once(response, 'drain'), once(response, 'close')]);
    }
  } catch (error) {
    // A container that has just been made may have no log yet, and one that was cleaned up none any more.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  response.end();
}

/** Throws `ApiError` for values that make no sense. */
export function parseLogOptions(query: URLSearchParams, nowMs: number): LogOptions {
  const options: LogOptions = {
    follow: query.get('follow') === 'true',
    timestamps: query.get('timestamps') === 'true',
  };
  const tailLines = whole(query, 'tailLines', 0);
  const limitBytes = whole(query, 'limitBytes', 1);
  const sinceSeconds = whole(query, 'sinceSeconds', 1);
  if (tailLines !== undefined) options.tailLines = tailLines;
  if (limitBytes !== undefined) options.limitBytes = limitBytes;
  if (sinceSeconds !== undefined) options.sinceNs = BigInt(Math.floor(nowMs) - sinceSeconds * 1000) * 1_000_000n;
  const sinceTime = query.get('sinceTime');
  if (sinceTime !== null) {
    const sinceNs = parseTimestamp(sinceTime);
    if (sinceNs === undefined) throw badRequest(`invalid sinceTime ${JSON.stringify(sinceTime)}`);
    options.sinceNs = sinceNs;
  }
  const stream = query.get('stream')?.toLowerCase();
  if (stream === 'stdout' || stream === 'stderr') options.stream = stream;
  return options;
}

function whole(query: URLSearchParams, name: string, least: number): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least) throw badRequest(`invalid ${name} ${JSON.stringify(text)}`);
  return value;
}
