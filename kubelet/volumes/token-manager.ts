/**
 * Tokens of service accounts, bound to their pods, renewed at 80 % of their life or after a day (upstream
 * `pkg/kubelet/token/token_manager.go`). They are kept in memory and never logged.
 */
import { serviceAccounts } from '../../api/core/v1/service-account.ts';
import type { Pod } from '../../api/core/v1/pod/types.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Clock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import type { TokenProjection } from './payloads.ts';

interface TokenRequest extends ApiObject {
  spec: {
    audiences: string[];
    expirationSeconds?: number;
    boundObjectRef?: { apiVersion: string; kind: string; name: string; uid: string };
  };
  status?: { token: string; expirationTimestamp: string };
}

interface HeldToken {
  token: string;
  askedAtMs: number;
  renewAtMs: number;
  expiresAtMs: number;
}

const RENEW_SHARE = 0.8;
const MAX_AGE_MS = 24 * 3_600_000;
/** Of a token from the future, as after a clock that was set back: whoever checks it takes it for not valid yet. */
const MAX_AHEAD_MS = 60_000;

export class TokenManager {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #held = new Map<string, HeldToken>();

  constructor({ client, clock }: { client: Client; clock: Clock }) {
    this.#client = client;
    this.#clock = clock;
  }

  /** A token with life left in it. Rejects when there is none and none can be had. */
  async token(pod: Pod, request: TokenProjection): Promise<string> {
    const key = JSON.stringify([pod.metadata.uid, request.audience ?? '', request.expirationSeconds]);
    const held = this.#held.get(key);
    const nowMs = this.#clock.now();
    if (held !== undefined && nowMs < held.renewAtMs && held.askedAtMs <= nowMs + MAX_AHEAD_MS) return held.token;
    try {
      const fresh = await this.#request(pod, request);
      this.#held.set(key, fresh);
      return fresh.token;
    } catch (error) {
      if (held !== undefined && nowMs < held.expiresAtMs) return held.token;
      throw error;
    }
  }

  /** When the first token of this pod is due, by the wall clock. */
  nextRenewalMs(podUid: string): number | undefined {
    const prefix = `[${JSON.stringify(podUid)},`;
    const times = [...this.#held].filter(([key]) => key.startsWith(prefix)).map(([, { renewAtMs }]) => renewAtMs);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  forget(podUid: string): void {
    const prefix = `[${JSON.stringify(podUid)},`;
    for (const key of this.#held.keys()) if (key.startsWith(prefix)) this.#held.delete(key);
  }

  async #request(pod: Pod, { audience, expirationSeconds }: TokenProjection): Promise<HeldToken> {
    const { namespace = '', name = '', uid = '' } = pod.metadata;
    const askedAtMs = this.#clock.now();
    const answer = await this.#client.create<TokenRequest>(
      serviceAccounts,
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: { namespace },
        spec: {
          audiences: audience === undefined ? [] : [audience],
          ...(expirationSeconds === undefined ? {} : { expirationSeconds }),
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
        },
      },
      { name: pod.spec.serviceAccountName ?? 'default', subresource: 'token' },
    );
    const expiresAtMs = Date.parse(answer.status?.expirationTimestamp ?? '');
    if (answer.status === undefined || Number.isNaN(expiresAtMs)) throw new Error('the API gave no token');
    const renewAtMs = Math.min(askedAtMs + (expiresAtMs - askedAtMs) * RENEW_SHARE, askedAtMs + MAX_AGE_MS);
    return { token: answer.status.token, askedAtMs, renewAtMs, expiresAtMs };
  }
}
