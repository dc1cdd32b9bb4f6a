/** Which pods may use an image that the kubelet pulled (upstream `pkg/kubelet/images/pullmanager`): pure. */
import { createHash } from 'node:crypto';
import type { PullAuth } from '../runtime.ts';

/** What a pull took out of a Secret; never the credential itself. */
export interface PullCredential {
  uid: string;
  namespace: string;
  name: string;
  hash: string;
}

/** Every pod of the node, or those that have one of these. */
export type PullAccess = 'every-pod' | readonly PullCredential[];

/** What matching adds is bounded: pods may bring any number of Secrets. */
const MAX_MATCHED = 100;

const isSameSecret = (a: PullCredential, b: PullCredential): boolean =>
  a.uid === b.uid && a.namespace === b.namespace && a.name === b.name;

/**
 * One of `own` that counts: the same credential in any Secret, or the same Secret with whatever is in it by now.
 * Undefined when none does.
 */
export function matchingCredential(
  known: readonly PullCredential[],
  own: readonly PullCredential[],
): PullCredential | undefined {
  return own.find((mine) => known.some((one) => one.hash === mine.hash || isSameSecret(one, mine)));
}

/** A Secret is there once, with what was in it last. */
export function mergeAccess(known: PullAccess | undefined, added: PullAccess): PullAccess {
  if (known === undefined || known === 'every-pod' || added === 'every-pod') {
    return known === 'every-pod' ? known : added;
  }
  return [...known.filter((one) => !added.some((other) => isSameSecret(one, other))), ...added];
}

/** With a credential that matched, so that it counts when the one that it matched is gone. */
export function withMatched(known: readonly PullCredential[], matched: PullCredential): readonly PullCredential[] {
  const isKnown = known.some((one) => one.hash === matched.hash && isSameSecret(one, matched));
  return isKnown || known.length >= MAX_MATCHED ? known : (mergeAccess(known, [matched]) as readonly PullCredential[]);
}

export function credentialHash({ username, password, identityToken = '' }: PullAuth): string {
  return createHash('sha256')
    .update(JSON.stringify([username, password, identityToken]))
    .digest('hex');
}
