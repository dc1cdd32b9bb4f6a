/** `node:net` for the kubelet under test: each request to a monitor that changes something is an effect. */
import * as real from 'node:net';
import { effect } from './crash-point.ts';

export * from 'node:net';

const READS = new Set(['status', 'watch', 'stats', 'wait']);

export const connect = ((options: real.IpcNetConnectOpts) => {
  const socket = real.connect(options);
  const write = socket.write.bind(socket) as (chunk: string | Uint8Array) => boolean;
  socket.write = ((chunk: string | Uint8Array) => {
    const command = typeof chunk === 'string' ? (JSON.parse(chunk) as { command?: string }).command : undefined;
    if (command === undefined || READS.has(command)) return write(chunk);
    return effect(`monitor ${command}`, () => write(chunk));
  }) as typeof socket.write;
  return socket;
}) as typeof real.connect;
