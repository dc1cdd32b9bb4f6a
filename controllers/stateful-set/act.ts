/** Carries out the plan for a StatefulSet's pods (upstream `stateful_pod_control.go`, `runForAll`). */
import type { StatefulSet } from '../../api/apps/v1/stateful-set.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import { isAlreadyExists, isNotFound } from '../../api/machinery/errors.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { isNamespaceTerminating } from '../../client/controller-runner.ts';
import { controllerOf } from '../../client/owner-references.ts';
import { templateOf } from '../controller-history/revisions.ts';
import { runInSlowStartBatches } from '../slow-start.ts';
import { createClaims, handOverClaims } from './claims.ts';
import { corrected, hasIdentity, hasStorage, newPod } from './identity.ts';
import type { Plan, Step } from './plan.ts';
import type { Revisions } from './revisions.ts';

export interface Outcome {
  failure: Error | undefined;
  /** Deleted because they were of an earlier revision. */
  replaced: Pod[];
}

/** Stops at the first stage in which something failed; in a set with an order, at the first step. */
export async function carryOut(
  set: StatefulSet,
  { plan, revisions }: { plan: Plan; revisions: Revisions },
  context: ControllerContext,
): Promise<Outcome> {
  const act = (step: Step): Promise<void> => take(set, { step, revisions }, context);
  const isOrdered = set.spec.podManagementPolicy !== 'Parallel';
  for (const stage of [plan.replicas, plan.claims, plan.condemned]) {
    const failure = await (isOrdered ? inTurn(stage, act) : inBatches(stage, act));
    if (failure !== undefined) return { failure, replaced: [] };
  }
  const replaced: Pod[] = [];
  const failure = await inTurn(plan.update, async (step) => {
    await act(step);
    if (step.type === 'delete') replaced.push(step.pod);
  });
  return { failure, replaced };
}

type Act = (step: Step) => Promise<void>;

async function inTurn(steps: readonly Step[], act: Act): Promise<Error | undefined> {
  try {
    for (const step of steps) await act(step);
  } catch (error) {
    return error as Error;
  }
  return undefined;
}

async function inBatches(steps: readonly Step[], act: Act): Promise<Error | undefined> {
  const waiting = steps.values();
  const { failure } = await runInSlowStartBatches(steps.length, () => act(waiting.next().value!));
  return failure;
}

interface StepOf {
  step: Step;
  revisions: Revisions;
}

async function take(set: StatefulSet, { step, revisions }: StepOf, context: ControllerContext): Promise<void> {
  if (step.type === 'delete') return deletePod(set, step.pod, context);
  if (step.type === 'correct') return correctPod(set, step.pod, context);
  if (step.type === 'create') {
    const from = revisions[step.revision];
    const template = templateOf(from);
    if (template === undefined) throw new Error(`revision ${from.metadata.name} remembers no template`);
    return createPod(set, newPod(set, { template, revision: from.metadata.name!, ordinal: step.ordinal }), context);
  }
  await createClaims(set, step.pod, context);
  return handOverClaims(set, step.pod, context);
}

async function createPod(set: StatefulSet, pod: Pod, context: ControllerContext): Promise<void> {
  await telling('create', { set, pod, context }, async () => {
    await createClaims(set, pod, context);
    await context.client.create<Pod>(pods, pod);
  });
}

/** This very pod, not another of its name. One that is gone already is no failure, and no event. */
async function deletePod(set: StatefulSet, pod: Pod, context: ControllerContext): Promise<void> {
  const { namespace = '', name = '', uid } = pod.metadata;
  await telling('delete', { set, pod, context }, () =>
    context.client.delete(pods, { namespace, name }, { preconditions: { uid: uid! } }),
  );
}

async function correctPod(set: StatefulSet, pod: Pod, context: ControllerContext): Promise<void> {
  const isRight = hasIdentity(set, pod) && hasStorage(set, pod);
  await telling('update', { set, pod, context }, async () => {
    if (!hasStorage(set, pod)) await createClaims(set, pod, context);
    await handOverClaims(set, pod, context);
    if (!isRight) await context.client.update<Pod>(pods, corrected(set, pod));
  });
}

interface Subject {
  set: StatefulSet;
  pod: Pod;
  context: ControllerContext;
}

/** Tells on the set how it went (`recordPodEvent`). */
async function telling(
  verb: 'create' | 'delete' | 'update',
  { set, pod, context }: Subject,
  act: () => Promise<unknown>,
): Promise<void> {
  const what = `${verb} Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name}`;
  const reason = `${verb[0]!.toUpperCase()}${verb.slice(1)}`;
  try {
    await act();
    context.events.event(set, 'Normal', `Successful${reason}`, `${what} successful`);
  } catch (error) {
    if (verb === 'delete' && isNotFound(error)) return;
    const passes = isNamespaceTerminating(error) || (isAlreadyExists(error) && isLeaving(set, pod, context));
    if (!passes)
      context.events.event(set, 'Warning', `Failed${reason}`, `${what} failed error: ${(error as Error).message}`);
    throw error;
  }
}

/** The pod that has the name already is one of an earlier set of this name, and goes; upstream is silent about any. */
function isLeaving(set: StatefulSet, { metadata }: Pod, { lister }: ControllerContext): boolean {
  const existing = lister<Pod>(pods).get(metadata.namespace ?? '', metadata.name!);
  if (existing === undefined || existing.metadata.deletionTimestamp !== undefined) return true;
  return controllerOf(existing)?.name === set.metadata.name;
}
