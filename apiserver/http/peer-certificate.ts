/** The client certificate of a TLS connection, read once per connection. */
import type { TLSSocket } from 'node:tls';
import type { PeerCertificate } from '../../api/machinery/handler.ts';

const known = new WeakMap<object, { certificate: PeerCertificate | undefined }>();

/** Undefined when the client sent none, or one that the cluster's CA did not sign. */
export function peerCertificateOf(socket: TLSSocket): PeerCertificate | undefined {
  const cached = known.get(socket);
  if (cached !== undefined) return cached.certificate;
  const certificate = socket.authorized ? read(socket) : undefined;
  known.set(socket, { certificate });
  return certificate;
}

function read(socket: TLSSocket): PeerCertificate | undefined {
  const { subject, fingerprint256 } = socket.getPeerCertificate();
  if (subject === undefined) return undefined;
  const { CN, O } = subject as { CN?: string | string[]; O?: string | string[] };
  if (CN === undefined || Array.isArray(CN)) return undefined;
  return {
    commonName: CN,
    organizations: O === undefined ? [] : Array.isArray(O) ? O : [O],
    fingerprint: fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}
