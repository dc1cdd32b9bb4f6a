/**
 * Serves node ports and pods' host ports on 127.0.0.1 in user space. The rules cannot: translating from loopback needs `route_localnet`,
 * which opens the node's own loopback services to its neighbours (CVE-2020-8558).
 */
import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket as UdpSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { HostPortInfo } from './host-ports.ts';
import { isLoopback } from './host-ports.ts';
import type { Endpoint, ServicePortInfo } from './service-map.ts';

/** An address of this machine and a port on it. */
export interface Binding {
  host: string;
  port: number;
}

export interface LocalhostNodePortsOptions {
  /** Where a port of a Service is served. Default: its node port, on 127.0.0.1. */
  bindingsOf?(info: ServicePortInfo): readonly Binding[];
  clock: Clock;
  log: Logger;
}

export interface LocalhostNodePorts {
  /** Listens on what these ports need and on nothing else. Connections live on until their Service's node port is gone. */
  update(ports: readonly ServicePortInfo[], hostPorts?: readonly HostPortInfo[]): void;
  /** Ends all listeners and connections. */
  close(): void;
}

/** The endpoints of a port as they are now. */
interface PresentEndpoints {
  /** All of them, the next one in turn first. */
  next(): readonly Endpoint[];
  has(endpoint: Endpoint): boolean;
}

interface Listener {
  close(): void;
}

interface Entry {
  endpoints: readonly Endpoint[];
  turn: number;
  listener: Listener | undefined;
}

const MAX_CONNECTIONS = 1024;
const MAX_CONNECT_TRIES = 3;
const MAX_UDP_CLIENTS = 256;
const UDP_IDLE_MS = 60_000;

export function createLocalhostNodePorts(options: LocalhostNodePortsOptions): LocalhostNodePorts {
  const entries = new Map<string, Entry>();
  const { bindingsOf = nodePortOnLoopback } = options;
  const open = (key: string, entry: Entry): void => {
    const [protocol, host, port] = key.split('/') as ['tcp' | 'udp', string, string];
    const present: PresentEndpoints = {
      next() {
        const start = entry.turn++ % Math.max(1, entry.endpoints.length);
        return [...entry.endpoints.slice(start), ...entry.endpoints.slice(0, start)];
      },
      has: (endpoint) => entry.endpoints.some(({ ip, port }) => ip === endpoint.ip && port === endpoint.port),
    };
    const listen = protocol === 'tcp' ? listenTcp : listenUdp;
    entry.listener = listen({ host, port: Number(port), present, ...options });
  };
  return {
    update(ports, hostPorts = []) {
      const services = ports.flatMap((info) => entriesOf(info, bindingsOf(info)));
      // As in the rules, a Service has a port before a pod has it.
      const wanted = new Map([...hostPorts.flatMap(hostPortEntries), ...services]);
      for (const [key, entry] of entries) {
        if (wanted.has(key)) continue;
        entry.listener?.close();
        entries.delete(key);
      }
      for (const [key, endpoints] of wanted) {
        const entry = entries.get(key) ?? { endpoints, turn: 0, listener: undefined };
        entries.set(key, entry);
        entry.endpoints = endpoints;
        if (entry.listener === undefined && endpoints.length > 0) open(key, entry);
      }
    },
    close() {
      for (const { listener } of entries.values()) listener?.close();
      entries.clear();
    },
  };
}

function nodePortOnLoopback({ nodePort }: ServicePortInfo): readonly Binding[] {
  return nodePort === 0 ? [] : [{ host: '127.0.0.1', port: nodePort }];
}

/** A port on every address of the node is one on 127.0.0.1 as well. */
function hostPortEntries({ protocol, hostIp, hostPort, podIp, port }: HostPortInfo): [string, readonly Endpoint[]][] {
  const host = hostIp === '' ? '127.0.0.1' : hostIp;
  if (!isLoopback(host)) return [];
  return entriesOf({ protocol, endpoints: [{ ip: podIp, port, isLocal: true }] }, [{ host, port: hostPort }]);
}

