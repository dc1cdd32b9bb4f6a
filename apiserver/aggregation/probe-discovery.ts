/** Whether an aggregated API server answers for its version (kube-aggregator `pkg/controllers/status/remote`). */
import type { ApiService } from '../../api/apiregistration/v1/api-service.ts';
import type { UserInfo } from '../../api/machinery/handler.ts';
import { networkProblem } from '../admission/webhook/go-errors.ts';
import type { AggregatorOptions } from './aggregator.ts';
import type { Backend } from './backends.ts';
import { exchange } from './exchange.ts';
import { identityHeaders } from './forwarded-headers.ts';

/** Whoever has access rights at all lets this one see what is served. */
export const AGGREGATOR: UserInfo = { name: 'system:kube-aggregator', groups: ['system:masters'] };

const TIMEOUT_MS = 5000;
/** Each at an endpoint of its own choice: one that answers is enough. */
const FURTHER_ATTEMPTS = 4;

export function discoveryPath({ spec }: ApiService): string {
  return `/apis/${spec?.group}/${spec?.version}`;
}

type Options = Pick<AggregatorOptions, 'backends' | 'clock'>;

/** `''` when it does, else what went wrong; never rejects. */
export async function probeDiscovery(apiService: ApiService, options: Options, signal: AbortSignal): Promise<string> {
  const failure = await attempt(apiService, options, signal);
  if (failure === '' || signal.aborted) return failure;
  const further = await Promise.all(
    Array.from({ length: FURTHER_ATTEMPTS }, () => attempt(apiService, options, signal)),
  );
  return further.includes('') ? '' : failure;
}

async function attempt(apiService: ApiService, { backends, clock }: Options, signal: AbortSignal): Promise<string> {
  const deadline = new AbortController();
  const cancel = clock.setTimeout(() => deadline.abort(), TIMEOUT_MS);
  try {
    // The network's owner could do worse than to feign a server that is there.
    const backend = backends.of(apiService, { isTrusted: true });
    const ending = AbortSignal.any([signal, deadline.signal]);
    const problem = await ask(backend, discoveryPath(apiService), ending);
    return problem === ''
      ? ''
      : `failing or missing response from ${urlOf(backend, discoveryPath(apiService))}: ${problem}`;
  } catch (error) {
    return (error as Error).message;
  } finally {
    cancel();
  }
}

async function ask(backend: Backend, path: string, signal: AbortSignal): Promise<string> {
  const url = urlOf(backend, path);
  try {
    const answer = await exchange(backend, { method: 'GET', url: path, headers: identityHeaders(AGGREGATOR), signal });
    answer.on('error', () => undefined).resume();
    const status = answer.statusCode ?? 0;
    return status >= 200 && status < 300 ? '' : `bad status from ${url}: ${status}`;
  } catch (error) {
    const problem = signal.aborted ? 'context deadline exceeded' : networkProblem(error as Error, backend.address);
    return `Get "${url}": ${problem}`;
  }
}

function urlOf({ address: { host, port } }: Backend, path: string): string {
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
}
