/**
 * EventRateLimit: so many events a second for the server, a namespace, a user, or a source and its object; off unless
 * limits are given (upstream `plugin/pkg/admission/eventratelimit`).
 */
import { ApiError } from '../../api/machinery/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './admission.ts';
import { isKind } from './refusal.ts';

/** One `limits[]` of upstream's `Configuration` (eventratelimit.admission.k8s.io/v1alpha1). */
export interface EventRateLimit {
  type: 'Server' | 'Namespace' | 'User' | 'SourceAndObject';
  qps: number;
  burst: number;
  /** So many keys are known at a time; the least lately used is forgotten. Default 4096. */
  cacheSize?: number;
}

interface Bucket {
  tokens: number;
  filledMs: number;
}

const DEFAULT_CACHE_SIZE = 4096;

export function eventRateLimit(limits: readonly EventRateLimit[], clock: Clock): AdmissionPlugin {
  const limiters = limits.map((limit) => new RateLimiter(limit, clock));
  return {
    name: 'EventRateLimit',
    validate(attributes) {
      const { operation, resource, dryRun } = attributes;
      const isEvent = isKind(resource, 'events') || isKind(resource, 'events', 'events.k8s.io');
      if (!isEvent || dryRun || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
      // Each takes its share, also when another one refuses.
      const refusals = limiters.filter((limiter) => !limiter.accepts(attributes));
      const last = refusals.at(-1);
      if (last === undefined) return;
      const message = `limit reached on type ${last.type} for key ${last.keyOf(attributes)}`;
      throw new ApiError({ code: 429, reason: 'TooManyRequests', message });
    },
  };
}

/** A bucket of tokens a key. */
class RateLimiter {
  readonly type: EventRateLimit['type'];
  readonly #limit: EventRateLimit;
  readonly #clock: Clock;
  /** The least lately used first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(limit: EventRateLimit, clock: Clock) {
    this.type = limit.type;
    this.#limit = limit;
    this.#clock = clock;
  }

  accepts(attributes: AdmissionAttributes): boolean {
    const bucket = this.#bucketOf(this.keyOf(attributes));
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  keyOf({ namespace, user, object }: AdmissionAttributes): string {
    switch (this.type) {
      case 'Server':
        return '';
      case 'Namespace':
        return namespace;
      case 'User':
        return user.name;
      case 'SourceAndObject':
        return sourceAndObject(object as EventContent);
    }
  }

  #bucketOf(key: string): Bucket {
    const { qps, burst, cacheSize = DEFAULT_CACHE_SIZE } = this.#limit;
    const nowMs = this.#clock.monotonicMs();
    const known = this.#buckets.get(key);
    const gained = known === undefined ? burst : ((nowMs - known.filledMs) / 1000) * qps;
    const bucket = { tokens: Math.min(burst, (known?.tokens ?? 0) + gained), filledMs: nowMs };
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > cacheSize) this.#buckets.delete(this.#buckets.keys().next().value!);
    return bucket;
  }
}

type Reference = Readonly<Record<string, string | undefined>>;

/** Of either version of events. */
interface EventContent {
  source?: Reference;
  involvedObject?: Reference;
  deprecatedSource?: Reference;
  regarding?: Reference;
}

function sourceAndObject(event: EventContent): string {
  const source = event.source ?? event.deprecatedSource;
  const about = event.involvedObject ?? event.regarding;
  const parts = ['kind', 'namespace', 'name', 'uid', 'apiVersion'].map((field) => about?.[field] ?? '');
  return [source?.['component'] ?? '', source?.['host'] ?? '', ...parts].join('');
}
