/** What clients are told of a failure of the storage. */
import * as errors from '../api/machinery/errors.ts';
import { StorageError } from './storage/storage.ts';

/** Storage's errors in the API's words; anything else is passed on. */
export function translateStorageError(error: unknown): unknown {
  if (!(error instanceof StorageError)) return error;
  switch (error.code) {
    case 'compacted':
      return errors.expired('The provided continue parameter is too old to display a consistent list result.');
    case 'closed':
      return errors.serviceUnavailable('the server is shutting down');
    default:
      return errors.internalServerError(error.message);
  }
}
