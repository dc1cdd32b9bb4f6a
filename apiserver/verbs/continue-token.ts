/** The continue token: where the next page of a LIST begins, and in which snapshot (apiserver `storage/continue.go`). */
import * as errors from '../../api/machinery/errors.ts';

export interface ContinueToken {
  /** The snapshot; 0: whatever is there now (an inconsistent continuation). */
  revision: number;
  /** First key of the page, without the kind's prefix. */
  startKey: string;
}

export function encodeContinueToken({ revision, startKey }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: startKey })).toString('base64url');
}

export function decodeContinueToken(token: string): ContinueToken {
  try {
    const { v, rv, start } = JSON.parse(Buffer.from(token, 'base64url').toString()) as {
      v: unknown;
      rv: unknown;
      start: unknown;
    };
    if (
      v === 'meta.k8s.io/v1' &&
      Number.isSafeInteger(rv) &&
      (rv as number) >= 0 &&
      typeof start === 'string' &&
      !start.includes('..')
    ) {
      return { revision: rv as number, startKey: start };
    }
  } catch {
    // Answered below like every other token that is not ours.
  }
  throw errors.badRequest('continue key is not valid: invalid continue token');
}
