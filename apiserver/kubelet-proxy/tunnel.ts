/**
 * Tunnels a WebSocket or a SPDY session between a client and a kubelet, or what is behind a proxy subresource: the
 * upgrade request is sent on, then bytes flow both ways. What is refused is answered and closed (CVE-2018-1002105).
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { ApiRequest, ApiResponse, UpgradeHandler } from '../../api/machinery/handler.ts';
import type { KubeletAddress, KubeletCredentials } from './connection.ts';
import { connectToKubelet } from './connection.ts';

const FORWARDED_HEADERS = [
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
  'x-stream-protocol-version',
];
const MAX_RESPONSE_HEAD = 16_384;
/** How long a refusal may take to reach the client. */
const REFUSAL_TIMEOUT_MS = 10_000;
/** Of a client that has been told the end: for how long it may be silent, and how much it may still send. */
const LINGER_MS = 10_000;
const MAX_DROPPED_BYTES = 64 << 20;
const UPGRADES = ['websocket', 'SPDY/3.1'];

/** Whether it asks for a protocol that can be tunnelled. */
export function isUpgrade(headers: ApiRequest['headers']): boolean {
  return headers['connection']?.toLowerCase().includes('upgrade') === true && upgradeOf(headers) !== undefined;
}

function upgradeOf(headers: Readonly<Record<string, unknown>>): string | undefined {
  const { upgrade } = headers;
  return UPGRADES.find((name) => typeof upgrade === 'string' && name.toLowerCase() === upgrade.toLowerCase());
}

/** A tunnel to a kubelet, which learns of the request what is to be negotiated, and nothing else. */
export function tunnelResponse(credentials: KubeletCredentials, address: KubeletAddress, path: string): ApiResponse {
  const head = ({ method, headers }: IncomingMessage): string[] => {
    const lines = [
      `${method} ${path} HTTP/1.1`,
      `Host: ${address.host}:${address.port}`,
      'Connection: Upgrade',
      `Upgrade: ${upgradeOf(headers)}`,
    ];
    for (const name of FORWARDED_HEADERS) {
      const value = headers[name];
      if (typeof value === 'string') lines.push(`${name}: ${value}`);
    }
    return lines;
  };
  return tunnelTo({ connect: () => connectToKubelet(credentials, address), head });
}

export interface TunnelEnd {
  connect(): Promise<Socket>;
  /** Lines of the request that asks for the upgrade. */
  head(request: IncomingMessage): string[];
}

/** A tunnel to whatever answers an upgrade. */
export function tunnelTo(end: TunnelEnd): ApiResponse {
  const accept: UpgradeHandler = (rawRequest, rawSocket, head) => {
    const client = rawSocket as Socket;
    client.on('error', () => client.destroy());
    void tunnel(rawRequest as IncomingMessage, client, { head, end }).catch((error: unknown) => {
      refuse(client, `error dialing backend: ${(error as Error).message}`);
    });
  };
  return { status: 101, headers: {}, body: { type: 'upgrade', accept } };
}

async function tunnel(
  request: IncomingMessage,
  client: Socket,
  { head, end }: { head: Uint8Array; end: TunnelEnd },
): Promise<void> {
  const backend = await end.connect();
  backend.on('error', () => backend.destroy());
  client.on('close', () => backend.destroy());
  if (client.destroyed) {
    backend.destroy();
    return;
  }
  backend.write(`${end.head(request).join('\r\n')}\r\n\r\n`);
  const response = await readHead(backend);
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(response.head.toString('latin1'))?.[1]);
  if (status !== 101 && !(status >= 400)) {
    backend.destroy();
    throw new Error(`invalid upgrade response: status code ${status}`);
  }
  client.write(response.head);
  client.write(response.rest);
  backend.on('close', () => linger(client));
  backend.pipe(client);
  if (status !== 101) {
    backend.setTimeout(REFUSAL_TIMEOUT_MS, () => client.destroy());
    return;
  }
  if (head.length > 0) backend.write(head);
  client.pipe(backend);
}

/**
 * All that was written reaches a slow client, and what it still sends is read and dropped: closing a connection with
 * unread bytes resets it, which the client would tell as an error of its own.
 */
function linger(client: Socket): void {
  let dropped = 0;
  client.on('data', (chunk: Buffer) => {
    dropped += chunk.length;
    if (dropped > MAX_DROPPED_BYTES) client.destroy();
  });
  client.on('end', () => client.destroySoon());
  client.setTimeout(LINGER_MS, () => client.destroy());
  client.end();
  client.resume();
}

function readHead(socket: Socket): Promise<{ head: Buffer; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const finish = (): void => {
      socket.removeListener('data', onData);
      socket.removeListener('error', reject);
      socket.removeListener('close', onClose);
      socket.pause();
    };
    const onClose = (): void => reject(new Error('the backend closed the connection'));
    const onData = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf('\r\n\r\n');
      if (end >= 0) {
        finish();
        resolve({ head: received.subarray(0, end + 4), rest: received.subarray(end + 4) });
      } else if (received.length > MAX_RESPONSE_HEAD) {
        finish();
        reject(new Error('the backend answered with too large a head'));
      }
    };
    socket.on('data', onData);
    socket.once('error', reject);
    socket.once('close', onClose);
  });
}

function refuse(client: Socket, message: string): void {
  if (client.destroyed) return;
  const body = JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    code: 500,
  });
  client.write(
    `HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`,
  );
  client.end(body);
}