function entriesOf(
  { protocol, endpoints }: Pick<ServicePortInfo, 'protocol' | 'endpoints'>,
  bindings: readonly Binding[],
): [string, readonly Endpoint[]][] {
  return protocol === 'sctp' ? [] : bindings.map(({ host, port }) => [`${protocol}/${host}/${port}`, endpoints]);
}

interface ListenOptions extends Binding, LocalhostNodePortsOptions {
  present: PresentEndpoints;
}

function listenTcp({ port, present, host, log }: ListenOptions): Listener {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (client) => {
    track(sockets, client);
    relay(client, { present, sockets });
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('error', (error) =>
    log.warn('a port of a Service or pod does not answer in user space', {
      host,
      port,
      protocol: 'TCP',
      error: error.message,
    }),
  );
  server.listen(port, host);
  server.unref();
  return {
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function track(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
}

/** Bytes and ends of both directions pass on their own, each as fast as its reader takes them. */
function relay(client: Socket, { present, sockets }: { present: PresentEndpoints; sockets: Set<Socket> }): void {
  client.on('error', () => client.destroy());
  client.pause();
  const tryEndpoint = (candidates: readonly Endpoint[]): void => {
    const [endpoint, ...others] = candidates;
    if (endpoint === undefined || client.destroyed) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ host: endpoint.ip, port: endpoint.port, allowHalfOpen: true });
    track(sockets, server);
    const fail = (): void => tryEndpoint(others);
    const giveUp = (): void => void server.destroy();
    server.once('error', fail);
    client.once('close', giveUp);
    server.once('connect', () => {
      server.off('error', fail);
      server.on('error', () => client.resetAndDestroy());
      server.once('close', () => client.destroySoon());
      client.pipe(server);
      server.pipe(client);
    });
  };
  tryEndpoint(present.next().slice(0, MAX_CONNECT_TRIES));
}

interface UdpClient {
  endpoint: Endpoint;
  socket: UdpSocket;
  send(message: Buffer): void;
  cancelIdle: () => void;
}

function listenUdp({ port, present, host, clock, log }: ListenOptions): Listener {
  const clients = new Map<string, UdpClient>();
  const server = createSocket('udp4');
  const forget = (key: string): void => {
    const client = clients.get(key);
    if (client === undefined) return;
    client.cancelIdle();
    clients.delete(key);
    client.socket.close();
  };
  const open = (key: string, { address, port: clientPort }: RemoteInfo): UdpClient | undefined => {
    const [endpoint] = present.next();
    if (endpoint === undefined) return undefined;
    // The one that was heard of least recently makes room.
    if (clients.size >= MAX_UDP_CLIENTS) forget(clients.keys().next().value!);
    const socket = createSocket('udp4').unref();
    socket.on('error', () => forget(key));
    socket.on('message', (message, from) => {
      if (from.address === endpoint.ip && from.port === endpoint.port)
        server.send(message, clientPort, address, () => undefined);
    });
    const send = (message: Buffer): void => socket.send(message, endpoint.port, endpoint.ip, () => undefined);
    return { endpoint, socket, send, cancelIdle: () => undefined };
  };
  server.on('message', (message, from) => {
    const key = `${from.address}:${from.port}`;
    const known = clients.get(key);
    // UDP has no end: one that goes on sending would stay with an endpoint that is gone.
    if (known !== undefined && !present.has(known.endpoint)) forget(key);
    const client = clients.get(key) ?? open(key, from);
    if (client === undefined) return;
    client.cancelIdle();
    client.cancelIdle = clock.setTimeout(() => forget(key), UDP_IDLE_MS);
    clients.delete(key);
    clients.set(key, client);
    client.send(message);
  });
  server.on('error', (error) =>
    log.warn('a port of a Service or pod does not answer in user space', {
      host,
      port,
      protocol: 'UDP',
      error: error.message,
    }),
  );
  server.bind(port, host);
  server.unref();
  return {
    close() {
      for (const key of [...clients.keys()]) forget(key);
      server.close();
    },
  };
}
