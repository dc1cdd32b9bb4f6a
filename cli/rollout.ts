/** `nocher rollout status|promote|abort|retry|undo`: looks at a Rollout and tells it what to do, over HTTP. */
import type { ReplicaSet } from '../api/apps/v1/replica-set.ts';
import { replicaSets } from '../api/apps/v1/replica-set.ts';
import { ApiError, isNotFound } from '../api/machinery/errors.ts';
import { realClock, sleep } from '../base/clock.ts';
import type { HttpClient } from '../client/http.ts';
import { isControlledBy } from '../client/owner-references.ts';
import type { Rollout } from '../controllers/rollout/types.ts';
import { ABORT, HASH_LABEL, hashOf, PROMOTE, RETRY, revisionOf, rollouts } from '../controllers/rollout/types.ts';
import { connectAsAdmin } from './admin-client.ts';
import type { UpFlags } from './config.ts';
import { UsageError } from './config.ts';

const POLL_MS = 200;

interface Asked {
  client: HttpClient;
  name: { namespace: string; name: string };
  rollout: Rollout;
}

async function withRollout(name: string, flags: UpFlags, act: (asked: Asked) => Promise<void>): Promise<void> {
  const client = connectAsAdmin(flags, 'nocher/rollout');
  const key = { namespace: flags['namespace'] as string, name };
  try {
    await act({ client, name: key, rollout: await client.get<Rollout>(rollouts, key) });
  } catch (error) {
    if (isNotFound(error)) throw new UsageError(`there is no Rollout ${name} in the namespace ${key.namespace}`);
    throw error instanceof ApiError ? new UsageError(error.message) : error;
  } finally {
    client.close();
  }
}

async function annotate({ client, name }: Asked, annotations: Record<string, string | null>): Promise<void> {
  await client.patch<Rollout>(rollouts, name, { type: 'merge', body: { metadata: { annotations } } });
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Whether the status speaks of the present spec. */
function isSeen({ metadata, status }: Rollout): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
}

/** How it is, for as long as it is on its way; exit code 0 when it is healthy, 1 when degraded or not done in time. */
export async function rolloutStatus(name: string, flags: UpFlags): Promise<void> {
  const timeoutMs = durationMs(String(flags['timeout'] ?? '0s'));
  const startedMs = realClock.monotonicMs();
  await withRollout(name, flags, async (asked) => {
    let said = '';
    for (let { rollout } = asked; ; rollout = await asked.client.get<Rollout>(rollouts, asked.name)) {
      const line = statusLine(rollout);
      if (line !== said) say(line);
      said = line;
      const { phase } = rollout.status ?? {};
      const isOver = isSeen(rollout) && (phase === 'Healthy' || phase === 'Degraded');
      const isPaused = isSeen(rollout) && phase === 'Paused';
      if (isOver || flags['watch'] === false || (isPaused && timeoutMs === 0)) {
        process.exitCode = isOver && phase === 'Degraded' ? 1 : 0;
        return;
      }
      if (timeoutMs > 0 && realClock.monotonicMs() - startedMs >= timeoutMs)
        throw new UsageError(`not done after ${String(flags['timeout'])}: ${line}`);
      await sleep(realClock, POLL_MS);
    }
  });
}

/** One line: `Progressing  Step 2/4  1 of 5 pods are of revision 3`. */
export function statusLine(rollout: Rollout): string {
  if (!isSeen(rollout)) return 'Progressing  waits for the controller';
  const { phase = 'Progressing', stage, message, availableReplicas = 0, revision } = rollout.status ?? {};
  const facts = `revision ${revision ?? '?'}, ${availableReplicas} of ${rollout.spec.replicas} pods available`;
  return [phase, ...(stage === undefined ? [] : [stage]), facts, ...(message ? [message] : [])].join('  ');
}

/** `90s`, `5m`, `1h`; a number alone is seconds; 0 is no limit. */
export function durationMs(text: string): number {
  const found = /^(\d+)(s|m|h)?$/.exec(text);
  if (found === null) throw new UsageError(`--timeout: ${text} is not a duration such as 90s or 5m`);
  const unit = { s: 1, m: 60, h: 3600 }[(found[2] ?? 's') as 's' | 'm' | 'h'];
  return Number(found[1]) * unit * 1000;
}

