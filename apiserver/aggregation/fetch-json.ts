/** Documents of aggregated API servers that this server asks for on its own. */
import type { IncomingMessage } from 'node:http';
import type { ApiService } from '../../api/apiregistration/v1/api-service.ts';
import type { AggregatorOptions } from './aggregator.ts';
import { exchange } from './exchange.ts';
import { identityHeaders } from './forwarded-headers.ts';
import { AGGREGATOR } from './probe-discovery.ts';

const TIMEOUT_MS = 5000;
const MAX_BYTES = 16 << 20;

/** Throws for every answer but 200 with JSON, and for none in time. */
export async function fetchJson(
  service: ApiService,
  path: string,
  { backends, clock }: Pick<AggregatorOptions, 'backends' | 'clock'>,
  signal: AbortSignal,
): Promise<unknown> {
  const deadline = new AbortController();
  const cancel = clock.setTimeout(() => deadline.abort(), TIMEOUT_MS);
  try {
    const headers = { ...identityHeaders(AGGREGATOR), accept: ['application/json'] };
    const ending = AbortSignal.any([signal, deadline.signal]);
    const answer = await exchange(backends.of(service), { method: 'GET', url: path, headers, signal: ending });
    if (answer.statusCode !== 200) {
      answer.on('error', () => undefined).resume();
      throw new Error(`${path}: ${answer.statusCode}`);
    }
    return JSON.parse(await read(answer)) as unknown;
  } finally {
    cancel();
  }
}

async function read(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error('the document is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
