/** One HTTP/2 connection, made when it is needed, found out when it is dead, and made anew. */
import { connect } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import type { Clock } from '../base/clock.ts';

export interface TlsOptions {
  /** PEM. The server's certificate must lead to it. */
  ca: string | Buffer;
  /** A client certificate and its key, PEM. */
  cert?: string | Buffer;
  key?: string | Buffer;
  /** The name to verify instead of the address's. */
  serverName?: string;
}

/** client-go's HTTP/2 health check: after 30 s without a sign of life a ping, which has 15 s. */
const PING_PERIOD_MS = 30_000;
const PING_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 30_000;

export class HttpConnection {
  readonly #server: string;
  readonly #tls: TlsOptions;
  readonly #clock: Clock;
  #current: { session: ClientHttp2Session; ready: Promise<ClientHttp2Session> } | undefined;
  #closed = false;

  constructor(server: string, tls: TlsOptions, clock: Clock) {
    if (!server.startsWith('https://')) throw new Error(`the server's address must begin with https://: ${server}`);
    this.#server = server;
    this.#tls = tls;
    this.#clock = clock;
  }

  /** A connected session. Rejects when there is none to be had, or the signal aborts first. */
  session(signal: AbortSignal): Promise<ClientHttp2Session> {
    if (this.#closed) return Promise.reject(new Error('the client is closed'));
    this.#current ??= this.#connect();
    const { ready } = this.#current;
    if (signal.aborted) return Promise.reject(new Error('the request was aborted'));
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(new Error('the request was aborted'));
      signal.addEventListener('abort', abort, { once: true });
      ready.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
  }

  close(): void {
    this.#closed = true;
    this.#current?.session.destroy();
    this.#current = undefined;
  }

  #connect(): { session: ClientHttp2Session; ready: Promise<ClientHttp2Session> } {
    const { ca, cert, key, serverName } = this.#tls;
    const session = connect(this.#server, {
      ca,
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(serverName === undefined ? {} : { servername: serverName }),
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      // A watch and a list share the connection: the default window of 64 KiB would make one wait for the other.
      settings: { initialWindowSize: 4 * 1024 * 1024 },
    });
    const forget = (): void => {
      if (this.#current?.session === session) this.#current = undefined;
    };
    const stopPinging = this.#keepAlive(session);
    const ready = this.#whenConnected(session);
    // Streams under way go on; new ones need a new session.
    session.once('goaway', forget);
    session.once('close', () => {
      stopPinging();
      forget();
    });
    session.on('error', forget);
    return { session, ready };
  }

  #whenConnected(session: ClientHttp2Session): Promise<ClientHttp2Session> {
    const ready = new Promise<ClientHttp2Session>((resolve, reject) => {
      const cancel = this.#clock.setTimeout(
        () => session.destroy(new Error('no connection in time')),
        CONNECT_TIMEOUT_MS,
      );
      session.once('connect', () => {
        cancel();
        session.setLocalWindowSize(16 * 1024 * 1024);
        resolve(session);
      });
      session.on('error', reject);
      session.once('close', () => {
        cancel();
        reject(new Error('the connection was closed'));
      });
    });
    // Whoever waits sees the failure; when nobody does, it is no one's.
    ready.catch(() => undefined);
    return ready;
  }

  /** A peer that vanished without a word would leave watches open for ever. */
  #keepAlive(session: ClientHttp2Session): () => void {
    let cancelTimeout = (): void => undefined;
    const cancelPeriod = this.#clock.setInterval(() => {
      if (session.connecting || session.destroyed) return;
      cancelTimeout();
      cancelTimeout = this.#clock.setTimeout(
        () => session.destroy(new Error('the server does not answer')),
        PING_TIMEOUT_MS,
      );
      session.ping(() => cancelTimeout());
    }, PING_PERIOD_MS);
    return () => {
      cancelPeriod();
      cancelTimeout();
    };
  }
}
