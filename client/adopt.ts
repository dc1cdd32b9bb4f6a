/**
 * Claiming: a controller owns the objects that carry its reference and match its selector, adopts those that match and
 * have none, and releases its own that match no longer (upstream `pkg/controller/controller_ref_manager.go`).
 */
import type { Selector } from '../api/machinery/label-selector.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { isInvalid, isNotFound } from '../api/machinery/errors.ts';
import type { Client, ResourceRef } from './client.ts';
import { controllerOf, newControllerRef } from './owner-references.ts';

export interface Claim<T extends ApiObject> {
  owner: ApiObject;
  ownerResource: ResourceRef;
  selector: Selector;
  /** Of the owner's namespace. */
  candidates: readonly T[];
  resource: ResourceRef;
  client: Client;
}

export type ClaimDecision = 'own' | 'adopt' | 'release' | 'ignore';

/** What to do with one candidate. */
export function decideClaim(owner: ApiObject, object: ApiObject, selector: Selector): ClaimDecision {
  const controller = controllerOf(object);
  const matches = selector.requirements.length > 0 && selector.matches(object.metadata.labels);
  if (controller !== undefined) {
    if (controller.uid !== owner.metadata.uid) return 'ignore';
    if (matches) return 'own';
    return owner.metadata.deletionTimestamp === undefined ? 'release' : 'ignore';
  }
  const isGoing = owner.metadata.deletionTimestamp !== undefined || object.metadata.deletionTimestamp !== undefined;
  return matches && !isGoing ? 'adopt' : 'ignore';
}

/** The objects that are the owner's after claiming. Throws the first error of an adoption or release. */
export async function claimObjects<T extends ApiObject>(claim: Claim<T>): Promise<T[]> {
  const owned: T[] = [];
  for (const object of claim.candidates) {
    switch (decideClaim(claim.owner, object, claim.selector)) {
      case 'own':
        owned.push(object);
        break;
      case 'adopt': {
        const adopted = await adopt(claim, object);
        if (adopted !== undefined) owned.push(adopted);
        break;
      }
      case 'release':
        await release(claim, object);
        break;
      case 'ignore':
    }
  }
  return owned;
}

const nameOf = ({ metadata }: ApiObject): { namespace: string; name: string } => ({ namespace: metadata.namespace ?? '', name: metadata.name! });

/** Undefined when the object has gone meanwhile. The owner is read again: a cached one may have been deleted and replaced. */
async function adopt<T extends ApiObject>({ owner, ownerResource, resource, client }: Claim<T>, object: T): Promise<T | undefined> {
  const fresh = await client.get(ownerResource, nameOf(owner));
  if (fresh.metadata.uid !== owner.metadata.uid || fresh.metadata.deletionTimestamp !== undefined) return undefined;
  const ownerReferences = [...(object.metadata.ownerReferences ?? []), newControllerRef(owner, ownerResource)];
  try {
    return await client.patch<T>(resource, nameOf(object), { type: 'merge', body: { metadata: { uid: object.metadata.uid, ownerReferences } } });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function release<T extends ApiObject>({ owner, resource, client }: Claim<T>, object: T): Promise<void> {
  const ownerReferences = (object.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== owner.metadata.uid);
  try {
    await client.patch(resource, nameOf(object), { type: 'merge', body: { metadata: { uid: object.metadata.uid, ownerReferences } } });
  } catch (error) {
    // Gone, or changed its owner meanwhile: nothing is left to release.
    if (!isNotFound(error) && !isInvalid(error)) throw error;
  }
}
