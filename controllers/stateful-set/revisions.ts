/** The revision that a StatefulSet moves to, and the one that it comes from (upstream `getStatefulSetRevisions`). */
import type { ControllerRevision } from '../../api/apps/v1/controller-revision.ts';
import { controllerRevisions } from '../../api/apps/v1/controller-revision.ts';
import type { StatefulSet } from '../../api/apps/v1/stateful-set.ts';
import { statefulSets } from '../../api/apps/v1/stateful-set.ts';
import { isAlreadyExists } from '../../api/machinery/errors.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { newControllerRef } from '../../client/owner-references.ts';
import { renumberRevision } from '../controller-history/history.ts';
import {
  isSameRevision,
  nextRevision,
  REVISION_HASH_LABEL,
  revisionHash,
  revisionName,
  templatePatch,
} from '../controller-history/revisions.ts';

export interface Revisions {
  current: ControllerRevision;
  update: ControllerRevision;
  collisionCount: number;
}

/** `known` are the set's revisions in their order. A template that was there before gets its revision again. */
export async function syncRevisions(
  set: StatefulSet,
  known: readonly ControllerRevision[],
  context: ControllerContext,
): Promise<Revisions> {
  const wanted = newRevision(set, nextRevision(known));
  const { update, collisionCount } = await findOrCreate(set, { wanted, known }, context);
  const current = known.find(({ metadata }) => metadata.name === set.status?.currentRevision) ?? update;
  return { current, update, collisionCount };
}

/** Without a name: that follows from the collisions. */
export function newRevision(set: StatefulSet, revision: number): ControllerRevision {
  const { metadata, spec } = set;
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      namespace: metadata.namespace ?? '',
      labels: { ...spec.template.metadata?.labels },
      annotations: { ...metadata.annotations },
      ownerReferences: [newControllerRef(set, statefulSets)],
    },
    data: templatePatch(spec.template),
    revision,
  };
}

interface Found {
  update: ControllerRevision;
  collisionCount: number;
}

async function findOrCreate(
  set: StatefulSet,
  { wanted, known }: { wanted: ControllerRevision; known: readonly ControllerRevision[] },
  context: ControllerContext,
): Promise<Found> {
  const { collisionCount = 0 } = set.status ?? {};
  const same = known.filter((one) => isSameRevision(one, wanted)).at(-1);
  if (same === undefined) return createRevision(set, wanted, context);
  const update = same === known.at(-1) ? same : await renumberRevision(same, wanted.revision, context);
  return { update, collisionCount };
}

/** So many names in a row are taken only when somebody means it; the next try is after a while. */
const MAX_COLLISIONS = 100;

async function createRevision(
  set: StatefulSet,
  wanted: ControllerRevision,
  { client }: ControllerContext,
): Promise<Found> {
  const { collisionCount: before = 0 } = set.status ?? {};
  for (let collisionCount = before; collisionCount < before + MAX_COLLISIONS; collisionCount++) {
    const hash = revisionHash(wanted.data, collisionCount);
    const name = revisionName(set.metadata.name!, hash);
    const labels = { ...wanted.metadata.labels, [REVISION_HASH_LABEL]: revisionHash(wanted.data, before) };
    const named = { ...wanted, metadata: { ...wanted.metadata, name, labels } };
    try {
      return { update: await client.create<ControllerRevision>(controllerRevisions, named), collisionCount };
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const namespace = set.metadata.namespace ?? '';
      const existing = await client.get<ControllerRevision>(controllerRevisions, { namespace, name });
      if (isSameRevision(existing, wanted)) return { update: existing, collisionCount };
    }
  }
  throw new Error(`no name is free for a revision of StatefulSet ${set.metadata.namespace}/${set.metadata.name}`);
}
