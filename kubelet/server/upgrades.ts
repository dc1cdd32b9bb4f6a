/** Requests of the kubelet's API that become WebSockets or, with older clients, SPDY sessions: exec, attach, port-forward. */
import { STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { ApiError, badRequest } from '../../api/machinery/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { ContainerInfo, RuntimeService } from '../runtime.ts';
import { PORT_FORWARD_CHANNEL_PROTOCOLS, servePortForwardOverChannels } from './port-forward-channels.ts';
import { PORT_FORWARD_SPDY_PROTOCOL, portForwardStreams, servePortForwardOverSpdy } from './port-forward-spdy.ts';
import type { Forward } from './port-forward-spdy.ts';
import { findPod, findRunningContainer, findSandbox } from './pod-lookup.ts';
import type { PodLookup } from './pod-lookup.ts';
import { REMOTE_COMMAND_PROTOCOLS, serveRemoteCommand } from './remote-command.ts';
import type { RemoteCommand, RemoteCommandOptions } from './remote-command.ts';
import { serveRemoteCommandOverSpdy, SPDY_COMMAND_PROTOCOLS } from './remote-command-spdy.ts';
import { acceptSpdy, isSpdyUpgrade, negotiateProtocol } from './spdy/upgrade.ts';
import type { Upgrade } from './spdy/upgrade.ts';

export interface UpgradeOptions extends PodLookup {
  runtime: RuntimeService;
  clock: Clock;
  log: Logger;
}

const PORT_FORWARD_PROTOCOLS = [PORT_FORWARD_SPDY_PROTOCOL, ...PORT_FORWARD_CHANNEL_PROTOCOLS];
const SPDY_PORT_FORWARD_PROTOCOLS = ['portforward.k8s.io'];
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
      if (isSpdyUpgrade(request)) {
        const protocols = target.action === 'portForward' ? SPDY_PORT_FORWARD_PROTOCOLS : SPDY_COMMAND_PROTOCOLS;
        const protocol = negotiateProtocol(request, protocols);
        serveSpdy({ socket, head, protocol, clock: options.clock }, target, options);
        return;
      }
      const protocol = chooseProtocol(
        request,
        target.action === 'portForward' ? PORT_FORWARD_PROTOCOLS : REMOTE_COMMAND_PROTOCOLS,
      );
      if (protocol !== undefined) chosen.set(request, protocol);
      server.handleUpgrade(request, socket, head, (webSocket) =>
        serve({ socket: webSocket, protocol: protocol ?? '' }, target, options),
      );
    } catch (error) {
      refuse(socket, error instanceof ApiError ? error : new ApiError({ code: 500, message: String(error) }));
    }
  };
}

function refuse(socket: Duplex, { code, message, accepted = [] }: ApiError & { accepted?: readonly string[] }): void {
  const lines = [
    `HTTP/1.1 ${code} ${STATUS_CODES[code] ?? ''}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(message)}`,
    ...accepted.map((protocol) => `X-Accepted-Stream-Protocol-Versions: ${protocol}`),
    'Connection: close',
  ];
  socket.end([...lines, '', message].join('\r\n'));
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
  else void serveRemoteCommand(session, commandOptions(target), commandOf(target, options));
}

/** Older clients are told before the upgrade that there is nothing to run in, and word the refusal themselves. */
function serveSpdy(upgrade: Upgrade, target: Target, options: UpgradeOptions): void {
  const { action, namespace, pod } = target;
  if (action === 'portForward') findSandbox(options, findPod(options, namespace, pod));
  else findCommandContainer(target, options);
  options.log.debug('a client streams', { action, pod: { kind: 'Pod', namespace, name: pod } });
  if (action === 'portForward') acceptSpdy(upgrade, { onStream: portForwardStreams(forwardTo(target, options)) });
  else void serveRemoteCommandOverSpdy(upgrade, commandOptions(target), commandOf(target, options));
}

function findCommandContainer({ action, namespace, pod, container }: Target, options: UpgradeOptions): ContainerInfo {
  return findRunningContainer(options, findPod(options, namespace, pod), { container, action });
}

function commandOptions({ query }: Target): RemoteCommandOptions {
  const flag = (name: string): boolean => query.get(name) === 'true' || query.get(name) === '1';
  return { stdin: flag('stdin'), stdout: flag('stdout'), stderr: flag('stderr'), tty: flag('tty') };
}

function commandOf(target: Target, options: UpgradeOptions): RemoteCommand {
  const { runtime } = options;
  return async (io) => {
    const { id } = findCommandContainer(target, options);
    if (target.action === 'exec') return runtime.exec(id, target.query.getAll('command'), io);
    await runtime.attach(id, io);
    return undefined;
  };
}

function forwardTo({ namespace, pod }: Target, options: UpgradeOptions): Forward {
  return async (port, stream) => {
    const { id } = findSandbox(options, findPod(options, namespace, pod));
    try {
      await options.runtime.portForward(id, port, { readable: stream, writable: stream });
    } catch (error) {
      throw new Error(`error forwarding port ${port} to pod ${id}, uid : ${(error as Error).message}`, {
        cause: error,
      });
    }
  };
}

function servePortForward({ socket, protocol }: Session, target: Target, options: UpgradeOptions): void {
  const forward = forwardTo(target, options);
  if (protocol === PORT_FORWARD_SPDY_PROTOCOL) {
    servePortForwardOverSpdy(socket, forward);
    return;
  }
  const ports = target.query
    .getAll('ports')
    .concat(target.query.getAll('port'))
    .flatMap((text) => text.split(','))
    .map(Number);
  const isValid = ports.length > 0 && ports.every((port) => Number.isInteger(port) && port > 0 && port < 65_536);
  if (isValid) servePortForwardOverChannels(socket, ports, forward);
  else socket.close(1008, 'query parameter "ports" is required');
}
