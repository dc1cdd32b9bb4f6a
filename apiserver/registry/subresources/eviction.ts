/**
 * `pods/eviction`: a deletion that the pod's disruption budget may refuse, and that the pod tells of before it goes
 * (upstream `pkg/registry/core/pod/storage/eviction.go`).
 */
import type { Pod } from '../../../api/core/v1/pod.ts';
import { withDisruptionTarget } from '../../../api/core/v1/pod/disruption-target.ts';
import * as errors from '../../../api/machinery/errors.ts';
import type { ApiObject } from '../../../api/machinery/meta.ts';
import type { DeleteOptions } from '../../../api/machinery/resource.ts';
import { formatTime } from '../../../base/clock.ts';
import { decodeAs } from '../../decode.ts';
import { pathName } from '../../request-info.ts';
import { objectResponse } from '../../responses.ts';
import type { Subresource, VerbHandler } from '../../router.ts';
import { writeContext } from '../../verbs/write-context.ts';
import type { ServedKind } from '../served-kind.ts';
import type { ObjectKey, Store, WriteContext } from '../store.ts';
import { spendBudget, stillProcessed } from './eviction-budget.ts';

const EVICTION = { schema: 'V1Eviction', kind: 'Eviction', apiVersion: 'policy/v1' };
/** A pod that changes whenever it is about to go is not chased for ever (`EvictionsRetry`). */
const MAX_ATTEMPTS = 20;
/** As upstream names it where it compares the preconditions itself. */
const POD = { group: '', resource: 'Pod' };
const BY_EVICTION = { reason: 'EvictionByEvictionAPI', message: 'Eviction API: evicting' };

/** One eviction, and what it works with. */
interface Eviction {
  store: Store;
  pods: ServedKind;
  key: ObjectKey;
  options: DeleteOptions;
  context: WriteContext;
  nowMs: number;
}

/** `budgets` gives the kind of the budgets, once all kinds are there. */
export function evictionSubresource(budgets: () => ServedKind | undefined): Subresource {
  const create: VerbHandler = async (context, kind, { store, schemas, clock }) => {
    const sent = decodeAs<ApiObject & { deleteOptions?: DeleteOptions }>(context, EVICTION, schemas);
    const name = pathName(context.info);
    if (sent.metadata?.name !== undefined && sent.metadata.name !== name) {
      throw errors.badRequest(`name in URL does not match name in Eviction object`);
    }
    sent.metadata ??= {};
    const write = writeContext(context, sent.deleteOptions?.dryRun);
    const key = { namespace: context.info.namespace, name };
    await store.admit(kind, sent, { key, subresource: 'eviction', context: write, form: EVICTION });
    const options = sent.deleteOptions ?? {};
    await evict({ store, pods: kind, key, options, context: write, nowMs: clock.now() }, budgets());
    return objectResponse({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }, 201);
  };
  return { name: 'eviction', kind: { group: 'policy', version: 'v1', kind: 'Eviction' }, verbs: { create } };
}

async function evict(eviction: Eviction, budgets: ServedKind | undefined): Promise<void> {
  const pod = await deleteIfNoLoss(eviction);
  if (pod === undefined) return;
  const { store, nowMs, context } = eviction;
  const spending =
    budgets === undefined
      ? ({ type: 'allowed' } as const)
      : await spendBudget(pod, { store, kind: budgets, nowMs }, context);
  if (spending.type === 'allowed') return markAndDelete(eviction);
  try {
    await markAndDelete(sinceSeen(eviction, pod));
  } catch (error) {
    // It may be ready by now, and count.
    if (errors.isConflict(error) && !demandsVersion(eviction)) throw stillProcessed(spending.budget);
    throw error;
  }
}

/** A pod that no longer serves, or does not serve yet, needs no budget. Gives the pod that does. */
async function deleteIfNoLoss(eviction: Eviction): Promise<Pod | undefined> {
  const { store, pods, key } = eviction;
  for (let attempt = 1; ; attempt++) {
    const pod = (await store.get(pods, key)).object() as unknown as Pod;
    const isGoing = pod.metadata.deletionTimestamp !== undefined || isEnded(pod);
    if (!isGoing && pod.status?.phase !== 'Pending') return pod;
    try {
      // A pending pod may start to serve before it is marked.
      await markAndDelete(isGoing || demandsVersion(eviction) ? eviction : sinceSeen(eviction, pod));
      return undefined;
    } catch (error) {
      if (!errors.isConflict(error) || demandsVersion(eviction) || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

function isEnded({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

function demandsVersion({ options }: Eviction): boolean {
  return options.preconditions?.resourceVersion !== undefined;
}

/** The same eviction, of the pod as it was seen. */
function sinceSeen(eviction: Eviction, { metadata: { resourceVersion } }: Pod): Eviction {
  const { options } = eviction;
  if (resourceVersion === undefined) return eviction;
  return { ...eviction, options: { ...options, preconditions: { ...options.preconditions, resourceVersion } } };
}

/** Notes on the pod why it goes, then deletes it (`addConditionAndDeletePod`). */
async function markAndDelete(eviction: Eviction): Promise<void> {
  const { store, pods, key, context } = eviction;
  const options = context.dryRun ? eviction.options : await mark(eviction);
  await store.delete(pods, key, { options, context, isAdmitted: true });
}

/** Gives the options for what follows: they demand the version that this write has made. */
async function mark({ store, pods, key, options, context, nowMs }: Eviction): Promise<DeleteOptions> {
  const { encoded } = await store.update({
    kind: pods,
    key,
    subresource: 'status',
    context,
    isAdmitted: true,
    retriesLostRace: true,
    transform: (current) => {
      throwUnlessMet(current, options);
      const pod = current as unknown as Pod;
      const status = withDisruptionTarget(pod, { ...BY_EVICTION, now: formatTime(nowMs) });
      return { ...pod, status } as unknown as ApiObject;
    },
  });
  const { preconditions } = options;
  if (preconditions?.resourceVersion === undefined) return options;
  const { resourceVersion } = (encoded.object() as ApiObject).metadata;
  return { ...options, preconditions: { ...preconditions, resourceVersion: resourceVersion! } };
}

/** The preconditions of the deletion hold for the mark too: a pod of the same name made anew is not marked. */
function throwUnlessMet({ metadata }: ApiObject, { preconditions = {} }: DeleteOptions): void {
  const { uid, resourceVersion } = preconditions;
  const refuse = (difference: string): errors.ApiError => errors.conflict(POD, metadata.name ?? '', difference);
  if (uid !== undefined && uid !== '' && uid !== metadata.uid)
    throw refuse(
      `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
    );
  if (resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== metadata.resourceVersion)
    throw refuse(
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
    );
}
