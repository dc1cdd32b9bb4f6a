/** Requests against one server, each judged: the unit that is repeated, and that a reproduction replays. */
import type { FuzzRequest } from './fuzz-request.ts';
import type { FuzzAnswer, FuzzServer, FuzzServerOptions } from './fuzz-server.ts';
import { startFuzzServer } from './fuzz-server.ts';
import type { Failure } from './invariants.ts';
import { judge, judgeAccepted } from './invariants.ts';
import type { FuzzKind } from './kinds.ts';
import { kindAt } from './kinds.ts';

export class Episode {
  readonly server: FuzzServer;
  /** Answers by status class, `2xx`; those of the judges included. */
  readonly counts: Map<string, number>;
  readonly #kinds: readonly FuzzKind[];
  #crashes: string[] = [];
  readonly #onCrash = (error: unknown): void =>
    void this.#crashes.push(error instanceof Error ? (error.stack ?? error.message) : String(error));

  constructor(server: FuzzServer, kinds: readonly FuzzKind[], counts: Map<string, number>) {
    this.server = server;
    this.#kinds = kinds;
    this.counts = counts;
    process.on('unhandledRejection', this.#onCrash);
    process.on('uncaughtException', this.#onCrash);
  }

  static async start(options: FuzzServerOptions, counts = new Map<string, number>()): Promise<Episode> {
    return new Episode(await startFuzzServer(options), options.kinds, counts);
  }

  async send(request: FuzzRequest): Promise<FuzzAnswer> {
    const answer = await this.server.send(request);
    const type = answer.status === 0 ? 'no answer' : `${Math.floor(answer.status / 100)}xx`;
    this.counts.set(type, (this.counts.get(type) ?? 0) + 1);
    return answer;
  }

  /** Undefined: all is as it should be. */
  async try(request: FuzzRequest): Promise<Failure | undefined> {
    const writesBefore = this.server.written.length;
    const complaintsBefore = this.server.complaints.length;
    const before = process.cpuUsage();
    try {
      const answer = await this.send(request);
      const { user, system } = process.cpuUsage(before);
      const observation = { request, answer, cpuMs: (user + system) / 1000, writesBefore, complaintsBefore };
      const failure = judge(observation, this.server) ?? (await this.#judgeAccepted(request, answer));
      return failure ?? this.#crash();
    } catch (error) {
      return { what: 'no rejection', detail: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
  }

  async #judgeAccepted(request: FuzzRequest, answer: FuzzAnswer): Promise<Failure | undefined> {
    const kind = kindAt(this.#kinds, request.path);
    if (kind === undefined) return undefined;
    return judgeAccepted(request, answer, { kind, ask: (asked) => this.send(asked) });
  }

  #crash(): Failure | undefined {
    const [detail] = this.#crashes;
    return detail === undefined ? undefined : { what: 'no crash', detail };
  }

  async close(): Promise<void> {
    process.off('unhandledRejection', this.#onCrash);
    process.off('uncaughtException', this.#onCrash);
    await this.server.close();
  }
}
