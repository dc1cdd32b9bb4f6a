/**
 * What the server decides about metadata: at creation, and what an update may not change
 * (apiserver `registry/rest/meta.go`, `create.go`, `update.go`).
 */
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { KeptMetadata, Resource } from '../../api/machinery/resource.ts';
import { formatTime } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { randomSuffix } from '../../base/random.ts';

const MAX_NAME_LENGTH = 63;
const SUFFIX_LENGTH = 5;

/** `web-` + a random suffix; the base is cut so that the whole fits a DNS label (`names.SimpleNameGenerator`). */
export function generateName(base: string, random: Random): string {
  return base.slice(0, MAX_NAME_LENGTH - SUFFIX_LENGTH) + randomSuffix(random, SUFFIX_LENGTH);
}

/** Kinds with a `spec` count its changes, unless their strategy says otherwise. */
export function hasGeneration(resource: Resource, object: ApiObject): boolean {
  return resource.strategy.hasGeneration ?? 'spec' in object;
}

/** What only the server sets goes before admission sees a new object. */
export function clearSystemMetadata({ metadata }: ApiObject): void {
  delete metadata.uid;
  delete metadata.creationTimestamp;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
}

/** The client leaves the name to the server. */
export function needsName({ metadata: { name = '', generateName = '' } }: ApiObject): boolean {
  return name === '' && generateName !== '';
}

export function fillMetadataForCreate(
  resource: Resource,
  object: ApiObject,
  sources: { nowMs: number; random: Random },
): void {
  const { metadata } = object;
  clearSystemMetadata(object);
  metadata.uid = sources.random.uuid();
  metadata.creationTimestamp = formatTime(sources.nowMs);
  delete metadata.resourceVersion;
  if (needsName(object)) metadata.name = generateName(metadata.generateName!, sources.random);
  if (hasGeneration(resource, object)) metadata.generation = 1;
  else delete metadata.generation;
}

const SYSTEM_FIELDS = [
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'selfLink',
  'resourceVersion',
] as const;

/** System fields come from `previous`, whatever the client sent; its resourceVersion has been compared by then. */
export function keepSystemMetadata(next: ApiObject, previous: ApiObject): void {
  keepMetadata(next, previous, SYSTEM_FIELDS);
}

/** The fields come from `previous`, whatever the client sent. */
export function keepMetadata(
  next: ApiObject,
  previous: ApiObject,
  fields: readonly (KeptMetadata | (typeof SYSTEM_FIELDS)[number])[],
): void {
  const kept = previous.metadata as Record<string, unknown>;
  const metadata = next.metadata as Record<string, unknown>;
  for (const field of fields) {
    const value = kept[field];
    if (value !== undefined) metadata[field] = value;
    // A deletion, also of nothing, makes the object slow to read.
    else if (field in metadata) delete metadata[field];
  }
}

/** Everything but `status` and metadata stays as it was: what a write to `/status` means. */
export function onlyStatusFrom(next: ApiObject, previous: ApiObject): ApiObject {
  const kept: Record<string, unknown> = { ...previous, metadata: next.metadata };
  const { status } = next as { status?: unknown };
  if (status === undefined) delete kept['status'];
  else kept['status'] = status;
  return kept as unknown as ApiObject;
}

/** The other way round: a write to the main resource never changes `status`. */
export function keepStatus(next: ApiObject, previous: ApiObject): void {
  const { status } = previous as { status?: unknown };
  if (status === undefined) delete (next as { status?: unknown }).status;
  else (next as { status?: unknown }).status = status;
}
