/**
 * The network between one component and the API server: requests and events take their time, and what a fault says
 * may happen to them does: they are refused, they get lost on either way, or come late.
 */
import type { ApiRequest, ApiResponse, Handler, WatchEvent } from '../../api/machinery/handler.ts';
import { sleep } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';
import type { SeededRandom } from './seeded-random.ts';

export interface LinkOptions {
  /** Who is at its near end. */
  name: string;
  handler: Handler;
  clock: Clock;
  random: SeededRandom;
  /** Called with what the server says to a write, and whether anybody hears it. */
  onAnswer(request: ApiRequest, answer: SentAnswer): void;
}

export interface SentAnswer {
  response: ApiResponse;
  isTaken: boolean;
}

/** What a component waits for an answer at most. */
const TIMEOUT_MS = 10_000;

/** How bad the network is. */
export interface Weather {
  /** Each way, in milliseconds. */
  requestMs: number;
  watchMs: number;
  /** Of requests that never arrive, of answers that never do, and of requests that the server refuses. */
  lostRequests: number;
  lostAnswers: number;
  refusals: number;
}

export const FAIR: Weather = { requestMs: 10, watchMs: 30, lostRequests: 0, lostAnswers: 0, refusals: 0 };

export class Link {
  readonly #options: LinkOptions;
  readonly #streams = new Set<EventPipe>();
  weather: Weather = FAIR;
  /** Nothing passes, in either direction. */
  isCut = false;
  /** Nobody is at the near end any more: what is under way still arrives, and no answer is taken. */
  isDead = false;
  /** Called when a write is about to be sent. */
  onWrite: () => void = () => undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  readonly handler: Handler = async (request) => {
    const { random, clock } = this.#options;
    const isWrite = request.method !== 'GET';
    const { weather } = this;
    const sendMs = Math.ceil(random.float() * weather.requestMs);
    const isLost = random.chance(weather.lostRequests);
    const isRefused = random.chance(weather.refusals);
    const isAnswerLost = random.chance(weather.lostAnswers);
    if (isWrite) this.onWrite();
    this.#check(request);
    await sleep(clock, sendMs, request.signal);
    if (this.isCut || isLost) return this.#timeOut(request);
    if (isRefused) return refusal(request.method);
    const response = await this.#options.handler(request);
    if (response.body.type === 'events') return this.#piped(response, request);
    const isTaken = !this.isCut && !isAnswerLost && !this.isDead;
    if (isWrite) this.#options.onAnswer(request, { response, isTaken });
    this.#check(request);
    if (!isTaken) return this.#timeOut(request);
    return response;
  };

  /** Ends every watch: those at the near end see a broken connection, or that what they ask for has been compacted. */
  breakWatches(how: 'broken' | 'expired'): void {
    for (const stream of this.#streams) {
      if (how === 'expired') stream.push([EXPIRED]);
      else stream.fail(new Error('connection reset by peer'));
    }
  }

  /** The near end is gone, at once. */
  kill(): void {
    this.isDead = true;
    for (const stream of this.#streams) stream.fail(new Error('the process has ended'));
  }

  heal(): void {
    if (!this.isCut) return;
    this.isCut = false;
    this.breakWatches('broken');
  }

  #check({ signal }: ApiRequest): void {
    signal.throwIfAborted();
    if (this.isDead) throw new Error('the process has ended');
  }

  async #timeOut(request: ApiRequest): Promise<never> {
    await sleep(this.#options.clock, TIMEOUT_MS, request.signal);
    this.#check(request);
    throw new Error(`${request.method} ${request.path}: timeout awaiting response headers`);
  }

  #piped(response: ApiResponse, request: ApiRequest): ApiResponse {
    if (response.body.type !== 'events') return response;
    const pipe = new EventPipe(this.#options.clock, request.signal);
    this.#streams.add(pipe);
    void this.#pump(response.body.batches, pipe);
    return { ...response, body: { type: 'events', batches: pipe } };
  }

  async #pump(batches: AsyncIterable<readonly WatchEvent[]>, pipe: EventPipe): Promise<void> {
    const { random } = this.#options;
    try {
      for await (const batch of batches) {
        if (this.isDead) break;
        if (this.isCut) continue;
        pipe.push(batch, Math.ceil(random.float() * this.weather.watchMs));
      }
      pipe.end();
    } catch (error) {
      pipe.fail(error as Error);
    } finally {
      this.#streams.delete(pipe);
    }
  }
}

const EXPIRED = {
  type: 'ERROR',
  object: {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'too old resource version',
    reason: 'Expired',
    code: 410,
  },
} as unknown as WatchEvent;

function refusal(method: string): ApiResponse {
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `the server could not carry out the ${method}`,
    reason: 'InternalError',
    code: 500,
  };
  const encoded = { object: () => status, bytes: () => Buffer.from(JSON.stringify(status)) };
  return { status: 500, headers: {}, body: { type: 'object', encoded } };
}

/** Hands batches on in order, each when its time has come. */
class EventPipe implements AsyncIterable<readonly WatchEvent[]> {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #queue: { dueMs: number; batch: readonly WatchEvent[] }[] = [];
  #lastDueMs = 0;
  #hasEnded = false;
  #error: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.end(), { once: true });
  }

  push(batch: readonly WatchEvent[], delayMs = 0): void {
    if (this.#hasEnded) return;
    this.#lastDueMs = Math.max(this.#lastDueMs, this.#clock.monotonicMs() + delayMs);
    this.#queue.push({ dueMs: this.#lastDueMs, batch });
    this.#wake();
  }

  end(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  /** What has not been handed on is lost. */
  fail(error: Error): void {
    this.#queue = [];
    this.#error = error;
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly WatchEvent[]> {
    for (;;) {
      if (this.#signal.aborted) return;
      const next = this.#queue[0];
      if (next === undefined) {
        if (this.#error !== undefined) throw this.#error;
        if (this.#hasEnded) return;
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      const waitMs = next.dueMs - this.#clock.monotonicMs();
      if (waitMs > 0) {
        await sleep(this.#clock, waitMs);
        continue;
      }
      this.#queue.shift();
      yield next.batch;
    }
  }
}
