/** One call of etcd: tried on another member where that is safe, and its failures in the contract's terms. */
import { StorageError } from './storage.ts';

/** Members are taken in random order; enough to meet a healthy one of three or five. */
const ATTEMPTS = 5;

/** etcd `api/v3rpc/rpctypes/error.go`. */
const COMPACTED = 'required revision has been compacted';
const FUTURE = 'required revision is a future revision';

/**
 * Throws `StorageError`: `compacted`, `future-revision`, else `unavailable`. A call that may not be repeated is
 * repeated only where no connection was made, so that etcd cannot have seen it.
 */
export async function callEtcd<T>(call: () => Promise<T>, { mayRepeat }: { mayRepeat: boolean }): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt < ATTEMPTS && wasNotReached(error, mayRepeat)) continue;
      throw storageErrorOf(error);
    }
  }
}

export function storageErrorOf(error: unknown): StorageError {
  const message = error instanceof Error ? error.message : String(error);
  if (message.includes(COMPACTED)) return new StorageError('compacted', message);
  if (message.includes(FUTURE)) return new StorageError('future-revision', message);
  return new StorageError('unavailable', `etcd: ${message.replace(/\.? Resolution note: *$/, '')}`);
}

function wasNotReached(error: unknown, mayRepeat: boolean): boolean {
  const { name, message } = error as Error;
  if (/No connection established|Failed to connect|ECONNREFUSED/.test(message)) return true;
  return mayRepeat && name === 'GRPCUnavailableError';
}
