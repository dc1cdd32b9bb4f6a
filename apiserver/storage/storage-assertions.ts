/** What the tests of storage share: values as text, expected errors, events of a watch. */
import { expect } from '@jest/globals';
import { StorageError } from './storage.ts';
import type { Storage, StorageErrorCode, StorageEvent, WatchOptions } from './storage.ts';

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(value: Uint8Array): string {
  return new TextDecoder().decode(value);
}

/** Fails unless the promise rejects with a `StorageError` of this code. */
export async function expectCode(promise: Promise<unknown>, code: StorageErrorCode): Promise<StorageError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StorageError);
  expect((error as StorageError).code).toBe(code);
  return error as StorageError;
}

/** Reads events until there are `count`, then stops the watch. */
export async function takeEvents(
  storage: Storage,
  options: Omit<WatchOptions, 'signal'>,
  count: number,
): Promise<StorageEvent[]> {
  const abort = new AbortController();
  const events: StorageEvent[] = [];
  if (count === 0) return events;
  for await (const batch of storage.watch({ ...options, signal: abort.signal })) {
    events.push(...batch);
    if (events.length >= count) break;
  }
  return events;
}

/** Creates keys at the same time, each with itself as its value; gives the revisions. */
export async function createAll(storage: Storage, keys: string[]): Promise<number[]> {
  return Promise.all(keys.map((key) => storage.create(key, bytes(key))));
}

export async function keysOf(storage: Storage, request: Parameters<Storage['list']>[0]): Promise<string[]> {
  return (await storage.list(request)).entries.map((entry) => entry.key);
}
