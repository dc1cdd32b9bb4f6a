/** Makes a failure small: fewer requests before it, less in its body. */
import { Episode } from './episode.ts';
import type { FuzzRequest } from './fuzz-request.ts';
import type { FuzzServerOptions } from './fuzz-server.ts';
import type { Failure } from './invariants.ts';
import { DISAGREEMENT } from './invariants.ts';

export interface ShrinkOptions {
  episode: FuzzServerOptions;
  /** Replays at most. */
  budget: number;
}

/** The shortest sequence found that fails in the same way; undefined when a fresh server does not fail again. */
export async function shrink(
  requests: readonly FuzzRequest[],
  failure: Failure,
  { episode: options, budget }: ShrinkOptions,
): Promise<FuzzRequest[] | undefined> {
  let left = budget;
  const fails = async (sequence: readonly FuzzRequest[]): Promise<boolean> => {
    if (left-- <= 0) return false;
    const episode = await Episode.start(options);
    try {
      for (const request of sequence.slice(0, -1)) await episode.send(request);
      const again = await episode.try(sequence.at(-1)!);
      const problem = again?.what ?? ((await episode.server.disagreement()) === undefined ? undefined : DISAGREEMENT);
      return problem === failure.what;
    } finally {
      await episode.close();
    }
  };
  const last = requests.at(-1)!;
  const plural = last.path.split('/').findLast((part) => /^[a-z]+s$/.test(part) && part !== 'status') ?? '';
  const related = requests.filter((one) => one === last || (one.method !== 'GET' && one.path.includes(`/${plural}`)));
  const candidates = [[last], requests.slice(-2), related, requests];
  for (const candidate of candidates) {
    if (!(await fails(candidate))) continue;
    const fewer = await fewerRequests(candidate, fails);
    return smallerBody(await plainerQuery(fewer, fails), fails);
  }
  return undefined;
}

type Fails = (sequence: readonly FuzzRequest[]) => Promise<boolean>;

async function fewerRequests(requests: readonly FuzzRequest[], fails: Fails): Promise<FuzzRequest[]> {
  let kept = [...requests];
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at + size < kept.length;) {
      const without = [...kept.slice(0, at), ...kept.slice(at + size)];
      if (await fails(without)) kept = without;
      else at += size;
    }
  }
  return kept;
}

async function plainerQuery(requests: readonly FuzzRequest[], fails: Fails): Promise<FuzzRequest[]> {
  const before = requests.slice(0, -1);
  let last = requests.at(-1)!;
  for (const part of last.query.split('&')) {
    const query = last.query
      .split('&')
      .filter((one) => one !== part)
      .join('&');
    const changed: FuzzRequest = { ...last, query };
    if (part !== '' && (await fails([...before, changed]))) last = changed;
  }
  const { overSocket: _overSocket, ...inProcess } = last;
  return [...before, last.overSocket === true && (await fails([...before, inProcess])) ? inProcess : last];
}

async function smallerBody(requests: readonly FuzzRequest[], fails: Fails): Promise<FuzzRequest[]> {
  const before = requests.slice(0, -1);
  let last = requests.at(-1)!;
  const { body } = last;
  if (body === undefined || body.form === 'bytes') return [...before, last];
  let { value } = body;
  for (let at = 0; ;) {
    const smaller = withoutPlace(value, at);
    if (smaller === undefined) return [...before, last];
    const changed = { ...last, body: { ...body, value: smaller.value } };
    if (await fails([...before, changed])) [value, last] = [smaller.value, changed];
    else at++;
  }
}

/** A copy without the place of that number, in depth-first order; undefined: there are fewer. */
function withoutPlace(value: unknown, number: number): { value: unknown } | undefined {
  let left = number;
  const visit = (one: unknown): { value: unknown } | undefined => {
    if (typeof one !== 'object' || one === null) return undefined;
    const entries = Object.entries(one);
    for (const [at, [key, child]] of entries.entries()) {
      if (left-- === 0) return { value: rebuilt(one, [...entries.slice(0, at), ...entries.slice(at + 1)]) };
      const inner = visit(child);
      if (inner !== undefined)
        return {
          value: rebuilt(
            one,
            entries.map((entry) => (entry[0] === key ? [key, inner.value] : entry)),
          ),
        };
    }
    return undefined;
  };
  return visit(value);
}

function rebuilt(like: object, entries: [string, unknown][]): unknown {
  return Array.isArray(like) ? entries.map(([, child]) => child) : Object.fromEntries(entries);
}
