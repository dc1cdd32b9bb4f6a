/** Who may do what: the authenticators and authorizers of the API server, in order, and the users of our own components. */
import type { ApiServerOptions } from '../apiserver/api-server.ts';
import type { UserInfo } from '../api/machinery/handler.ts';
import { clientCertificateAuthenticator } from '../apiserver/authn/client-certificate.ts';
import { unionAuthenticator } from '../apiserver/authn/union.ts';
import { unionAuthorizer } from '../apiserver/authz/authorizer.ts';
import { createRbac } from '../apiserver/authz/rbac.ts';
import { superuserAuthorizer } from '../apiserver/authz/superuser.ts';
import type { ControlPlaneOptions } from './control-plane.ts';

export function identities(_options: ControlPlaneOptions): Pick<ApiServerOptions, 'authenticator' | 'authorizer'> {
  return {
    authenticator: () => unionAuthenticator([clientCertificateAuthenticator]),
    authorizer: (listers) => unionAuthorizer([superuserAuthorizer, createRbac(listers).authorize]),
  };
}

const AUTHENTICATED = 'system:authenticated';

/** The API server's own identity, for what it creates at start. */
export const apiServerUser: UserInfo = { name: 'system:apiserver', groups: ['system:masters', AUTHENTICATED] };

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
