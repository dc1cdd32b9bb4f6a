/**
 * Which objects a controller owns: those that name it and match its selector. It adopts matching objects that have no
 * controller and releases its own that no longer match (upstream `pkg/controller/controller_ref_manager.go`).
 */
import { isInvalid, isNotFound } from '../api/machinery/errors.ts';
import type { Selector } from '../api/machinery/label-selector.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import type { Client, ResourceRef } from './client.ts';
import { controllerOf, newControllerRef } from './owner-references.ts';

export interface ClaimOptions<T extends ApiObject> {
  /** The controller, as the cache has it. */
  owner: ApiObject;
  ownerResource: ResourceRef;
  selector: Selector;
  /** All objects of the owner's namespace that may be claimed. */
  candidates: readonly T[];
  /** The kind of the candidates. */
  resource: ResourceRef;
  client: Client;
  /** A further condition beside the selector. */
  filter?(object: T): boolean;
  /** An adopted object gets it in the same write, one that is released loses it. */
  finalizer?: string;
}

export type Claim = 'owned' | 'adopt' | 'release' | 'ignore';

/** Pure: what to do about one object. */
export function decideClaim(owner: ApiObject, object: ApiObject, matches: boolean): Claim {
  const controller = controllerOf(object);
  const ownerIsGoing = owner.metadata.deletionTimestamp !== undefined;
  if (controller !== undefined) {
    if (controller.uid !== owner.metadata.uid) return 'ignore';
    if (matches) return 'owned';
    return ownerIsGoing ? 'ignore' : 'release';
  }
  if (ownerIsGoing || !matches || object.metadata.deletionTimestamp !== undefined) return 'ignore';
  return (object.metadata.namespace ?? '') === (owner.metadata.namespace ?? '') ? 'adopt' : 'ignore';
}

/**
 * The objects that the owner has, after adopting and releasing. Throws when the owner turns out to be gone or going
 * before the first adoption; other errors are thrown once every object has had its turn.
 */
export async function claimObjects<T extends ApiObject>(options: ClaimOptions<T>): Promise<T[]> {
  const { owner, candidates } = options;
  const claimed: T[] = [];
  const failures: unknown[] = [];
  let ownerChecked: Promise<void> | undefined;
  for (const object of candidates) {
    const matches = isMatch(object, options);
    const claim = decideClaim(owner, object, matches);
    try {
      if (claim === 'owned') claimed.push(object);
      if (claim === 'release') await release(object, options);
      if (claim !== 'adopt') continue;
      await (ownerChecked ??= checkOwner(options));
      const adopted = await adopt(object, options);
      if (adopted !== undefined) claimed.push(adopted);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return claimed;
}

/** An empty selector would claim everything: it neither adopts nor releases, else its pods would be made without end. */
function isMatch<T extends ApiObject>(object: T, { owner, selector, filter }: ClaimOptions<T>): boolean {
  if (selector.requirements.length === 0) return controllerOf(object)?.uid === owner.metadata.uid;
  return selector.matches(object.metadata.labels) && (filter === undefined || filter(object));
}

/** Asks the server, not the cache: an owner that was deleted and made again must not adopt under its old uid. */
async function checkOwner<T extends ApiObject>({ owner, ownerResource, client }: ClaimOptions<T>): Promise<void> {
  const { namespace = '', name = '', uid } = owner.metadata;
  const fresh = await client.get<ApiObject>(ownerResource, { namespace, name });
  const what = `${ownerResource.names.kind} ${namespace}/${name}`;
  if (fresh.metadata.uid !== uid) {
    throw new Error(`original ${what} is gone: got uid ${fresh.metadata.uid}, wanted ${uid}`);
  }
  if (fresh.metadata.deletionTimestamp !== undefined) {
    throw new Error(`${what} has just been deleted at ${fresh.metadata.deletionTimestamp}`);
  }
}

async function adopt<T extends ApiObject>(object: T, options: ClaimOptions<T>): Promise<T | undefined> {
  const { owner, ownerResource, finalizer } = options;
  const ownerReferences = [newControllerRef(owner, ownerResource)];
  const finalizers = finalizer === undefined ? {} : { finalizers: [finalizer] };
  try {
    return await patchMetadata(object, { ownerReferences, ...finalizers }, options);
  } catch (error) {
    // Gone meanwhile: nothing to own.
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function release<T extends ApiObject>(object: T, options: ClaimOptions<T>): Promise<void> {
  const { owner, finalizer } = options;
  const ownerReferences = [{ $patch: 'delete', uid: owner.metadata.uid }];
  const finalizers = finalizer === undefined ? {} : { '$deleteFromPrimitiveList/finalizers': [finalizer] };
  try {
    await patchMetadata(object, { ownerReferences, ...finalizers }, options);
  } catch (error) {
    // Gone, replaced by another of its name, or without the reference already.
    if (!isNotFound(error) && !isInvalid(error)) throw error;
  }
}

/** The uid in the patch makes the server refuse it for another object of the same name. */
function patchMetadata<T extends ApiObject>(
  { metadata }: T,
  changes: object,
  { resource, client }: ClaimOptions<T>,
): Promise<T> {
  const { namespace = '', name = '', uid } = metadata;
  const body = { metadata: { uid, ...changes } };
  return client.patch<T>(resource, { namespace, name }, { type: 'strategic', body });
}
