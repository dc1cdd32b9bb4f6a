/**
 * gRPC probes (upstream `pkg/probe/grpc`): `grpc.health.v1.Health/Check` must answer SERVING. The two messages are
 * small enough to be written and read by hand: field 1 of the request is the service, of the answer the status.
 */
import { connect } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { dialError } from './http-probe.ts';
import type { ProbeOutcome } from './probe-outcome.ts';
import { MAX_OUTPUT_BYTES } from './probe-outcome.ts';

export interface GrpcProbeRequest {
  host: string;
  port: number;
  service: string;
  timeoutMs: number;
}

const PATH = '/grpc.health.v1.Health/Check';
const UNIMPLEMENTED = '12';
const STATUS_NAMES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

export function probeGrpc({ host, port, service, timeoutMs }: GrpcProbeRequest): Promise<ProbeOutcome> {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const failed = (output: string): ProbeOutcome => ({ result: 'failure', output });
  const within = `within ${timeoutMs / 1000}s`;
  const unreachable = `timeout: failed to connect service ${JSON.stringify(address)} ${within}: context deadline exceeded`;
  return new Promise((resolve) => {
    const session = connect(`http://${address}`);
    // One for the whole probe: a server that keeps sending does not hold it.
    const timeout = AbortSignal.timeout(timeoutMs);
    let onTimeout = unreachable;
    const expire = (): void => finish(failed(onTimeout));
    const finish = (outcome: ProbeOutcome): void => {
      timeout.removeEventListener('abort', expire);
      session.destroy();
      resolve(outcome);
    };
    timeout.addEventListener('abort', expire);
    session.on('remoteSettings', () => (onTimeout = `timeout: health rpc did not complete ${within}`));
    session.on('error', (error) => finish(failed(`error: ${dialError(error, address)}`)));
    session.on('connect', () => {
      check(session, service).then(
        (output) => finish(output === '' ? { result: 'success', output } : failed(output)),
        (error: unknown) => finish(failed(`error: health rpc probe failed: ${(error as Error).message}`)),
      );
    });
  });
}

/** Empty when it serves. */
function check(session: ClientHttp2Session, service: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': PATH,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const chunks: Buffer[] = [];
    let size = 0;
    let grpcStatus = '';
    let grpcMessage = '';
    const readStatus = (headers: Readonly<Record<string, unknown>>): void => {
      if (headers['grpc-status'] === undefined) return;
      grpcStatus = String(headers['grpc-status']);
      grpcMessage = String(headers['grpc-message'] ?? '');
    };
    stream.on('response', readStatus);
    stream.on('trailers', readStatus);
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_OUTPUT_BYTES) chunks.push(chunk);
    });
    stream.on('error', reject);
    stream.on('end', () => {
      if (grpcStatus === UNIMPLEMENTED)
        resolve('error: this server does not implement the grpc health protocol (grpc.health.v1.Health)');
      else if (grpcStatus !== '0') resolve(`error: health rpc probe failed: ${decodeMessage(grpcMessage)}`);
      else resolve(verdictOf(servingStatus(Buffer.concat(chunks))));
    });
    stream.end(frame(service));
  });
}

/** What is escaped well is decoded, all else stays: the server may send anything. */
function decodeMessage(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString());
}

function verdictOf(status: number): string {
  return status === 1 ? '' : `service unhealthy (responded with "${STATUS_NAMES[status] ?? status}")`;
}

/** One length-prefixed message, uncompressed. */
function frame(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** 0 when the field is absent, as proto3 has it. */
function servingStatus(answer: Buffer): number {
  const message = answer.subarray(5);
  return message[0] === 0x08 ? (message[1] ?? 0) : 0;
}
