/** The client certificate of a TLS connection, read once per connection, and which authority stands behind it. */
import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { PeerCertificate } from '../../api/machinery/handler.ts';

/** PEM; each may hold several certificates. */
export interface PeerAuthorities {
  /** Vouches for users. */
  clientCa: string;
  /** Vouches for proxies that say whose request they bring. */
  frontProxyCa?: string | undefined;
}

export type PeerReader = (socket: TLSSocket) => PeerCertificate | undefined;

/**
 * Reads what TLS has verified against all of the authorities together. Undefined when the client sent none, or one
 * whose authority is none of them.
 */
export function peerReader({ clientCa, frontProxyCa = '' }: PeerAuthorities): PeerReader {
  const clientRoots = fingerprintsOf(clientCa);
  const frontProxyRoots = fingerprintsOf(frontProxyCa);
  const known = new WeakMap<object, { certificate: PeerCertificate | undefined }>();
  const read = (socket: TLSSocket): PeerCertificate | undefined => {
    if (!socket.authorized) return undefined;
    const peer = socket.getPeerCertificate(true);
    if (peer.subject === undefined) return undefined;
    const root = rootOf(peer);
    if (clientRoots.has(root)) return subjectOf(peer);
    const certificate = frontProxyRoots.has(root) ? subjectOf(peer) : undefined;
    return certificate && { ...certificate, isFrontProxy: true };
  };
  return (socket) => {
    const cached = known.get(socket);
    if (cached !== undefined) return cached.certificate;
    const certificate = read(socket);
    known.set(socket, { certificate });
    return certificate;
  };
}

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

function fingerprintsOf(bundle: string): Set<string> {
  return new Set((bundle.match(PEM) ?? []).map((pem) => new X509Certificate(pem).fingerprint256));
}

/** The chain ends in a certificate that names itself as its issuer: TLS adds what the client left out. */
function rootOf(peer: DetailedPeerCertificate): string {
  let certificate = peer;
  for (let next = peer.issuerCertificate; next !== undefined; next = certificate.issuerCertificate) {
    if (next.fingerprint256 === certificate.fingerprint256) break;
    certificate = next;
  }
  return certificate.fingerprint256;
}

function subjectOf({ subject, fingerprint256 }: DetailedPeerCertificate): PeerCertificate | undefined {
  const { CN, O } = subject as { CN?: string | string[]; O?: string | string[] };
  if (CN === undefined || Array.isArray(CN)) return undefined;
  return {
    commonName: CN,
    organizations: O === undefined ? [] : Array.isArray(O) ? O : [O],
    fingerprint: fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}
