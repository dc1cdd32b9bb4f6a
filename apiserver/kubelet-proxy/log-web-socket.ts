/** A pod's log over a WebSocket (upstream `apimachinery/pkg/util/httpstream/wsstream/stream.go`, `NewDefaultReaderProtocols`). */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { badRequest } from '../../api/machinery/errors.ts';
import type { ApiResponse, UpgradeHandler } from '../../api/machinery/handler.ts';

const BINARY = 'binary.k8s.io';
const BASE64 = 'base64.binary.k8s.io';
/** What a client says here is not read. */
const MAX_MESSAGE_BYTES = 4096;

/** The protocol to speak: '' when the client names none. Throws `ApiError` when it knows none of ours. */
export function logProtocol(header: string | undefined): string {
  if (header === undefined || header.trim() === '') return '';
  const offered = header.split(',').map((name) => name.trim());
  const protocol = offered.find((name) => name === BINARY || name === BASE64);
  if (protocol === undefined)
    throw badRequest(`requested protocol(s) are not supported: [${offered.join(' ')}]; supports [${BINARY} ${BASE64}]`);
  return protocol;
}

/** Sends every chunk as a message, then closes; a client that leaves ends the reading. */
export function logOverWebSocket(chunks: AsyncIterable<Uint8Array>, protocol: string): ApiResponse {
  const accept: UpgradeHandler = (rawRequest, rawSocket, head) => {
    const socket = rawSocket as Socket;
    const server = new WebSocketServer({
      noServer: true,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      handleProtocols: () => protocol || false,
    });
    server.handleUpgrade(rawRequest as IncomingMessage, socket, head as Buffer, (webSocket) => {
      webSocket.on('error', () => webSocket.terminate());
      // A kubelet that breaks off ends the log, as it does over HTTP.
      sendAll(chunks, webSocket, protocol).then(
        () => webSocket.close(1000),
        () => webSocket.terminate(),
      );
    });
  };
  return { status: 101, headers: {}, body: { type: 'upgrade', accept } };
}

async function sendAll(chunks: AsyncIterable<Uint8Array>, webSocket: WebSocket, protocol: string): Promise<void> {
  const gone = once(webSocket, 'close');
  const iterator = chunks[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([iterator.next(), gone]);
    if (Array.isArray(next) || next.done === true) break;
    const message = protocol === BASE64 ? Buffer.from(next.value).toString('base64') : next.value;
    await new Promise<void>((resolve) => webSocket.send(message, () => resolve()));
  }
  void iterator.return?.();
}
