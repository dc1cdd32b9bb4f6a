/** The tokens that secrets of type `kubernetes.io/service-account-token` hold (upstream `pkg/serviceaccount/legacy.go`). */

export const LEGACY_TOKEN_ISSUER = 'kubernetes/serviceaccount';

export interface TokenAccount {
  namespace: string;
  name: string;
  uid: string;
}

/** They have no end and no audience. */
export function legacyClaims({ namespace, name, uid }: TokenAccount, secretName: string): Record<string, string> {
  const prefix = 'kubernetes.io/serviceaccount';
  return {
    iss: LEGACY_TOKEN_ISSUER,
    sub: `system:serviceaccount:${namespace}:${name}`,
    [`${prefix}/namespace`]: namespace,
    [`${prefix}/secret.name`]: secretName,
    [`${prefix}/service-account.name`]: name,
    [`${prefix}/service-account.uid`]: uid,
  };
}
