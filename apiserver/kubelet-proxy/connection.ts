/** How the API server reaches a node's kubelet: over TLS, with its own client certificate, at the node's own address. */
import { request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { Node } from '../../api/core/v1/node.ts';
import { badRequest, internalServerError } from '../../api/machinery/errors.ts';
import type { Lister } from '../../api/machinery/handler.ts';

export interface KubeletCredentials {
  /** PEM. */
  ca: string;
  certificate: string;
  privateKey: string;
}

export interface KubeletAddress {
  nodeName: string;
  host: string;
  port: number;
}

const ADDRESS_TYPES = ['InternalIP', 'Hostname', 'InternalDNS', 'ExternalDNS', 'ExternalIP'];
const CONNECT_TIMEOUT_MS = 10_000;

/** Throws when the pod has no node yet, or the node no address or no server. */
export function kubeletAddress(nodes: Lister<Node>, nodeName: string): KubeletAddress {
  const node = nodes.get('', nodeName);
  if (node === undefined) throw internalServerError(`nodes ${JSON.stringify(nodeName)} not found`);
  const addresses = node.status?.addresses ?? [];
  const found = ADDRESS_TYPES.map((type) => addresses.find((address) => address.type === type)).find(
    (address) => address !== undefined,
  );
  if (found === undefined) throw badRequest(`no preferred addresses found; known addresses: []`);
  const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 10250;
  if (port === 0) throw badRequest(`node ${nodeName} has no processes to look into: its pods are simulated`);
  return { nodeName, host: found.address, port };
}

/** The certificate names the node: whoever else listens at its address is refused. */
export function tlsOptions(
  credentials: KubeletCredentials,
  { nodeName, host, port }: KubeletAddress,
): Record<string, unknown> {
  return {
    host,
    port,
    ca: credentials.ca,
    cert: credentials.certificate,
    key: credentials.privateKey,
    servername: nodeName,
    minVersion: 'TLSv1.2',
  };
}

/** A GET whose body the caller reads; never follows redirects. */
export function getFromKubelet(
  credentials: KubeletCredentials,
  address: KubeletAddress,
  { path, signal }: { path: string; signal: AbortSignal },
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      { ...tlsOptions(credentials, address), path, method: 'GET', agent: false, signal },
      resolve,
    );
    request.setTimeout(CONNECT_TIMEOUT_MS, () => {
      if (request.socket?.connecting !== false) request.destroy(new Error('connection timed out'));
    });
    request.on('error', (error) =>
      reject(
        internalServerError(`Get "https://${address.host}:${address.port}${path.split('?')[0]}": ${error.message}`),
      ),
    );
    request.end();
  });
}

/** A TLS connection for a tunnel. */
export function connectToKubelet(credentials: KubeletCredentials, address: KubeletAddress): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...tlsOptions(credentials, address), ALPNProtocols: ['http/1.1'] });
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy(new Error('connection timed out')));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      socket.setTimeout(0);
      socket.removeListener('error', reject);
      resolve(socket);
    });
  });
}