export async function rolloutPromote(name: string, flags: UpFlags): Promise<void> {
  await withRollout(name, flags, async (asked) => {
    const { status } = asked.rollout;
    if (!isSeen(asked.rollout))
      throw new UsageError(`the newest template of ${name} has not been looked at yet; try again`);
    if (status?.currentPodHash === undefined || status.currentPodHash === status.stableRS)
      throw new UsageError(`nothing is being rolled out: revision ${status?.revision ?? '?'} of ${name} is stable`);
    if (status.failure !== undefined)
      throw new UsageError(`revision ${status.revision} of ${name} has failed; nocher rollout retry or undo`);
    const isWaiting = (status.pauseConditions ?? []).length > 0;
    if (!isWaiting && flags['full'] !== true && asked.rollout.spec.strategy.canary !== undefined)
      throw new UsageError(
        `revision ${status.revision} of ${name} is not paused; --full skips what is left of its steps`,
      );
    const how = promotionOf(asked.rollout, flags['full'] === true);
    await annotate(asked, { [PROMOTE]: how });
    say(`rollout ${name}: revision ${status.revision} promoted${flags['full'] === true ? ' in full' : ''}`);
  });
}

/** What the annotation must say: of a canary that pauses, this pause and no later one. */
export function promotionOf({ spec, status }: Rollout, full: boolean): string {
  const revision = String(status?.revision);
  if (full) return `${revision}/full`;
  return spec.strategy.canary === undefined ? revision : `${revision}/${status?.currentStepIndex ?? 0}`;
}

export async function rolloutAbort(name: string, flags: UpFlags): Promise<void> {
  await withRollout(name, flags, async (asked) => {
    const { revision, currentPodHash, stableRS } = asked.rollout.status ?? {};
    if (currentPodHash === undefined || currentPodHash === stableRS || stableRS === undefined)
      throw new UsageError(`nothing is being rolled out that could be aborted: revision ${revision ?? '?'} of ${name}`);
    await annotate(asked, { [ABORT]: String(revision) });
    say(`rollout ${name}: revision ${revision} aborted`);
  });
}

export async function rolloutRetry(name: string, flags: UpFlags): Promise<void> {
  await withRollout(name, flags, async (asked) => {
    const { failure, revision } = asked.rollout.status ?? {};
    if (failure === undefined) throw new UsageError(`revision ${revision ?? '?'} of ${name} has not failed`);
    await annotate(asked, { [ABORT]: null, [PROMOTE]: null, [RETRY]: failure.time });
    say(`rollout ${name}: revision ${revision} is tried again`);
  });
}

/** Puts the template of an earlier revision back; that is rolled out like any other. */
export async function rolloutUndo(name: string, flags: UpFlags): Promise<void> {
  await withRollout(name, flags, async (asked) => {
    const { rollout, client } = asked;
    const { items } = await client.list<ReplicaSet>(replicaSets, { namespace: asked.name.namespace });
    const own = items.filter((set) => isControlledBy(set, rollout));
    const chosen = revisionToGoTo(rollout, own, flags['toRevision'] as string | undefined);
    const { metadata, ...template } = chosen.spec.template;
    const { [HASH_LABEL]: _, ...labels } = metadata?.labels ?? {};
    const patch = [
      { op: 'test', path: '/metadata/uid', value: rollout.metadata.uid },
      { op: 'replace', path: '/spec/template', value: { ...template, metadata: { ...metadata, labels } } },
    ];
    await client.patch<Rollout>(rollouts, asked.name, { type: 'json', body: patch });
    say(`rollout ${name}: back to the template of revision ${revisionOf(chosen)}`);
  });
}

/** The one that is named, else the newest but the present. */
export function revisionToGoTo(rollout: Rollout, sets: readonly ReplicaSet[], asked: string | undefined): ReplicaSet {
  const name = rollout.metadata.name;
  if (asked !== undefined) {
    const found = sets.find((set) => String(revisionOf(set)) === asked);
    if (found === undefined) throw new UsageError(`${name} has no revision ${asked}`);
    return found;
  }
  const [newest] = sets
    .filter((set) => hashOf(set) !== rollout.status?.currentPodHash)
    .sort((a, b) => revisionOf(b) - revisionOf(a));
  if (newest === undefined) throw new UsageError(`${name} has no earlier revision`);
  return newest;
}
