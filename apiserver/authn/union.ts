/** Authenticators in order. The first that finds a credential of its kind decides; a wrong one ends the request. */
import type { Authenticator } from './authenticator.ts';
import { ANONYMOUS } from './authenticator.ts';

export function unionAuthenticator(authenticators: readonly Authenticator[]): Authenticator {
  return async (request) => {
    for (const authenticate of authenticators) {
      const user = await authenticate(request);
      if (user !== undefined) return user;
    }
    return undefined;
  };
}

/** For the end of a union: whoever has shown no credential. */
export const anonymousAuthenticator: Authenticator = () => ANONYMOUS;
