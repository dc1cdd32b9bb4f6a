/**
 * Client certificates: the common name is the user, the organizations are the groups
 * (apiserver `pkg/authentication/request/x509`, `CommonNameUserConversion`). TLS has checked the certificate.
 */
import type { PeerCertificate, UserInfo } from '../../api/machinery/handler.ts';
import type { Authenticator } from './authenticator.ts';
import { AUTHENTICATED_GROUP } from './service-account-claims.ts';

/** A connection's requests share one certificate object, and so one user object. */
const users = new WeakMap<PeerCertificate, UserInfo>();

export const clientCertificateAuthenticator: Authenticator = ({ peerCertificate }) => {
  if (peerCertificate === undefined || peerCertificate.commonName === '') return undefined;
  if (peerCertificate.isFrontProxy === true) return undefined;
  let user = users.get(peerCertificate);
  if (user === undefined) users.set(peerCertificate, (user = userOf(peerCertificate)));
  return user;
};

function userOf({ commonName, organizations, fingerprint }: PeerCertificate): UserInfo {
  const groups = organizations.filter((organization) => organization !== AUTHENTICATED_GROUP);
  return {
    name: commonName,
    groups: [...groups, AUTHENTICATED_GROUP],
    extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${fingerprint}`] },
  };
}
