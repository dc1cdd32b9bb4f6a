/**
 * The connection to a container runtime over gRPC on a Unix socket. Every call has a deadline, and fails at once while
 * the runtime is away; the connection comes back by itself.
 */
import { credentials, loadPackageDefinition, Metadata } from '@grpc/grpc-js';
import type { CallOptions, Client, ClientReadableStream, ServiceClientConstructor, ServiceError } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import type { Clock } from '../../base/clock.ts';
import { criError } from './errors.ts';
import type { Answers, ContainerEvent } from './messages.ts';
import { wireFormat } from './wire-format.ts';

export interface CallLimits {
  timeoutMs: number;
  /** Aborting cancels the call at the runtime. */
  signal?: AbortSignal | undefined;
}

/** Throws a `RuntimeError` with the runtime's code and words. */
export interface CriClient {
  call<Name extends keyof Answers>(name: Name, request: object, limits?: Partial<CallLimits>): Promise<Answers[Name]>;
  /** Ends with the signal. Throws when the stream breaks, and `unimplemented` where the runtime has none. */
  containerEvents(signal: AbortSignal): AsyncIterable<ContainerEvent>;
  close(): void;
}

/** As the kubelet's `runtimeRequestTimeout`. */
const DEFAULT_TIMEOUT_MS = 120_000;
/** Output of a command is at most twice 16 MiB (containerd's bound). */
const MAX_MESSAGE_BYTES = 34 * 1024 * 1024;

const IMAGE_CALLS: ReadonlySet<string> = new Set(['ListImages', 'ImageStatus', 'PullImage', 'RemoveImage']);

type UnaryCall = (
  request: object,
  metadata: Metadata,
  options: CallOptions,
  done: (error: ServiceError | null, answer: unknown) => void,
) => { cancel(): void };
type StreamCall = (request: object) => ClientReadableStream<ContainerEvent>;
type Stub = Client & Record<string, UnaryCall | StreamCall>;

export interface CriClientOptions {
  /** Path of the socket. */
  socket: string;
  clock: Clock;
}

export function openCriClient({ socket, clock }: CriClientOptions): CriClient {
  const definition = fromJSON(wireFormat() as Parameters<typeof fromJSON>[0], {
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  const services = (loadPackageDefinition(definition) as unknown as Packages).runtime.v1;
  const open = (service: ServiceClientConstructor): Stub =>
    new service(`unix:${socket}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1_000,
      // What a proxy in the environment says is not for a socket of this machine.
      'grpc.enable_http_proxy': 0,
    }) as unknown as Stub;
  const runtime = open(services.RuntimeService);
  const images = open(services.ImageService);
  return {
    call: (name, request, { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = {}) =>
      unary((IMAGE_CALLS.has(name) ? images : runtime) as Stub, name, {
        request,
        deadlineMs: clock.now() + timeoutMs,
        signal,
      }),
    containerEvents: (signal) => stream(runtime, signal),
    close() {
      runtime.close();
      images.close();
    },
  };
}

interface Packages {
  runtime: { v1: { RuntimeService: ServiceClientConstructor; ImageService: ServiceClientConstructor } };
}

interface UnaryRequest {
  request: object;
  deadlineMs: number;
  signal: AbortSignal | undefined;
}

function unary<T>(stub: Stub, name: string, { request, deadlineMs, signal }: UnaryRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return;
    }
    const method = (stub[name] as UnaryCall).bind(stub);
    const call = method(request, new Metadata(), { deadline: deadlineMs }, (error, answer) => {
      signal?.removeEventListener('abort', cancel);
      if (error === null) resolve(answer as T);
      else reject(criError(error));
    });
    const cancel = (): void => call.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
  });
}

async function* stream(stub: Stub, signal: AbortSignal): AsyncIterable<ContainerEvent> {
  const call = (stub['GetContainerEvents'] as StreamCall).bind(stub)({});
  const cancel = (): void => call.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  // Told to the reader below as well; without a listener an error between two reads would end the process.
  call.on('error', () => undefined);
  try {
    for await (const event of call) yield event as ContainerEvent;
  } catch (error) {
    if (!signal.aborted) throw criError(error as ServiceError);
  } finally {
    signal.removeEventListener('abort', cancel);
    call.cancel();
  }
}
