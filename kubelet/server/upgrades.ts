/** Requests of the kubelet's API that become WebSockets: exec, attach, port-forward. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { ApiError } from '../../api/machinery/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { RuntimeService } from '../runtime.ts';
import { PORT_FORWARD_CHANNEL_PROTOCOLS, servePortForwardOverChannels } from './port-forward-channels.ts';
import { PORT_FORWARD_SPDY_PROTOCOL, servePortForwardOverSpdy } from './port-forward-spdy.ts';
import { findPod, findRunningContainer, findSandbox } from './pod-lookup.ts';
import type { PodLookup } from './pod-lookup.ts';
import { REMOTE_COMMAND_PROTOCOLS, serveRemoteCommand } from './remote-command.ts';
import type { RemoteCommand } from './remote-command.ts';

export interface UpgradeOptions extends PodLookup {
  runtime: RuntimeService;
  log: Logger;
}

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

interface Target {
  action: string;
  namespace: string;
  pod: string;
  container: string;
  query: URLSearchParams;
  /** kubectl's SPDY frames inside WebSocket messages. */
  isTunnel: boolean;
}

export type UpgradeServer = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Answers the `upgrade` event of an HTTP server. */
export function createUpgradeServer(options: UpgradeOptions): UpgradeServer {
  const newServer = (protocols: readonly string[]): WebSocketServer =>
    new WebSocketServer({
      noServer: true,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      handleProtocols: (offered) => protocols.find((protocol) => offered.has(protocol)) ?? false,
    });
  const commandServer = newServer(REMOTE_COMMAND_PROTOCOLS);
  const forwardServer = newServer(PORT_FORWARD_CHANNEL_PROTOCOLS);
  const tunnelServer = newServer([]);
  tunnelServer.on('headers', (headers: string[]) => headers.push(`Sec-WebSocket-Protocol: ${PORT_FORWARD_SPDY_PROTOCOL}`));
  return (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    try {
      const target = parseTarget(request.url ?? '');
      const isTunnel = target.action === 'portForward' && takeTunnelProtocol(request);
      const server = isTunnel ? tunnelServer : target.action === 'portForward' ? forwardServer : commandServer;
      // A client that offers protocols and none of ours would not understand a thing.
      server.handleUpgrade(request, socket, head, (webSocket) => serve(webSocket, { ...target, isTunnel }, options));
    } catch (error) {
      const { code, message } = error instanceof ApiError ? error : new ApiError({ code: 500, message: String(error) });
      socket.end(`HTTP/1.1 ${code} Refused\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(message)}\r\nConnection: close\r\n\r\n${message}`);
    }
  };
}

/**
 * Whether the client offers the tunnel. Its name holds a `/`, which RFC 6455 does not allow and the library refuses:
 * the header is taken away, and put into the answer by ourselves.
 */
function takeTunnelProtocol({ headers }: IncomingMessage): boolean {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  if (!offered.includes(PORT_FORWARD_SPDY_PROTOCOL)) return false;
  delete headers['sec-websocket-protocol'];
  return true;
}

function parseTarget(url: string): Target {
  const { pathname, searchParams } = new URL(url, 'http://kubelet');
  const [action = '', namespace = '', pod = '', container = ''] = pathname.slice(1).split('/').map(decodeURIComponent);
  const isKnown = action === 'portForward' || ((action === 'exec' || action === 'attach') && container !== '');
  if (!isKnown || namespace === '' || pod === '') throw new ApiError({ code: 404, message: '404 page not found' });
  return { action, namespace, pod, container, query: searchParams, isTunnel: false };
}

function serve(socket: WebSocket, target: Target, options: UpgradeOptions): void {
  socket.on('error', () => socket.terminate());
  const { log } = options;
  const { action, namespace, pod } = target;
  log.debug('a client streams', { action, pod: { kind: 'Pod', namespace, name: pod } });
  if (action === 'portForward') servePortForward(socket, target, options);
  else void serveCommand(socket, target, options);
}

async function serveCommand(socket: WebSocket, target: Target, options: UpgradeOptions): Promise<void> {
  const { action, namespace, pod, container, query } = target;
  const { runtime } = options;
  const flag = (name: string): boolean => query.get(name) === 'true' || query.get(name) === '1';
  const run: RemoteCommand = async (io) => {
    const info = findRunningContainer(options, findPod(options, namespace, pod), container);
    if (action === 'exec') return runtime.exec(info.id, query.getAll('command'), io);
    await runtime.attach(info.id, io);
    return undefined;
  };
  await serveRemoteCommand(socket, { stdin: flag('stdin'), stdout: flag('stdout'), stderr: flag('stderr'), tty: flag('tty') }, run);
}

function servePortForward(socket: WebSocket, { namespace, pod, query, isTunnel }: Target, options: UpgradeOptions): void {
  const { runtime } = options;
  const forward = async (port: number, stream: Duplex): Promise<void> => {
    const worker = findPod(options, namespace, pod);
    const { id } = findSandbox(options, worker);
    try {
      await runtime.portForward(id, port, { readable: stream, writable: stream });
    } catch (error) {
      throw new Error(`error forwarding port ${port} to pod ${id}, uid : ${(error as Error).message}`, { cause: error });
    }
  };
  if (isTunnel) {
    servePortForwardOverSpdy(socket, forward);
    return;
  }
  const ports = query.getAll('ports').concat(query.getAll('port')).flatMap((text) => text.split(',')).map(Number);
  const isValid = ports.length > 0 && ports.every((port) => Number.isInteger(port) && port > 0 && port < 65_536);
  if (isValid) servePortForwardOverChannels(socket, ports, forward);
  else socket.close(1008, 'query parameter "ports" is required');
}
