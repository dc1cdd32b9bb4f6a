/** From gRPC's errors to the kubelet's. */
import { status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import type { RuntimeErrorCode } from '../runtime.ts';
import { RuntimeError } from '../runtime.ts';

const CODES: Partial<Record<number, RuntimeErrorCode>> = {
  [status.NOT_FOUND]: 'not-found',
  [status.ALREADY_EXISTS]: 'already-exists',
  [status.INVALID_ARGUMENT]: 'invalid-argument',
  [status.DEADLINE_EXCEEDED]: 'deadline-exceeded',
  [status.UNAVAILABLE]: 'unavailable',
  [status.CANCELLED]: 'unavailable',
};

/** A failed call: its message is the runtime's own. */
export class CriError extends RuntimeError {
  readonly grpcCode: number;

  constructor(code: RuntimeErrorCode, { details, grpcCode }: { details: string; grpcCode: number }) {
    super(code, details);
    this.grpcCode = grpcCode;
  }

  /** The call is not there: an older runtime, or another API. */
  get isUnimplemented(): boolean {
    return this.grpcCode === status.UNIMPLEMENTED;
  }

  /** As Go's gRPC library words it; events of pods have it so. */
  get grpcText(): string {
    return `rpc error: code = ${goName(this.grpcCode)} desc = ${this.message}`;
  }
}

export function criError(error: ServiceError): CriError {
  const grpcCode = error.code ?? status.UNKNOWN;
  const details = (error.details || error.message).replace(NO_CONNECTION, '$1');
  return new CriError(CODES[grpcCode] ?? 'unknown', { details, grpcCode });
}

/** What the library says around the reason. */
const NO_CONNECTION = /^No connection established\. Last error: (?:Error: )?(.*?)\. Resolution note:.*$/s;

/** `NOT_FOUND` → `NotFound`; Go spells one of them with a single l. */
function goName(code: number): string {
  if (code === status.CANCELLED) return 'Canceled';
  const words = (status[code] ?? 'UNKNOWN').toLowerCase().split('_');
  return words.map((word) => `${word[0]!.toUpperCase()}${word.slice(1)}`).join('');
}

/** Runs `action`; what is not there (any more) is fine. */
export async function ignoringNotFound(action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.code !== 'not-found') throw error;
  }
}

/** The same error with the text that upstream shows where it prints a whole gRPC error. */
export function asGrpcText(error: unknown): unknown {
  return error instanceof CriError ? new RuntimeError(error.code, error.grpcText, { cause: error }) : error;
}
