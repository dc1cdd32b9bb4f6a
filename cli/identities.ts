/** Who may do what: the authenticators and authorizers of the API server, in order, and the users of our own components. */
import type { ApiServerOptions } from '../apiserver/api-server.ts';
import type { Listers, UserInfo } from '../api/machinery/handler.ts';
import { bearerTokenAuthenticator, unionTokenAuthenticator } from '../apiserver/authn/bearer-token.ts';
import type { TokenAuthenticator } from '../apiserver/authn/bearer-token.ts';
import { bootstrapTokenAuthenticator } from '../apiserver/authn/bootstrap-token.ts';
import { clientCertificateAuthenticator } from '../apiserver/authn/client-certificate.ts';
import {
  KEY_SET_PATH,
  OPENID_CONFIGURATION_PATH,
  openIdConfiguration,
  openIdKeySet,
} from '../apiserver/authn/openid-discovery.ts';
import type { PublicDocument } from '../apiserver/authn/openid-discovery.ts';
import { requestHeaderAuthenticator } from '../apiserver/authn/request-header.ts';
import { secretTokenAuthenticator } from '../apiserver/authn/service-account-secret-token.ts';
import { serviceAccountTokenAuthenticator } from '../apiserver/authn/service-account-token.ts';
import { staticTokenAuthenticator } from '../apiserver/authn/static-token.ts';
import { createTokenKeys } from '../apiserver/authn/token-keys.ts';
import { unionAuthenticator } from '../apiserver/authn/union.ts';
import type { Authorizer } from '../apiserver/authz/authorizer.ts';
import { unionAuthorizer } from '../apiserver/authz/authorizer.ts';
import { rbacEscalationCheck } from '../apiserver/authz/escalation-check.ts';
import { nodeAuthorizer } from '../apiserver/authz/node-authorizer.ts';
import { createRbac } from '../apiserver/authz/rbac.ts';
import type { Rbac } from '../apiserver/authz/rbac.ts';
import { superuserAuthorizer } from '../apiserver/authz/superuser.ts';
import { addReviews } from '../apiserver/registry/reviews.ts';
import type { Endpoint } from '../apiserver/request-context.ts';
import { realClock } from '../base/clock.ts';
import { realRandom } from '../base/random.ts';
import type { SigningKey } from './certificates.ts';

/** `iss` of service account tokens, and the audience of those that name none. */
const ISSUER = 'https://kubernetes.default.svc.cluster.local';

export interface IdentityOptions {
  serviceAccountKey: SigningKey;
  /** `token,user,uid,"group1,group2"` lines; undefined: none. */
  staticTokens: string | undefined;
}

type Wiring = Pick<ApiServerOptions, 'authenticator' | 'authorizer'> &
  Required<Pick<ApiServerOptions, 'admission' | 'extend'>>;

const publicDocument =
  ({ body, contentType, cacheControl }: PublicDocument): Endpoint =>
  () => ({
    status: 200,
    headers: { 'cache-control': cacheControl },
    body: { type: 'bytes', bytes: Buffer.from(JSON.stringify(body)), contentType },
  });

/** The parts that need the server's listers are made once, when the server hands them out first. */
export function identities({ serviceAccountKey, staticTokens }: IdentityOptions): Wiring {
  const keys = createTokenKeys({ issuer: ISSUER, signingKey: serviceAccountKey.privateKey });
  let made: { tokens: TokenAuthenticator; authorize: Authorizer; rbac: Rbac } | undefined;
  const parts = (listers: Listers): NonNullable<typeof made> => {
    if (made !== undefined) return made;
    const rbac = createRbac(listers);
    const known = [
      serviceAccountTokenAuthenticator({ keys, listers, clock: realClock }),
      secretTokenAuthenticator({ keys, listers }),
      bootstrapTokenAuthenticator({ listers, clock: realClock }),
    ];
    if (staticTokens !== undefined) known.push(staticTokenAuthenticator(staticTokens));
    made = {
      tokens: unionTokenAuthenticator(known),
      rbac,
      authorize: unionAuthorizer([superuserAuthorizer, nodeAuthorizer(listers), rbac.authorize]),
    };
    return made;
  };
  return {
    authenticator: (listers) =>
      unionAuthenticator([
        requestHeaderAuthenticator,
        clientCertificateAuthenticator,
        bearerTokenAuthenticator([parts(listers).tokens], [ISSUER]),
      ]),
    authorizer: (listers) => parts(listers).authorize,
    admission: (listers) => [rbacEscalationCheck(parts(listers))],
    extend({ router, kinds, listers }) {
      const { tokens, authorize, rbac } = parts(listers);
      const issuer = { keys, listers, apiAudiences: [ISSUER], clock: realClock, random: realRandom };
      addReviews(router, kinds, { issuer, authenticateToken: tokens, authorize, rbac });
      router.addPath(OPENID_CONFIGURATION_PATH, publicDocument(openIdConfiguration(keys, `${ISSUER}${KEY_SET_PATH}`)));
      router.addPath(KEY_SET_PATH, publicDocument(openIdKeySet(keys)));
    },
  };
}

const AUTHENTICATED = 'system:authenticated';

/** The API server's own identity, for what it creates at start. */
export const apiServerUser: UserInfo = { name: 'system:apiserver', groups: ['system:masters', AUTHENTICATED] };

/** Whoever starts the cluster, for the example. */
export const adminUser: UserInfo = { name: 'kubernetes-admin', groups: ['system:masters', AUTHENTICATED] };

export const controllerManagerUser: UserInfo = { name: 'system:kube-controller-manager', groups: [AUTHENTICATED] };

export const schedulerUser: UserInfo = { name: 'system:kube-scheduler', groups: [AUTHENTICATED] };

export const proxyUser: UserInfo = { name: 'system:kube-proxy', groups: ['system:node-proxier', AUTHENTICATED] };

export function controllerUser(name: string): UserInfo {
  return {
    name: `system:serviceaccount:kube-system:${name}`,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', AUTHENTICATED],
  };
}

export function nodeUser(nodeName: string): UserInfo {
  return { name: `system:node:${nodeName}`, groups: ['system:nodes', AUTHENTICATED] };
}
