/**
 * Bootstrap tokens: secrets in kube-system with which machines that are not known yet introduce themselves
 * (upstream `cluster-bootstrap/token/api`, `util/secrets`). Nothing here writes a token anywhere.
 */
import { readTime } from '../../schema/time-text.ts';
import { decodeBase64 } from './binary-data.ts';
import type { Secret } from './secret.ts';

export const BOOTSTRAP_TOKEN_TYPE = 'bootstrap.kubernetes.io/token';
export const BOOTSTRAP_TOKEN_NAMESPACE = 'kube-system';

const DEFAULT_GROUP = 'system:bootstrappers';
const SECRET_NAME = /^bootstrap-token-([a-z0-9]{6})$/;
/** `BootstrapTokenPattern` */
const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
/** `BootstrapGroupPattern` */
const EXTRA_GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

/** What a token may be used for. */
export type BootstrapUsage = 'authentication' | 'signing';

export interface BootstrapToken {
  id: string;
  secret: string;
}

/** `ID.SECRET`; undefined for a text that is no such token. */
export function parseBootstrapToken(text: string): BootstrapToken | undefined {
  const [, id, secret] = TOKEN.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

export function bootstrapSecretName(tokenId: string): string {
  return `bootstrap-token-${tokenId}`;
}

export function isBootstrapSecret({ type, metadata }: Secret): boolean {
  return type === BOOTSTRAP_TOKEN_TYPE && metadata.namespace === BOOTSTRAP_TOKEN_NAMESPACE;
}

function dataOf({ data }: Secret, key: string): string {
  return data !== undefined && Object.hasOwn(data, key) ? decodeBase64(data[key]!) : '';
}

/** The token, if the secret is well-formed, its time is not over and it is meant for this. */
export function usableToken(secret: Secret, usage: BootstrapUsage, nowMs: number): BootstrapToken | undefined {
  if (!isBootstrapSecret(secret) || secret.metadata.deletionTimestamp !== undefined) return undefined;
  const [id, value] = [dataOf(secret, 'token-id'), dataOf(secret, 'token-secret')];
  if (id === '' || value === '' || SECRET_NAME.exec(secret.metadata.name ?? '')?.[1] !== id) return undefined;
  if (expiresAtMs(secret) <= nowMs || dataOf(secret, `usage-bootstrap-${usage}`) !== 'true') return undefined;
  return { id, secret: value };
}

/** `Infinity` for a token that never expires, `-Infinity` for one with a time that nobody can read. */
export function expiresAtMs(secret: Secret): number {
  const text = dataOf(secret, 'expiration');
  if (text === '') return Infinity;
  const ms = 'error' in readTime(text) ? NaN : Date.parse(text);
  return Number.isNaN(ms) ? -Infinity : ms;
}

/** In order, each once; undefined when one of them may not be given by a token. */
export function bootstrapGroups(secret: Secret): string[] | undefined {
  const text = dataOf(secret, 'auth-extra-groups');
  const extra = text === '' ? [] : text.split(',');
  if (!extra.every((group) => EXTRA_GROUP.test(group))) return undefined;
  return [...new Set([DEFAULT_GROUP, ...extra])].sort();
}
