/** The first authenticator that finds a credential of its kind decides. */
import type { Authenticator } from './authenticator.ts';

export function unionAuthenticator(authenticators: readonly Authenticator[]): Authenticator {
  return async (request) => {
    for (const authenticate of authenticators) {
      const user = await authenticate(request);
      if (user !== undefined) return user;
    }
    return undefined;
  };
}
