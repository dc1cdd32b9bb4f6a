/**
 * What aggregated API servers must know to believe this one: ConfigMap kube-system/extension-apiserver-authentication
 * (upstream: `pkg/controlplane/controller/clusterauthenticationtrust`).
 */
import type { PeerAuthorities } from '../http/peer-certificate.ts';
import { REQUEST_HEADERS } from './request-header.ts';

export const AUTHENTICATION_INFO = { namespace: 'kube-system', name: 'extension-apiserver-authentication' } as const;

/** Its data: what is known, which may be other servers', and ours. */
export function authenticationInfo(
  { clientCa, frontProxyCa }: PeerAuthorities,
  known: Readonly<Record<string, string>>,
): Record<string, string> {
  const list = (key: string, own: readonly string[]): Record<string, string> => ({
    [key]: JSON.stringify([...new Set([...listOf(known[key]), ...own])]),
  });
  const bundle = (key: string, own: string): Record<string, string> => ({
    [key]: joinBundles(known[key] ?? '', own),
  });
  if (frontProxyCa === undefined) return bundle('client-ca-file', clientCa);
  return {
    ...bundle('client-ca-file', clientCa),
    ...bundle('requestheader-client-ca-file', frontProxyCa),
    ...list('requestheader-username-headers', [REQUEST_HEADERS.username]),
    ...list('requestheader-uid-headers', [REQUEST_HEADERS.uid]),
    ...list('requestheader-group-headers', [REQUEST_HEADERS.group]),
    ...list('requestheader-extra-headers-prefix', [REQUEST_HEADERS.extraPrefix]),
    ...list('requestheader-allowed-names', REQUEST_HEADERS.allowedNames),
  };
}

/** What somebody has broken is left behind. */
function listOf(text: string | undefined): string[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
  } catch {
    return [];
  }
}

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

function joinBundles(...bundles: readonly string[]): string {
  const certificates = bundles.flatMap((bundle) => bundle.match(PEM) ?? []);
  return [...new Set(certificates)].map((pem) => `${pem}\n`).join('');
}
