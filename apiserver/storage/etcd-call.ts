/** One call of etcd: tried on another member where that is safe, and its failures in the contract's terms. */
import { StorageError } from './storage.ts';

/** Of calls that a member answered or that broke. */
const ATTEMPTS = 5;
/** Of calls that reached no member, which is known at once: members are taken at random, and one of five may be up. */
const CONNECTION_ATTEMPTS = 50;

/** etcd `api/v3rpc/rpctypes/error.go`. */
const COMPACTED = 'required revision has been compacted';
const FUTURE = 'required revision is a future revision';

/**
 * Throws `StorageError`: `compacted`, `future-revision`, else `unavailable`. A call that may not be repeated is
 * repeated only where no connection was made, so that etcd cannot have seen it.
 */
export async function callEtcd<T>(call: () => Promise<T>, { mayRepeat }: { mayRepeat: boolean }): Promise<T> {
  let attempts = 0;
  let connectionAttempts = 0;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const again = wasNotReached(error)
        ? ++connectionAttempts < CONNECTION_ATTEMPTS
        : mayRepeat && isUnavailable(error) && ++attempts < ATTEMPTS;
      if (!again) throw storageErrorOf(error);
    }
  }
}

export function storageErrorOf(error: unknown): StorageError {
  const message = error instanceof Error ? error.message : String(error);
  if (message.includes(COMPACTED)) return new StorageError('compacted', message);
  if (message.includes(FUTURE)) return new StorageError('future-revision', message);
  return new StorageError('unavailable', `etcd: ${message.replace(/\.? Resolution note: *$/, '')}`);
}

const wasNotReached = (error: unknown): boolean =>
  /No connection established|Failed to connect|ECONNREFUSED/.test((error as Error).message);

const isUnavailable = (error: unknown): boolean => (error as Error).name === 'GRPCUnavailableError';
