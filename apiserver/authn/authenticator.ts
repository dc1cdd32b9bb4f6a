/** The contract of authenticators (apiserver `pkg/authentication/authenticator/interfaces.go`). */
import type { ApiRequest, UserInfo } from '../../api/machinery/handler.ts';

/**
 * `undefined`: this authenticator sees no credential of its kind. Throws `unauthorized()` for a credential that is
 * its own and wrong: the request ends with 401 and is not treated as anonymous.
 */
export type Authenticator = (request: ApiRequest) => Promise<UserInfo | undefined> | UserInfo | undefined;

export const ANONYMOUS: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
