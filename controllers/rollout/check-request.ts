/** One try of a check over the network, bounded in time and size. Redirects are not followed. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { matchesPattern } from '../../api/machinery/pattern.ts';
import type { Target } from './check-target.ts';
import type { HttpCheck } from './types.ts';

const MAX_BODY_BYTES = 64 * 1024;

export interface Outcome {
  ok: boolean;
  message: string;
}

type Expected = Pick<HttpCheck, 'expectedStatus' | 'bodyPattern'>;

/** Never rejects. The signal ends it, which is a failure as well. */
export async function tryTarget(target: Target, expected: Expected, signal: AbortSignal): Promise<Outcome> {
  const where = `${target.address}:${target.port}`;
  try {
    if (target.protocol === 'tcp') {
      await openTcp(target, signal);
      return { ok: true, message: `${where} accepts connections` };
    }
    const { status, body } = await get(target, signal);
    return judge(`${target.protocol}://${target.host}${target.path}`, expected, { status, body });
  } catch (error) {
    return {
      ok: false,
      message: signal.aborted ? `${where}: no answer in time` : `${where}: ${(error as Error).message}`,
    };
  }
}

export function judge(
  where: string,
  { expectedStatus, bodyPattern }: Expected,
  { status, body }: { status: number; body: string },
): Outcome {
  const isGood = expectedStatus === undefined ? status >= 200 && status < 400 : status === expectedStatus;
  if (!isGood) return { ok: false, message: `${where} answered with status ${status}` };
  if (bodyPattern !== undefined && !matchesPattern(bodyPattern, body))
    return { ok: false, message: `${where} answered with a body that does not match ${bodyPattern}` };
  return { ok: true, message: `${where} answered with status ${status}` };
}

function openTcp({ address, port }: Target, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port });
    const end = (settle: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      settle();
    };
    const onAbort = (): void => end(() => reject(new Error('aborted')));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => end(resolve));
    socket.once('error', (error) => end(() => reject(error)));
  });
}

function get(target: Target, signal: AbortSignal): Promise<{ status: number; body: string }> {
  const { protocol, address, port, path, host } = target;
  // Certificates of pods are their own: nothing here vouches for a pod's address.
  const options = { host: address, port, path, headers: { host }, agent: false, signal, rejectUnauthorized: false };
  const send = protocol === 'https' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(options, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const done = (): void => {
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES).toString(),
        });
        request.destroy();
      };
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size >= MAX_BODY_BYTES) done();
      });
      response.once('end', done);
      response.once('error', reject);
    });
    request.once('error', reject);
    request.end();
  });
}
