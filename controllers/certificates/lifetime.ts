/** From when until when a certificate is good (upstream `signer.go` `duration`, `authority/policies.go` `apply`). */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** `--cluster-signing-duration`: nobody gets more. */
const LONGEST_MS = 365 * 24 * HOUR_MS;
const SHORTEST_MS = 10 * MINUTE_MS;
/** For peers whose clock is behind. */
const BACKDATE_MS = 5 * MINUTE_MS;
/** Of what is shorter, the backdating takes nothing off the end. */
const SHORT_MS = 8 * HOUR_MS;

export function certificateLifetime(
  expirationSeconds: number | undefined,
  nowMs: number,
): { notBeforeMs: number; notAfterMs: number } {
  const wantedMs = expirationSeconds === undefined ? LONGEST_MS : expirationSeconds * 1000;
  const lifetimeMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, wantedMs));
  const takenOffMs = lifetimeMs < SHORT_MS ? 0 : BACKDATE_MS;
  return { notBeforeMs: nowMs - BACKDATE_MS, notAfterMs: nowMs + lifetimeMs - takenOffMs };
}
