/**
 * Posts to webhooks over HTTPS: one pool of kept connections per client config, no redirects, bounded answers, errors
 * in the words of Go's client (client-go `rest/request.go`, apiserver `pkg/util/webhook/client.go`).
 */
import { Agent, request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { WebhookClientConfig } from '../../../api/admissionregistration/v1/webhook-client-config.ts';
import type { Clock } from '../../../base/clock.ts';
import { networkProblem, serverProblem } from './go-errors.ts';
import type { AddressSources, WebhookAddress } from './webhook-address.ts';
import { NoAddress, webhookAddress } from './webhook-address.ts';

/** More than any object that can be stored, as a patch in base64. */
const MAX_ANSWER_BYTES = 16 << 20;
const IDLE_CONNECTION_MS = 90_000;
const MAX_IDLE_CONNECTIONS = 16;

export interface WebhookClientOptions extends AddressSources {
  clock: Clock;
}

export interface WebhookPost {
  config: WebhookClientConfig;
  body: object;
  timeoutSeconds: number;
}

export class WebhookClient {
  readonly #options: WebhookClientOptions;
  /** By client config. */
  readonly #agents = new Map<string, Agent>();

  constructor(options: WebhookClientOptions) {
    this.#options = options;
  }

  /** The decoded answer. Throws an Error whose message says what went wrong. */
  async post({ config, body, timeoutSeconds }: WebhookPost): Promise<unknown> {
    const suffix = `?timeout=${timeoutSeconds}s`;
    try {
      const address = webhookAddress(config, this.#options);
      const call = { address, agent: this.#agentOf(config), body: JSON.stringify(body), suffix };
      const text = await this.#withDeadline(timeoutSeconds * 1000, (signal) => exchange(call, signal));
      return parse(text);
    } catch (error) {
      if (error instanceof NoAddress)
        throw new Error(`Post "${error.url}${suffix}": ${error.message}`, { cause: error });
      throw error;
    }
  }

  /** Lets go of the connections of all other configs. Calls under way end undisturbed. */
  retain(configs: readonly WebhookClientConfig[]): void {
    const kept = new Set(configs.map(keyOf));
    for (const [key, agent] of this.#agents) {
      if (kept.has(key)) continue;
      this.#agents.delete(key);
      release(agent);
    }
  }

  #agentOf(config: WebhookClientConfig): Agent {
    const key = keyOf(config);
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      const bundle = Buffer.from(config.caBundle ?? '', 'base64').toString();
      agent = new Agent({
        keepAlive: true,
        maxFreeSockets: MAX_IDLE_CONNECTIONS,
        timeout: IDLE_CONNECTION_MS,
        minVersion: 'TLSv1.2',
        ...(bundle === '' ? {} : { ca: bundle }),
      });
      this.#agents.set(key, agent);
    }
    return agent;
  }

  async #withDeadline<T>(delayMs: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const deadline = new AbortController();
    const cancel = this.#options.clock.setTimeout(() => deadline.abort(), delayMs);
    try {
      return await run(deadline.signal);
    } finally {
      cancel();
    }
  }
}

function keyOf({ caBundle, service, url }: WebhookClientConfig): string {
  return JSON.stringify([caBundle, url, service?.namespace, service?.name, service?.port]);
}

/** What comes back to an agent without keep-alive is closed. */
function release(agent: Agent): void {
  (agent as Agent & { keepAlive: boolean }).keepAlive = false;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}

interface Exchange {
  address: WebhookAddress;
  agent: Agent;
  body: string;
  suffix: string;
}

/** A connection that the other side had closed while it was idle is tried once more on a new one. */
async function exchange(call: Exchange, signal: AbortSignal): Promise<string> {
  const { address, suffix } = call;
  try {
    try {
      return await send(call, signal);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      return await send({ ...call, agent: new Agent({ ...call.agent.options, keepAlive: false }) }, signal);
    }
  } catch (error) {
    if (error instanceof AnswerProblem) throw error;
    const problem = signal.aborted ? 'context deadline exceeded' : networkProblem(error as Error, address);
    throw new Error(`Post "${address.url}${suffix}": ${problem}`, { cause: error });
  }
}

class StaleConnection extends Error {}

/** The webhook answered, but not as it should. */
class AnswerProblem extends Error {}

function send({ address, agent, body, suffix }: Exchange, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest({
      agent,
      signal,
      host: address.host,
      port: address.port,
      ...(address.serverName === '' ? {} : { servername: address.serverName }),
      method: 'POST',
      path: `${address.path}${suffix}`,
      headers: {
        host: address.authority,
        accept: 'application/json, */*',
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'kube-apiserver-admission',
      },
    });
    request.on('response', (response) => void read(response).then(resolve, reject));
    request.on('error', (error: NodeJS.ErrnoException) =>
      reject(request.reusedSocket && error.code === 'ECONNRESET' ? new StaleConnection() : error),
    );
    request.end(body);
  });
}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) {
      response.destroy();
      throw new AnswerProblem(`the response body is larger than ${MAX_ANSWER_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  const code = response.statusCode ?? 0;
  if (code >= 200 && code <= 206) return text;
  throw new AnswerProblem(serverProblem(code, text));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new Error(`couldn't get version/kind; json parse error: ${(error as Error).message}`, { cause: error });
  }
}
