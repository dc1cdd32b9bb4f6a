/** The certificate authorities that this machine trusts, where Go's crypto/x509 looks for them (`root_linux.go`, `root_unix.go`). */
import { readFileSync } from 'node:fs';

const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * PEM: the first bundle that can be read (`SSL_CERT_FILE` stands for all of them), and what `NODE_EXTRA_CA_CERTS` adds.
 * Nothing when there is no bundle: then those that Node brings count.
 */
export function machineAuthorities(environment: NodeJS.ProcessEnv, bundles: readonly string[] = BUNDLES): string[] {
  const { SSL_CERT_FILE: own, NODE_EXTRA_CA_CERTS: extra } = environment;
  const bundle = firstReadable(own ? [own] : bundles);
  if (bundle === undefined) return [];
  return [bundle, ...(extra ? [firstReadable([extra])] : [])].filter((pem) => pem !== undefined);
}

function firstReadable(paths: readonly string[]): string | undefined {
  for (const path of paths) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      // The next one.
    }
  }
  return undefined;
}
