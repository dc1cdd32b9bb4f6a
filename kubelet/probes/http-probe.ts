/** HTTP probes (upstream `pkg/probe/http`): any answer from 200 to 399 is a success. Messages are Go's. */
import http from 'node:http';
import https from 'node:https';
import type { ProbeOutcome } from './probe-outcome.ts';
import { MAX_OUTPUT_BYTES } from './probe-outcome.ts';

export interface HttpProbeRequest {
  scheme: 'http' | 'https';
  host: string;
  port: number;
  path: string;
  headers: readonly { name: string; value: string }[];
  timeoutMs: number;
  signal: AbortSignal;
}

const USER_AGENT = 'kube-probe/1.36';
const MAX_REDIRECTS = 10;

export async function probeHttp(request: HttpProbeRequest): Promise<ProbeOutcome> {
  const url = urlOf(request);
  // A timeout is one for the whole probe, redirects included.
  const timeout = AbortSignal.timeout(request.timeoutMs);
  const signal = AbortSignal.any([request.signal, timeout]);
  try {
    return await follow(url, { ...request, signal });
  } catch (error) {
    if (timeout.aborted) {
      const text = 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
      return { result: 'failure', output: `Get ${JSON.stringify(url.href)}: ${text}` };
    }
    return {
      result: 'failure',
      output: `Get ${JSON.stringify(url.href)}: ${dialError(error, `${hostOf(request.host)}:${request.port}`)}`,
    };
  }
}

function urlOf({ scheme, host, port, path }: HttpProbeRequest): URL {
  const rooted = path.startsWith('/') ? path : `/${path}`;
  return new URL(`${scheme}://${hostOf(host)}:${port}${rooted}`);
}

const hostOf = (host: string): string => (host.includes(':') ? `[${host}]` : host);

async function follow(first: URL, request: HttpProbeRequest): Promise<ProbeOutcome> {
  let url = first;
  for (let redirects = 0; redirects < MAX_REDIRECTS; redirects++) {
    const { status, location, body } = await get(url, request);
    if (status >= 300 && status < 400 && location !== undefined) {
      const next = new URL(location, url);
      // A redirect to another host is not followed, and counts as success with a warning.
      if (next.hostname !== first.hostname)
        return { result: 'success', output: `Probe terminated redirects, Response body: ${body}` };
      url = next;
      continue;
    }
    if (status >= 200 && status < 400) return { result: 'success', output: body };
    return { result: 'failure', output: `HTTP probe failed with statuscode: ${status}` };
  }
  return { result: 'failure', output: `Get ${JSON.stringify(url.href)}: stopped after ${MAX_REDIRECTS} redirects` };
}

interface Answer {
  status: number;
  location: string | undefined;
  body: string;
}

function get(url: URL, { headers, signal }: HttpProbeRequest): Promise<Answer> {
  const sent: Record<string, string[]> = {};
  for (const { name, value } of headers) (sent[name.toLowerCase()] ??= []).push(value);
  sent['user-agent'] ??= [USER_AGENT];
  sent['accept'] ??= ['*/*'];
  sent['connection'] = ['close'];
  const flat: Record<string, string | string[]> = {};
  for (const [name, values] of Object.entries(sent))
    if (values[0] !== '') flat[name] = values.length === 1 ? values[0]! : values;
  return new Promise((resolve, reject) => {
    const options = { headers: flat, agent: false, signal, rejectUnauthorized: false };
    const request = (url.protocol === 'https:' ? https : http).get(url, options, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= MAX_OUTPUT_BYTES) chunks.push(chunk);
        else response.destroy();
      });
      response.on('error', reject);
      response.on('close', () => {
        const { statusCode = 0, headers: received } = response;
        resolve({ status: statusCode, location: received.location, body: Buffer.concat(chunks).toString() });
      });
    });
    request.on('error', reject);
  });
}

const DIAL_TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
};

/** As Go words a failed connection. */
export function dialError(error: unknown, address: string): string {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  if (code === 'ECONNRESET') return message.includes('socket hang up') ? 'EOF' : 'read: connection reset by peer';
  const text = DIAL_TEXTS[code];
  return text === undefined ? message : `dial tcp ${address}: ${text}`;
}
