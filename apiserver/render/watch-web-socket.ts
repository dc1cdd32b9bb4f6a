/** A watch over a WebSocket: one message for each event (apiserver `endpoints/handlers/watch.go`, `HandleWS`). */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { badRequest } from '../../api/machinery/errors.ts';
import type { ApiRequest, ApiResponse, UpgradeHandler } from '../../api/machinery/handler.ts';
import type { WatchFrames } from './watch-frames.ts';

/** What a client says here is not read. */
const MAX_MESSAGE_BYTES = 4096;
const TOKEN_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

export function acceptsWebSocket({ headers }: ApiRequest): boolean {
  return headers['upgrade']?.toLowerCase() === 'websocket' && /\bupgrade\b/i.test(headers['connection'] ?? '');
}

/** A client may name one protocol, beside the one that carries its token; any will do. Throws BadRequest for several. */
export function watchProtocol({ headers }: ApiRequest): string | undefined {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const protocols = offered.filter((name) => name !== '' && !name.startsWith(TOKEN_PROTOCOL));
  if (protocols.length > 1) throw badRequest(`a watch speaks one WebSocket protocol, not [${protocols.join(' ')}]`);
  return protocols[0];
}

/** Ends with the watch, and the watch with it. */
export function watchOverWebSocket(
  request: ApiRequest,
  { batches, message }: { batches: AsyncIterable<readonly Uint8Array[]>; message: WatchFrames['message'] },
): ApiResponse {
  const protocol = watchProtocol(request);
  const accept: UpgradeHandler = (rawRequest, rawSocket, head) => {
    const server = new WebSocketServer({
      noServer: true,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      handleProtocols: () => protocol ?? false,
    });
    server.handleUpgrade(rawRequest as IncomingMessage, rawSocket as Socket, head as Buffer, (webSocket) => {
      webSocket.on('error', () => webSocket.terminate());
      sendAll(batches, webSocket, message).then(
        () => webSocket.close(1000),
        () => webSocket.terminate(),
      );
    });
  };
  return { status: 101, headers: {}, body: { type: 'upgrade', accept } };
}

/** A client that goes ends the watch by the request's signal, and so the batches. */
async function sendAll(
  batches: AsyncIterable<readonly Uint8Array[]>,
  webSocket: WebSocket,
  message: WatchFrames['message'],
): Promise<void> {
  for await (const frames of batches) for (const frame of frames) await sent(webSocket, message(frame));
}

/** Resolves when the message is on its way, or nobody is left to read it. */
function sent(webSocket: WebSocket, message: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => webSocket.send(message, () => resolve()));
}
