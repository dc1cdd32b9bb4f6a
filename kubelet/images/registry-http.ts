/**
 * HTTP for the registry client on node:http and node:https: proxies (CONNECT for https), certificate authorities,
 * bounded waits. One request, one response; redirects, authorization and retries are the caller's.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import * as net from 'node:net';
import * as tls from 'node:tls';
import type { Clock } from '../../base/clock.ts';

export interface ProxyConfig {
  /** For `http:` URLs. */
  http?: string;
  /** For `https:` URLs. */
  https?: string;
  /** Comma-separated hosts, `.domain` suffixes, addresses, CIDR ranges, or `*`. */
  noProxy?: string;
}

export interface HttpRequest {
  url: URL;
  method?: 'GET' | 'POST';
  headers: Record<string, string>;
  body?: string;
  /** The server's certificate is not verified. */
  insecure: boolean;
  signal: AbortSignal;
}

export interface HttpTransport {
  /** Rejects with an `Error` worded as Go's net/http does: `Get "https://…": dial tcp: lookup …: no such host`. */
  request(request: HttpRequest): Promise<http.IncomingMessage>;
}

export interface HttpTransportOptions {
  clock: Clock;
  proxy?: ProxyConfig;
  /** PEM; instead of those that Node brings, unless there are none. */
  certificateAuthorities?: () => readonly string[];
  /** Until the response's head is there. */
  timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const IDLE_TIMEOUT_MS = 60_000;
const USER_AGENT = 'nocher';

export function createHttpTransport(options: HttpTransportOptions): HttpTransport {
  // Hundreds of certificates are read once, and not for every connection.
  let context: { secureContext?: tls.SecureContext } | undefined;
  const trust = (): { secureContext?: tls.SecureContext } => {
    if (context === undefined) {
      const ca = options.certificateAuthorities?.() ?? [];
      context = ca.length === 0 ? {} : { secureContext: tls.createSecureContext({ ca: [...ca] }) };
    }
    return context;
  };
  const agents = { http: new http.Agent({ keepAlive: true }), https: new https.Agent({ keepAlive: true }) };
  return {
    async request(request) {
      const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
      const timeout = new AbortController();
      const cancel = options.clock.setTimeout(() => timeout.abort(new Error('i/o timeout')), timeoutMs);
      const signal = AbortSignal.any([request.signal, timeout.signal]);
      try {
        const isSecure = request.url.protocol === 'https:';
        const tlsOptions = { rejectUnauthorized: !request.insecure, ...(isSecure ? trust() : {}) };
        const proxy = proxyFor(request.url, options.proxy);
        const route = await routeTo(request.url, { proxy, tlsOptions, agents, signal });
        return await send(request, route, signal);
      } catch (error) {
        request.signal.throwIfAborted();
        const reason = timeout.signal.aborted
          ? 'net/http: timeout awaiting response headers'
          : explain(error, request.url);
        const verb = request.method === 'POST' ? 'Post' : 'Get';
        throw new Error(`${verb} "${printable(request.url)}": ${reason}`, { cause: error });
      } finally {
        cancel();
      }
    },
  };
}

/** The body; fails when nothing comes for a minute. A consumer that stops early ends the connection. */
export async function* bodyOf(response: http.IncomingMessage, clock: Clock): AsyncGenerator<Buffer> {
  const stalled = (): void => void response.destroy(new Error('i/o timeout'));
  let cancel = clock.setTimeout(stalled, IDLE_TIMEOUT_MS);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      // While the consumer is busy nothing is read: only the wait for the network counts.
      cancel();
      yield chunk;
      cancel = clock.setTimeout(stalled, IDLE_TIMEOUT_MS);
    }
  } finally {
    cancel();
  }
}

