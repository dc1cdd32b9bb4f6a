/**
 * Connections to aggregated API servers: at a ready endpoint of the Service that an APIService names and nowhere else,
 * over TLS that names the Service, with the front proxy's certificate (kube-aggregator `pkg/apiserver/resolvers.go`).
 *
 * Upstream dials the Service's cluster IP unless told otherwise (`--enable-aggregator-routing`). Here an endpoint is
 * dialled itself: cluster IPs are rules of a node's packet filter, which a control plane without a node does not have.
 */
import { Agent } from 'node:https';
import { connect } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { ApiService } from '../../api/apiregistration/v1/api-service.ts';
import type { AddressSources, WebhookAddress } from '../admission/webhook/webhook-address.ts';
import { webhookAddress } from '../admission/webhook/webhook-address.ts';

/** PEM. */
export interface FrontProxyIdentity {
  certificate: string;
  privateKey: string;
}

/** How one request reaches a server. */
export interface Backend {
  address: WebhookAddress;
  tls: ConnectionOptions;
  /** Keeps connections for further requests. */
  agent: Agent;
}

const IDLE_CONNECTION_MS = 90_000;
const MAX_IDLE_CONNECTIONS = 16;
export const CONNECT_TIMEOUT_MS = 30_000;

export class Backends {
  readonly #sources: AddressSources;
  readonly #identity: FrontProxyIdentity | undefined;
  /** By what a connection depends on. */
  readonly #agents = new Map<string, Agent>();

  /** Without an identity, servers are asked without proving who asks. */
  constructor(sources: AddressSources, identity?: FrontProxyIdentity) {
    this.#sources = sources;
    this.#identity = identity;
  }

  /** One endpoint of those that are ready. `isTrusted`: whatever its certificate. Throws NoAddress. */
  of({ spec }: ApiService, { isTrusted = spec?.insecureSkipTLSVerify === true } = {}): Backend {
    const { name = '', namespace = '', port = 443 } = spec?.service ?? {};
    const address = webhookAddress({ service: { name, namespace, port } }, this.#sources);
    const bundle = Buffer.from(spec?.caBundle ?? '', 'base64').toString();
    const { certificate, privateKey } = this.#identity ?? {};
    const tls: ConnectionOptions = {
      servername: address.serverName,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: !isTrusted,
      ...(bundle === '' ? {} : { ca: bundle }),
      ...(certificate === undefined ? {} : { cert: certificate, key: privateKey }),
    };
    return { address, tls, agent: this.#agentOf(JSON.stringify([namespace, name, port, bundle, isTrusted]), tls) };
  }

  /** Lets go of the connections of all others. Requests under way end undisturbed. */
  retain(services: readonly ApiService[]): void {
    const kept = new Set(
      services.map(({ spec }) => JSON.stringify([spec?.service?.namespace, spec?.service?.name, spec?.service?.port])),
    );
    for (const [key, agent] of this.#agents) {
      const place = JSON.stringify((JSON.parse(key) as unknown[]).slice(0, 3));
      if (kept.has(place)) continue;
      this.#agents.delete(key);
      // What comes back to an agent without keep-alive is closed.
      (agent as Agent & { keepAlive: boolean }).keepAlive = false;
      for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
    }
  }

  #agentOf(key: string, tls: ConnectionOptions): Agent {
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      const limits = { keepAlive: true, maxFreeSockets: MAX_IDLE_CONNECTIONS, timeout: IDLE_CONNECTION_MS };
      agent = new Agent({ ...limits, ...tls });
      this.#agents.set(key, agent);
    }
    return agent;
  }
}

/** A connection of its own, for a tunnel. */
export function dial({ address, tls }: Backend): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const { host, port } = address;
    const socket = connect({ ...tls, host, port, ALPNProtocols: ['http/1.1'] });
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy(new Error('i/o timeout')));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      socket.setTimeout(0);
      socket.removeListener('error', reject);
      resolve(socket);
    });
  });
}
