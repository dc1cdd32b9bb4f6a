/**
 * Keeps one HTTP/2 connection from making more work than it waits for: a request that is reset frees its place at once,
 * while the handler that it started still runs (CVE-2023-44487).
 */
import type { ServerHttp2Session } from 'node:http2';
import { constants } from 'node:http2';
import type { Clock } from '../../base/clock.ts';

export interface SessionLimits {
  /** Requests of one connection at a time. */
  maxStreams: number;
  /** Requests that a client may give up at once, before it is cut off… */
  resetBurst: number;
  /** …and in the long run. A client that ends many watches gives up as many. */
  resetsPerSecond: number;
}

/** Handlers of a connection, those of requests that were given up among them (as many as Go's server keeps). */
const HANDLERS_PER_STREAM = 4;

export class SessionGuard {
  readonly #session: ServerHttp2Session;
  readonly #limits: SessionLimits;
  readonly #clock: Clock;
  #open = 0;
  #running = 0;
  #resetsLeft: number;
  #refilledMs: number;

  constructor(session: ServerHttp2Session, limits: SessionLimits, clock: Clock) {
    this.#session = session;
    this.#limits = limits;
    this.#clock = clock;
    this.#resetsLeft = limits.resetBurst;
    this.#refilledMs = clock.monotonicMs();
  }

  /** False while requests are open or their handlers run. */
  get isIdle(): boolean {
    return this.#open === 0 && this.#running === 0;
  }

  /** A request has come. False when the connection has been ended instead. */
  begin(): boolean {
    if (this.#running >= this.#limits.maxStreams * HANDLERS_PER_STREAM) {
      this.#cutOff();
      return false;
    }
    this.#open++;
    this.#running++;
    return true;
  }

  /** A handler is through, whatever became of its request. */
  finish(): void {
    this.#running--;
  }

  /** A request's stream has ended; `answered` when its whole answer went out, and else it was given up. */
  end(answered: boolean): void {
    this.#open--;
    if (!answered) this.#countReset();
  }

  #countReset(): void {
    const { resetBurst, resetsPerSecond } = this.#limits;
    const nowMs = this.#clock.monotonicMs();
    const refill = ((nowMs - this.#refilledMs) / 1000) * resetsPerSecond;
    this.#resetsLeft = Math.min(resetBurst, this.#resetsLeft + refill) - 1;
    this.#refilledMs = nowMs;
    if (this.#resetsLeft < 0) this.#cutOff();
  }

  #cutOff(): void {
    if (this.#session.destroyed) return;
    this.#session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    this.#session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}
