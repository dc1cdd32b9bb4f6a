/**
 * The fuzzer: episodes of requests, each on a fresh server, until the time is over or something has failed. One seed
 * makes the same requests, as far as what the server generates (names, times) lets it.
 */
import { Choices } from '../choices.ts';
import { Episode } from './episode.ts';
import { formatRequest, isWrite } from './fuzz-request.ts';
import type { FuzzRequest } from './fuzz-request.ts';
import type { Failure } from './invariants.ts';
import { DISAGREEMENT } from './invariants.ts';
import type { FuzzServerOptions, Plant } from './fuzz-server.ts';
import { fuzzKinds } from './kinds.ts';
import { MemoryBound } from './memory-bound.ts';
import { RequestMaker } from './request-maker.ts';
import { shrink } from './shrink.ts';

export interface FuzzOptions {
  seed: number;
  seconds: number;
  /** Only these, by plural. Default: all. */
  plurals?: readonly string[];
  /** Replays for a reproduction. */
  shrinkBudget?: number;
  /** How many different failures end the run. Default 1. */
  maxFailures?: number;
  plant?: Plant;
}

export interface FuzzReport {
  seed: number;
  requests: number;
  /** By status class. */
  counts: Readonly<Record<string, number>>;
  failures: readonly FuzzFailure[];
}

export interface FuzzFailure extends Failure {
  /** The least that fails the same way on a fresh server, printed. */
  reproduction: string;
}

const REQUESTS_PER_EPISODE = 400;
/** What can stop every later write is taken away after so many requests. */
const POISON_REQUESTS = 12;
const POISONS = /\/(mutating|validating)(webhookconfigurations|admissionpolicybindings)$/;

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { seed, seconds, plurals, maxFailures = 1 } = options;
  const kinds = fuzzKinds().filter(({ plural }) => plurals === undefined || plurals.includes(plural));
  const episode: FuzzServerOptions = { kinds, plant: options.plant };
  const choices = new Choices(seed);
  const counts = new Map<string, number>();
  const endMs = performance.now() + seconds * 1000;
  const failures: FuzzFailure[] = [];
  const seen = new Set<string>();
  const memory = new MemoryBound();
  while (performance.now() < endMs && failures.length < maxFailures) {
    const found = await runEpisode(episode, choices, { counts, endMs, seen });
    const failure = found && (await reproduced(found, episode, options));
    if (failure !== undefined) failures.push(failure);
    const grown = memory.check();
    if (grown !== undefined) failures.push({ ...grown, reproduction: '(the whole run)' });
  }
  const requests = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return { seed, requests, counts: Object.fromEntries([...counts].sort()), failures };
}

interface Found {
  failure: Failure;
  requests: FuzzRequest[];
}

async function runEpisode(
  options: FuzzServerOptions,
  choices: Choices,
  { counts, endMs, seen }: { counts: Map<string, number>; endMs: number; seen: Set<string> },
): Promise<Found | undefined> {
  const episode = await Episode.start(options, counts);
  const requests: FuzzRequest[] = [];
  const due: { at: number; path: string }[] = [];
  const read = async (path: string): Promise<Record<string, unknown> | undefined> => {
    const { status, bytes } = await episode.send({ method: 'GET', path, query: '', headers: {} });
    return status === 200 ? (JSON.parse(bytes.toString()) as Record<string, unknown>) : undefined;
  };
  const maker = new RequestMaker(options.kinds, choices, read);
  try {
    for (let count = 0; count < REQUESTS_PER_EPISODE && performance.now() < endMs; count++) {
      const clean = due[0]?.at === count ? { ...DELETION, path: due.shift()!.path } : undefined;
      const request = clean ?? (await maker.make());
      requests.push(request);
      const failure = await episode.try(request);
      if (failure !== undefined && !seen.has(signatureOf(failure, request))) {
        seen.add(signatureOf(failure, request));
        return { failure, requests };
      }
      if (clean === undefined && isWrite(request) && POISONS.test(request.path))
        due.push({ at: count + POISON_REQUESTS, path: request.path });
    }
    const disagreement = await episode.server.disagreement();
    return disagreement === undefined ? undefined : { failure: { what: DISAGREEMENT, detail: disagreement }, requests };
  } finally {
    await episode.close();
  }
}

const DELETION: FuzzRequest = { method: 'DELETE', path: '', query: '', headers: {} };

/** The same failure of the same kind is told once. */
function signatureOf({ what, detail }: Failure, { path }: FuzzRequest): string {
  return `${what} ${path.split('/').slice(0, 7).join('/')} ${detail.replace(/[0-9]+/g, '#').slice(0, 40)}`;
}

/** Undefined for what took long only once. */
async function reproduced(
  { failure, requests }: Found,
  episode: FuzzServerOptions,
  { shrinkBudget = 120 }: FuzzOptions,
): Promise<FuzzFailure | undefined> {
  const small = await shrink(requests, failure, { episode, budget: shrinkBudget });
  // A collection of garbage is no fault of the request it falls on.
  if (small === undefined && failure.what === 'processor time') return undefined;
  const reproduction = (small ?? requests.slice(-1)).map(formatRequest).join('\n');
  return { ...failure, reproduction: small === undefined ? `(not on a fresh server)\n${reproduction}` : reproduction };
}
