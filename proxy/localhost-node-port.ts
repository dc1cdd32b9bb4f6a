/**
 * Node ports on 127.0.0.1, in user space: a kernel rule for them would need `route_localnet`, which opens loopback
 * services to the network (CVE-2020-8558). TCP only.
 */
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Logger } from '../base/log.ts';
import type { Endpoint, ServicePortInfo } from './service-map.ts';

const HOST = '127.0.0.1';

interface Listener {
  server: Server;
  endpoints: readonly Endpoint[];
  next: number;
  connections: Set<Socket>;
}

export class LocalhostNodePorts {
  readonly #listeners = new Map<number, Listener>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Opens and closes listeners so that they are those of `ports`. */
  update(ports: readonly ServicePortInfo[]): void {
    const wanted = new Map(ports.filter(({ nodePort, protocol }) => nodePort > 0 && protocol === 'tcp').map((info) => [info.nodePort, info]));
    for (const [port, listener] of this.#listeners) if (!wanted.has(port)) this.#close(port, listener);
    for (const [port, { endpoints }] of wanted) {
      const listener = this.#listeners.get(port);
      if (listener === undefined) this.#open(port, endpoints);
      else listener.endpoints = endpoints;
    }
  }

  close(): void {
    for (const [port, listener] of this.#listeners) this.#close(port, listener);
  }

  #open(port: number, endpoints: readonly Endpoint[]): void {
    const server = createServer({ allowHalfOpen: true }, (client) => this.#relay(port, client));
    server.on('error', (error) => {
      this.#log.warn('a node port cannot be served on 127.0.0.1', { port, error: error.message });
      this.#listeners.delete(port);
    });
    this.#listeners.set(port, { server, endpoints, next: 0, connections: new Set() });
    server.listen(port, HOST);
  }

  #close(port: number, { server, connections }: Listener): void {
    this.#listeners.delete(port);
    server.close();
    for (const connection of connections) connection.destroy();
  }

  /** Joins a client with the next endpoint in turn; without any it is refused, as a Service without pods is. */
  #relay(port: number, client: Socket): void {
    const listener = this.#listeners.get(port);
    const endpoint = listener?.endpoints[listener.next++ % Math.max(1, listener.endpoints.length)];
    if (listener === undefined || endpoint === undefined) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ host: endpoint.ip, port: endpoint.port, allowHalfOpen: true });
    listener.connections.add(client);
    client.pipe(upstream);
    upstream.pipe(client);
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
    client.on('close', () => {
      listener.connections.delete(client);
      upstream.destroy();
    });
    upstream.on('close', () => client.destroySoon());
  }
}
