/** A DaemonSet's ControllerRevisions: the present one, and which can be forgotten (upstream `constructHistory`). */
import type { ControllerRevision } from '../../api/apps/v1/controller-revision.ts';
import { controllerRevisions } from '../../api/apps/v1/controller-revision.ts';
import type { DaemonSet } from '../../api/apps/v1/daemon-set.ts';
import { daemonSets } from '../../api/apps/v1/daemon-set.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import { isAlreadyExists } from '../../api/machinery/errors.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { newControllerRef } from '../../client/owner-references.ts';
import { deleteRevisions, renumberRevision } from '../controller-history/history.ts';
import {
  isSameRevision,
  nextRevision,
  POD_REVISION_LABEL,
  sortRevisions,
  templatePatch,
} from '../controller-history/revisions.ts';
import { templateHash } from '../deployment/template.ts';

export interface History {
  current: ControllerRevision;
  old: ControllerRevision[];
}

/** The hash that pods of the revision are labelled with. */
export function hashOf({ metadata }: ControllerRevision): string {
  return metadata.labels?.[POD_REVISION_LABEL] ?? '';
}

/** `known` are the set's revisions. The template that was there before gets its revision again, as the latest. */
export async function syncHistory(
  set: DaemonSet,
  { known, owned }: { known: readonly ControllerRevision[]; owned: readonly Pod[] },
  context: ControllerContext,
): Promise<History> {
  const labelled = await Promise.all(known.map((revision) => withHash(revision, context)));
  const wanted = newRevision(set);
  const same = sortRevisions(labelled.filter((revision) => isSameRevision(revision, wanted)));
  const old = labelled.filter((revision) => !isSameRevision(revision, wanted));
  const number = nextRevision(old);
  const latest = same.pop();
  if (latest === undefined)
    return { current: await createRevision(set, { ...wanted, revision: number }, context), old };
  if (same.length > 0) await dropDuplicates(latest, { duplicates: same, owned }, context);
  const current = latest.revision < number ? await renumberRevision(latest, number, context) : latest;
  return { current, old };
}

/** An adopted one may lack the label; its name is unique enough. */
function withHash(revision: ControllerRevision, { client }: ControllerContext): Promise<ControllerRevision> {
  const { metadata } = revision;
  if (hashOf(revision) !== '') return Promise.resolve(revision);
  const labels = { ...metadata.labels, [POD_REVISION_LABEL]: metadata.name! };
  return client.update<ControllerRevision>(controllerRevisions, { ...revision, metadata: { ...metadata, labels } });
}

/** As it is created but for its number. */
export function newRevision(set: DaemonSet): ControllerRevision {
  const { metadata, spec, status } = set;
  const hash = templateHash(spec.template, status?.collisionCount);
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `${metadata.name}-${hash}`,
      namespace: metadata.namespace ?? '',
      labels: { ...spec.template.metadata?.labels, [POD_REVISION_LABEL]: hash },
      annotations: { ...metadata.annotations },
      ownerReferences: [newControllerRef(set, daemonSets)],
    },
    data: templatePatch(spec.template),
    revision: 1,
  };
}

async function createRevision(
  set: DaemonSet,
  wanted: ControllerRevision,
  context: ControllerContext,
): Promise<ControllerRevision> {
  try {
    return await context.client.create<ControllerRevision>(controllerRevisions, wanted);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const { namespace = '', name = '' } = wanted.metadata;
    const existing = await context.client.get<ControllerRevision>(controllerRevisions, { namespace, name });
    if (isSameRevision(existing, wanted)) return existing;
    await countCollision(set, context);
    throw error;
  }
}

/** The next try hashes with another count. */
async function countCollision(set: DaemonSet, { client }: ControllerContext): Promise<void> {
  const { namespace = '', name = '' } = set.metadata;
  const fresh = await client.get<DaemonSet>(daemonSets, { namespace, name });
  const [seen, actual] = [set.status?.collisionCount, fresh.status?.collisionCount];
  if (seen !== actual)
    throw new Error(`found a stale collision count (${seen}, expected ${actual}) of DaemonSet ${name}`);
  const status = { ...fresh.status!, collisionCount: (actual ?? 0) + 1 };
  await client.update<DaemonSet>(daemonSets, { ...fresh, status }, { subresource: 'status' });
}

/** Of revisions of the same template the latest is kept; pods of the others are of this one from now on. */
async function dropDuplicates(
  kept: ControllerRevision,
  { duplicates, owned }: { duplicates: readonly ControllerRevision[]; owned: readonly Pod[] },
  context: ControllerContext,
): Promise<void> {
  const hashes = new Set(duplicates.map(hashOf).filter((hash) => hash !== hashOf(kept)));
  for (const { metadata } of owned) {
    if (!hashes.has(metadata.labels?.[POD_REVISION_LABEL] ?? '')) continue;
    const body = { metadata: { labels: { [POD_REVISION_LABEL]: hashOf(kept) } } };
    await context.client.patch(
      pods,
      { namespace: metadata.namespace ?? '', name: metadata.name! },
      { type: 'merge', body },
    );
  }
  await deleteRevisions(duplicates, context);
}

/** The earliest of the old ones beyond `revisionHistoryLimit`, but for those that pods are of (`cleanupHistory`). */
export function forgettable(
  { spec }: DaemonSet,
  old: readonly ControllerRevision[],
  owned: readonly Pod[],
): ControllerRevision[] {
  const surplus = Math.max(0, old.length - (spec.revisionHistoryLimit ?? 10));
  const live = new Set(owned.map(({ metadata }) => metadata.labels?.[POD_REVISION_LABEL]));
  return sortRevisions(old)
    .filter((revision) => !live.has(hashOf(revision)))
    .slice(0, surplus);
}
