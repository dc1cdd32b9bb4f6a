/**
 * Who owns the replicas of an object, as its `scale` has it and back (upstream: apimachinery
 * `util/managedfields/scalehandler.go`).
 */
import type { ManagedFieldsEntry } from '../machinery/meta.ts';
import type { FieldSet } from './field-set.ts';
import { intersection, rootDifference, union } from './field-set.ts';
import { readEntries, writeEntries } from './managed-fields.ts';
import type { Ownership } from './managed-fields.ts';

export const SCALE_VERSION = 'autoscaling/v1';

const REPLICAS_OF_SCALE: FieldSet = { 'f:spec': { 'f:replicas': {} } };

export interface ScaledKind {
  /** `apps/v1` */
  apiVersion: string;
  /** Where the kind has its replicas: `.spec.replicas`. */
  replicasPath: string;
  /** Entries of other versions are dropped. Default: every version is one of the kind. */
  isVersion?(apiVersion: string): boolean;
}

/** The entries of a `scale`: those of `entries` that own the replicas. Entries that are none count as none. */
export function scaleEntries(
  entries: readonly ManagedFieldsEntry[],
  { replicasPath }: ScaledKind,
): ManagedFieldsEntry[] {
  const replicas = pathAsSet(replicasPath);
  const owners = ownersOf(entries).filter(({ fields }) => intersection(fields, replicas) !== undefined);
  return writeEntries(owners.map((owner) => ({ ...owner, apiVersion: SCALE_VERSION, fields: REPLICAS_OF_SCALE })));
}

/**
 * The entries of the object after a write to its `scale` that left that with `scaled`: who owns the replicas there owns
 * them here, and nobody else does.
 */
export function entriesAfterScale(
  entries: readonly ManagedFieldsEntry[],
  scaled: readonly ManagedFieldsEntry[],
  { apiVersion, replicasPath, isVersion = () => true }: ScaledKind,
): ManagedFieldsEntry[] {
  const replicas = pathAsSet(replicasPath);
  const scalers = ownersOf(scaled).filter(({ fields }) => intersection(fields, REPLICAS_OF_SCALE) !== undefined);
  const holders = new Map(scalers.map((owner) => [identityOf(owner), owner]));
  const result: Ownership[] = [];
  for (const owner of ownersOf(entries)) {
    if (!isVersion(owner.apiVersion)) continue;
    const isHolder = holders.delete(identityOf(owner));
    const left = rootDifference(owner.fields, replicas);
    if (isHolder) result.push({ ...owner, fields: union(owner.fields, replicas) });
    else if (left !== undefined) result.push({ ...owner, fields: left });
  }
  for (const owner of holders.values()) result.push({ ...owner, apiVersion, time: undefined, fields: replicas });
  return writeEntries(result);
}

/** Managers are the same in both, whatever the version. */
function identityOf({ manager, operation, subresource }: Ownership): string {
  return JSON.stringify([manager, operation, subresource]);
}

function ownersOf(entries: readonly ManagedFieldsEntry[]): Ownership[] {
  try {
    return readEntries(entries);
  } catch {
    return [];
  }
}

function pathAsSet(path: string): FieldSet {
  const names = path.split('.').filter((name) => name !== '');
  return names.reduceRight<FieldSet>((set, name) => ({ [`f:${name}`]: set }), {});
}
