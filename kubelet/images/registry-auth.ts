/**
 * Authorization of registry requests: answers `WWW-Authenticate` challenges with basic credentials or a token from the
 * realm (the distribution project's token and OAuth2 protocols). Texts follow containerd
 * `core/remotes/docker/authorizer.go`.
 *
 * **Invariant:** credentials go to the registry they were given for and to the realm it names, over https unless the
 * registry itself is spoken to without; never into a message.
 */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import type { PullAuth } from '../runtime.ts';
import { bodyOf, printable, type HttpTransport } from './registry-http.ts';

export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  scheme: string;
  parameters: Record<string, string>;
}

/** The registry does not let us: wrong or missing credentials. */
export class AuthorizationError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AuthorizationError';
  }
}

export interface AuthorizerOptions {
  transport: HttpTransport;
  clock: Clock;
  auth: PullAuth | undefined;
  /** `repository:library/nginx:pull` */
  scope: string;
  /** The registry is reached without verified https: its realm may be too. */
  insecure: boolean;
}

const MAX_TOKEN_RESPONSE_BYTES = 1024 * 1024;

/** The authorization of one pull from one registry. */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  #header: string | undefined;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** The header that worked last. */
  get header(): string | undefined {
    return this.#header;
  }

  /**
   * Finds the header that answers a 401. `rejected` is the one that was refused. Throws `AuthorizationError` when
   * there is none.
   */
  async answer(response: IncomingMessage, rejected: string | undefined, signal: AbortSignal): Promise<string> {
    const challenges = parseChallenges(response.headers['www-authenticate'] ?? '');
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) {
      const { error } = bearer.parameters;
      if (rejected !== undefined && error !== undefined && error !== 'invalid_token') {
        throw new AuthorizationError(`server message: ${quiet(error)}: authorization failed`);
      }
      const header = `Bearer ${await this.#token(bearer.parameters, signal)}`;
      if (header === rejected) throw new AuthorizationError('authorization failed');
      this.#header = header;
      return header;
    }
    const basic = challenges.some(({ scheme }) => scheme === 'basic') ? this.#basic() : undefined;
    if (basic === undefined) throw new AuthorizationError('authorization failed: no basic auth credentials');
    if (basic === rejected) throw new AuthorizationError('authorization failed');
    this.#header = basic;
    return basic;
  }

  #basic(): string | undefined {
    const { auth } = this.#options;
    if (auth === undefined || auth.username === '') return undefined;
    return `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;
  }

  async #token(parameters: Record<string, string>, signal: AbortSignal): Promise<string> {
    const { auth } = this.#options;
    const realm = this.#realm(parameters['realm']);
    const service = parameters['service'];
    // The registry's own scope wins: it may know the repository under another name.
    const scope = parameters['scope'] ?? this.#options.scope;
    const basic = this.#basic();
    if (auth?.identityToken !== undefined && auth.identityToken !== '') {
      return this.#refresh(realm, { service, scope, refreshToken: auth.identityToken }, signal);
    }
    const url = new URL(realm);
    if (service !== undefined) url.searchParams.set('service', service);
    for (const one of scope.split(' ')) url.searchParams.append('scope', one);
    const headers: Record<string, string> = basic === undefined ? {} : { authorization: basic };
    const kind = basic === undefined ? 'anonymous' : 'oauth';
    return this.#fetchToken({ url, headers, kind }, signal);
  }

  async #refresh(
    realm: URL,
    request: { service: string | undefined; scope: string; refreshToken: string },
    signal: AbortSignal,
  ): Promise<string> {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: request.refreshToken,
      service: request.service ?? '',
      scope: request.scope,
      client_id: 'nocher',
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return this.#fetchToken({ url: realm, headers, kind: 'oauth', body: form.toString() }, signal);
  }

  #realm(realm: string | undefined): URL {
    if (realm === undefined || !URL.canParse(realm))
      throw new AuthorizationError('authorization failed: no valid realm');
    const url = new URL(realm);
    const isAllowed = url.protocol === 'https:' || (url.protocol === 'http:' && this.#options.insecure);
    if (!isAllowed) throw new AuthorizationError(`authorization failed: realm ${printable(url)} is not https`);
    return url;
  }

  async #fetchToken(
    request: { url: URL; headers: Record<string, string>; kind: string; body?: string },
    signal: AbortSignal,
  ): Promise<string> {
    const { url, headers, kind, body } = request;
    const { transport, insecure, clock } = this.#options;
    const method = body === undefined ? ('GET' as const) : ('POST' as const);
    const sent = { url, method, headers, insecure, signal, ...(body === undefined ? {} : { body }) };
    const response = await transport.request(sent);
    const bytes = await readBounded(bodyOf(response, clock), MAX_TOKEN_RESPONSE_BYTES);
    const status = response.statusCode ?? 0;
    const failure = `failed to authorize: failed to fetch ${kind} token: `;
    if (status < 200 || status > 299) {
      const text = `${failure}unexpected status from ${method} request to ${printable(url)}: ${statusText(response)}`;
      throw status === 401 || status === 403 ? new AuthorizationError(text) : new Error(text);
    }
    const token = tokenOf(bytes);
    if (token === undefined) throw new Error(`${failure}authorization server did not include a token in the response`);
    return token;
  }
}

/** `401 Unauthorized` */
export function statusText(response: IncomingMessage): string {
  return `${response.statusCode ?? 0} ${quiet(response.statusMessage ?? '')}`.trim();
}

/** Reads a body that must be small; ends it and throws when it is not. */
export async function readBounded(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let received = 0;
  for await (const chunk of body) {
    received += chunk.length;
    if (received > maxBytes) throw new Error(`response is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** `Bearer realm="…",service="…", Basic realm="…"`, RFC 9110 section 11.6.1. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  // A token, then either `=` and a value (a parameter) or a space (a scheme).
  const pattern = /([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?[\s,]*/gy;
  const bounded = header.slice(0, 8192).trimStart();
  for (let match = pattern.exec(bounded); match !== null; match = pattern.exec(bounded)) {
    const [, name = '', quoted, plain] = match;
    const value = quoted?.replace(/\\(.)/g, '$1') ?? plain;
    if (value === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: {} });
    else {
      const parameters = challenges.at(-1)?.parameters;
      if (parameters !== undefined) parameters[name.toLowerCase()] = value;
    }
  }
  return challenges;
}

function tokenOf(bytes: Buffer): string | undefined {
  try {
    const parsed = JSON.parse(bytes.toString('utf8')) as { token?: unknown; access_token?: unknown } | null;
    const token = parsed?.token ?? parsed?.access_token;
    return typeof token === 'string' && /^[\x21-\x7e]+$/.test(token) ? token : undefined;
  } catch {
    return undefined;
  }
}

/** What a server said, short and on one line. */
function quiet(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, ' ').slice(0, 200);
}