/** An URL for messages: without user, password and query. */
export function printable(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** The proxy that serves `url`; loopback is never proxied, as in Go's net/http. */
export function proxyFor(url: URL, config: ProxyConfig | undefined): URL | undefined {
  const proxy = url.protocol === 'https:' ? config?.https : config?.http;
  if (proxy === undefined || proxy === '') return undefined;
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (isLoopback(host)) return undefined;
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const rules = (config?.noProxy ?? '').split(',').map((rule) => rule.trim().toLowerCase());
  if (rules.some((rule) => rule !== '' && matchesNoProxy(rule, host, port))) return undefined;
  return new URL(proxy.includes('://') ? proxy : `http://${proxy}`);
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (net.isIPv4(host) && host.startsWith('127.'));
}

function matchesNoProxy(rule: string, host: string, port: string): boolean {
  if (rule === '*') return true;
  if (rule.includes('/')) return isInSubnet(host, rule);
  const withPort = net.isIP(rule) === 0 ? /^(.*[^:]):(\d+)$/.exec(rule) : null;
  if (withPort !== null && withPort[2] !== port) return false;
  const name = (withPort?.[1] ?? rule).replace(/^\*?\./, '.');
  return host === name || host.endsWith(name.startsWith('.') ? name : `.${name}`);
}

function isInSubnet(host: string, subnet: string): boolean {
  const [address = '', prefix = ''] = subnet.split('/');
  const family = net.isIP(address);
  if (family === 0 || net.isIP(host) !== family || !/^\d{1,3}$/.test(prefix)) return false;
  if (Number(prefix) > (family === 4 ? 32 : 128)) return false;
  const list = new net.BlockList();
  const type = family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(address, Number(prefix), type);
  return list.check(host, type);
}

interface Route {
  options: https.RequestOptions;
  secure: boolean;
}

interface RouteOptions {
  proxy: URL | undefined;
  tlsOptions: tls.ConnectionOptions;
  agents: { http: http.Agent; https: https.Agent };
  signal: AbortSignal;
}

async function routeTo(url: URL, { proxy, tlsOptions, agents, signal }: RouteOptions): Promise<Route> {
  const secure = url.protocol === 'https:';
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const path = url.pathname + url.search;
  if (proxy === undefined) {
    const options = { hostname, port: url.port || undefined, path, ...tlsOptions };
    return { secure, options: { ...options, agent: secure ? agents.https : agents.http } };
  }
  if (!secure) {
    const headers = proxyHeaders(proxy);
    const options = { hostname: proxy.hostname, port: proxy.port || 80, path: `http://${url.host}${path}` };
    return { secure: false, options: { ...options, headers, agent: agents.http } };
  }
  const socket = await openTunnel(proxy, `${url.hostname}:${url.port || '443'}`, signal);
  const servername = net.isIP(hostname) === 0 ? { servername: hostname } : {};
  const secured = tls.connect({ socket, ...servername, ...tlsOptions, ALPNProtocols: ['http/1.1'] });
  return { secure, options: { hostname, path, createConnection: () => secured } };
}

function proxyHeaders(proxy: URL): Record<string, string> {
  if (proxy.username === '') return {};
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}

function openTunnel(proxy: URL, authority: string, signal: AbortSignal): Promise<net.Socket> {
  const module = proxy.protocol === 'https:' ? https : http;
  const port = proxy.port || (proxy.protocol === 'https:' ? 443 : 80);
  const headers = { host: authority, ...proxyHeaders(proxy) };
  return new Promise((resolve, reject) => {
    const options = {
      hostname: proxy.hostname,
      port,
      method: 'CONNECT',
      path: authority,
      headers,
      agent: false,
      signal,
    };
    const request = module.request(options as http.RequestOptions);
    request.on('connect', (response, socket) => {
      if (response.statusCode === 200) resolve(socket);
      else {
        socket.destroy();
        reject(new Error(`proxyconnect tcp: ${response.statusCode} ${response.statusMessage ?? ''}`.trim()));
      }
    });
    request.on('response', (response) => {
      response.destroy();
      reject(new Error(`proxyconnect tcp: ${response.statusCode} ${response.statusMessage ?? ''}`.trim()));
    });
    request.on('error', reject);
    request.end();
  });
}

/** The signal also ends the body; the timeout, whose timer is cancelled, no longer does. */
function send(request: HttpRequest, route: Route, signal: AbortSignal): Promise<http.IncomingMessage> {
  const { url, method = 'GET', headers, body } = request;
  return new Promise((resolve, reject) => {
    const sent = (route.secure ? https : http).request({
      ...route.options,
      method,
      headers: { host: url.host, 'user-agent': USER_AGENT, ...(route.options.headers as object), ...headers },
      signal,
    });
    sent.on('response', resolve);
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Node's error codes in the words of Go's net and crypto packages, which people search for. */
function explain(error: unknown, url: URL): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const target = dialTarget(error, url);
  const badCertificate = 'tls: failed to verify certificate: x509: ';
  const texts: Record<string, string> = {
    ENOTFOUND: `dial tcp: lookup ${url.hostname}: no such host`,
    EAI_AGAIN: `dial tcp: lookup ${url.hostname}: Temporary failure in name resolution`,
    ECONNREFUSED: `dial tcp ${target}: connect: connection refused`,
    EHOSTUNREACH: `dial tcp ${target}: connect: no route to host`,
    ENETUNREACH: `dial tcp ${target}: connect: network is unreachable`,
    ETIMEDOUT: `dial tcp ${target}: i/o timeout`,
    ECONNRESET: 'read: connection reset by peer',
    EPROTO: 'http: server gave HTTP response to HTTPS client',
    ERR_SSL_WRONG_VERSION_NUMBER: 'http: server gave HTTP response to HTTPS client',
    ERR_SSL_PACKET_LENGTH_TOO_LONG: 'http: server gave HTTP response to HTTPS client',
    CERT_HAS_EXPIRED: `${badCertificate}certificate has expired or is not yet valid`,
    ERR_TLS_CERT_ALTNAME_INVALID: `${badCertificate}certificate is not valid for ${url.hostname}`,
  };
  const unknownAuthority = [
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'UNABLE_TO_GET_ISSUER_CERT',
  ];
  if (unknownAuthority.includes(code)) {
    return `${badCertificate}certificate signed by unknown authority`;
  }
  return texts[code] ?? (message || code);
}

function dialTarget(error: unknown, url: URL): string {
  const failures = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
  const { address, port } = (failures[0] ?? {}) as { address?: string; port?: number };
  if (address === undefined) return url.host;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
