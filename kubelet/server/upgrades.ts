/** Requests of the kubelet's API that become WebSockets: exec, attach, port-forward. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { ApiError, badRequest } from '../../api/machinery/errors.ts';
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

const PORT_FORWARD_PROTOCOLS = [PORT_FORWARD_SPDY_PROTOCOL, ...PORT_FORWARD_CHANNEL_PROTOCOLS];
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

interface Target {
  action: string;
  namespace: string;
  pod: string;
  container: string;
  query: URLSearchParams;
}

export type UpgradeServer = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Answers the `upgrade` event of an HTTP server. */
export function createUpgradeServer(options: UpgradeOptions): UpgradeServer {
  const server = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false });
  const chosen = new WeakMap<IncomingMessage, string>();
  server.on('headers', (headers, request) => {
    const protocol = chosen.get(request);
    if (protocol !== undefined) headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
  });
  return (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    try {
      const target = parseTarget(request.url ?? '');
      const protocol = chooseProtocol(
        request,
        target.action === 'portForward' ? PORT_FORWARD_PROTOCOLS : REMOTE_COMMAND_PROTOCOLS,
      );
      if (protocol !== undefined) chosen.set(request, protocol);
      server.handleUpgrade(request, socket, head, (webSocket) =>
        serve({ socket: webSocket, protocol: protocol ?? '' }, target, options),
      );
    } catch (error) {
      const { code, message } = error instanceof ApiError ? error : new ApiError({ code: 500, message: String(error) });
      const head = `HTTP/1.1 ${code} Refused\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(message)}`;
      socket.end(`${head}\r\nConnection: close\r\n\r\n${message}`);
    }
  };
}

/**
 * The first of ours that the client offers; undefined when it offers none at all. It is taken off the request: the
 * library refuses `SPDY/3.1+portforward.k8s.io`, as the slash is not allowed in a protocol's name.
 */
function chooseProtocol(request: IncomingMessage, protocols: readonly string[]): string | undefined {
  const header = request.headers['sec-websocket-protocol'];
  delete request.headers['sec-websocket-protocol'];
  if (header === undefined) return undefined;
  const offered = header.split(',').map((name) => name.trim());
  const protocol = protocols.find((name) => offered.includes(name));
  if (protocol !== undefined) return protocol;
  throw badRequest(
    `requested protocol(s) are not supported: [${offered.join(' ')}]; supports [${protocols.join(' ')}]`,
  );
}

/** A WebSocket, with what it was agreed to speak; `''` when nothing was. */
interface Session {
  socket: WebSocket;
  protocol: string;
}

function parseTarget(url: string): Target {
  const { pathname, searchParams } = new URL(url, 'http://kubelet');
  const [action = '', namespace = '', pod = '', container = ''] = pathname.slice(1).split('/').map(decodeURIComponent);
  const isKnown = action === 'portForward' || ((action === 'exec' || action === 'attach') && container !== '');
  if (!isKnown || namespace === '' || pod === '') throw new ApiError({ code: 404, message: '404 page not found' });
  return { action, namespace, pod, container, query: searchParams };
}

function serve(session: Session, target: Target, options: UpgradeOptions): void {
  session.socket.on('error', () => session.socket.terminate());
  const { log } = options;
  const { action, namespace, pod } = target;
  log.debug('a client streams', { action, pod: { kind: 'Pod', namespace, name: pod } });
  if (action === 'portForward') servePortForward(session, target, options);
  else void serveCommand(session, target, options);
}

async function serveCommand(session: Session, target: Target, options: UpgradeOptions): Promise<void> {
  const { action, namespace, pod, container, query } = target;
  const { runtime } = options;
  const flag = (name: string): boolean => query.get(name) === 'true' || query.get(name) === '1';
  const run: RemoteCommand = async (io) => {
    const info = findRunningContainer(options, findPod(options, namespace, pod), { container, action });
    if (action === 'exec') return runtime.exec(info.id, query.getAll('command'), io);
    await runtime.attach(info.id, io);
    return undefined;
  };
  await serveRemoteCommand(
    session,
    { stdin: flag('stdin'), stdout: flag('stdout'), stderr: flag('stderr'), tty: flag('tty') },
    run,
  );
}

function servePortForward(
  { socket, protocol }: Session,
  { namespace, pod, query }: Target,
  options: UpgradeOptions,
): void {
  const { runtime } = options;
  const forward = async (port: number, stream: Duplex): Promise<void> => {
    const worker = findPod(options, namespace, pod);
    const { id } = findSandbox(options, worker);
    try {
      await runtime.portForward(id, port, { readable: stream, writable: stream });
    } catch (error) {
      throw new Error(`error forwarding port ${port} to pod ${id}, uid : ${(error as Error).message}`, {
        cause: error,
      });
    }
  };
  if (protocol === PORT_FORWARD_SPDY_PROTOCOL) {
    servePortForwardOverSpdy(socket, forward);
    return;
  }
  const ports = query
    .getAll('ports')
    .concat(query.getAll('port'))
    .flatMap((text) => text.split(','))
    .map(Number);
  const isValid = ports.length > 0 && ports.every((port) => Number.isInteger(port) && port > 0 && port < 65_536);
  if (isValid) servePortForwardOverChannels(socket, ports, forward);
  else socket.close(1008, 'query parameter "ports" is required');
}
