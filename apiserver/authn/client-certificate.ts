/** Client certificates: the common name is the user, the organizations are the groups (apiserver `request/x509`). */
import type { Authenticator } from './authenticator.ts';

export const clientCertificateAuthenticator: Authenticator = ({ peerCertificate }) => {
  if (peerCertificate === undefined) return undefined;
  return {
    name: peerCertificate.commonName,
    groups: [...peerCertificate.organizations, 'system:authenticated'],
    extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${peerCertificate.fingerprint}`] },
  };
};
