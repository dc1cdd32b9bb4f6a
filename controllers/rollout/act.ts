/** Carries out what was decided: Services first, so that nothing is taken away from under them. */
import type { Job } from '../../api/batch/v1/job.ts';
import { jobs } from '../../api/batch/v1/job.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { pods } from '../../api/core/v1/pod.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { services } from '../../api/core/v1/service.ts';
import { isAlreadyExists, isForbidden, isInvalid, isNotFound } from '../../api/machinery/errors.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { newControllerRef } from '../../client/owner-references.ts';
import { OWNER_UID_INDEX } from '../../client/store.ts';
import type { CheckRunner } from './check-runner.ts';
import type { Resolved, Target } from './check-target.ts';
import { parseServiceUrl, podBehind, podPort, reachablePods } from './check-target.ts';
import { serviceUnderCheck } from './checks.ts';
import { applySet } from './replica-sets.ts';
import { switchService } from './services.ts';
import type { HttpCheck, ProbeCheck, Rollout } from './types.ts';
import { HASH_LABEL, hashOf, rollouts } from './types.ts';
import type { DueCheck, Observed, Plan } from './work.ts';

/** While a try is under way, or waits for its turn. */
const TRY_POLL_MS = 200;

/** Of a version with more pods, a probe asks so many. */
const MAX_PROBED_PODS = 20;

/** When to look again, beyond what the plan says. */
export async function act(
  observed: Observed,
  plan: Plan,
  { context, runner }: { context: ControllerContext; runner: CheckRunner },
): Promise<number | undefined> {
  const { rollout, nowMs } = observed;
  for (const [service, hash] of plan.switches) await switchService(rollout, { service, hash }, context.client);
  for (const planned of plan.sets.values()) await applySet(rollout, planned, context);
  for (const planned of plan.jobs) await createJob(observed, planned, { context, runner });
  for (const due of plan.due) beginTry(observed, due, { context, runner });
  return plan.due.length + plan.jobs.length > 0 ? nowMs + TRY_POLL_MS : undefined;
}

async function createJob(
  { rollout, newSet }: Observed,
  { name, check, when }: Plan['jobs'][number],
  { context, runner }: { context: ControllerContext; runner: CheckRunner },
): Promise<void> {
  const { metadata, spec } = check.job!.template;
  const job: Job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      namespace: rollout.metadata.namespace ?? '',
      labels: { ...metadata?.labels, [HASH_LABEL]: hashOf(newSet) },
      ...(metadata?.annotations === undefined ? {} : { annotations: { ...metadata.annotations } }),
      ownerReferences: [newControllerRef(rollout, rollouts)],
    },
    spec,
  };
  try {
    await context.client.create<Job>(jobs, job);
  } catch (error) {
    if (isAlreadyExists(error)) return;
    if (!isInvalid(error) && !isForbidden(error)) throw error;
    // The API will not change its mind: the check has failed.
    return runner.refuse({ owner: checkOwner(rollout, hashOf(newSet)), name: check.name, when }, error.message);
  }
  context.events.event(rollout, 'Normal', 'JobCreated', `Created Job ${name} for the check ${check.name}`);
}

/** Those of versions whose ReplicaSets are gone. */
export async function deleteStaleJobs({ jobs: own, sets }: Observed, { client }: ControllerContext): Promise<void> {
  const known = new Set(sets.map(hashOf));
  const stale = own.filter(
    ({ metadata }) => metadata.deletionTimestamp === undefined && !known.has(metadata.labels?.[HASH_LABEL] ?? ''),
  );
  for (const { metadata } of stale) {
    const name = { namespace: metadata.namespace ?? '', name: metadata.name! };
    try {
      await client.delete(jobs, name, { propagationPolicy: 'Background' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

/** Names a version of a Rollout to the runner of its checks. */
export function checkOwner({ metadata }: Rollout, hash: string): string {
  return `${metadata.uid}/${hash}`;
}

function beginTry(
  observed: Observed,
  { check, when }: DueCheck,
  { context, runner }: { context: ControllerContext; runner: CheckRunner },
): void {
  const one = { owner: checkOwner(observed.rollout, hashOf(observed.newSet)), name: check.name, when };
  const targets =
    check.http === undefined
      ? probeTargets(observed, { probe: check.probe!, when }, context)
      : httpTargets(observed.rollout, check.http, context);
  if (!targets.ok) return runner.refuse(one, targets.problem);
  const expected = check.http ?? {};
  runner.begin({ ...one, targets: targets.value, expected, timeoutSeconds: check.timeoutSeconds }, context.signal);
}

function httpTargets(rollout: Rollout, { url }: HttpCheck, context: ControllerContext): Resolved<Target[]> {
  const namespace = rollout.metadata.namespace ?? '';
  const parsed = parseServiceUrl(url, namespace);
  if (!parsed.ok) return parsed;
  const { name, protocol, path, host } = parsed.value;
  const port = parsed.value.port ?? (protocol === 'https' ? 443 : 80);
  const behind = behindService({ namespace, name, port }, context);
  return behind.ok ? { ok: true, value: [{ protocol, path, host, ...behind.value }] } : behind;
}

function behindService(
  { namespace, name, port }: { namespace: string; name: string; port: number | string },
  context: ControllerContext,
): Resolved<{ address: string; port: number }> {
  const service = context.lister<Service>(services).get(namespace, name);
  if (service === undefined) return { ok: false, problem: `Service ${name} was not found` };
  return podBehind(service, port, context.lister<Pod>(pods).list({ namespace }));
}

function probeTargets(
  { rollout, newSet }: Observed,
  { probe, when }: { probe: ProbeCheck; when: string },
  context: ControllerContext,
): Resolved<Target[]> {
  const { httpGet, tcpSocket } = probe;
  const protocol = httpGet === undefined ? 'tcp' : httpGet.scheme === 'HTTPS' ? 'https' : 'http';
  const port = httpGet?.port ?? tcpSocket!.port;
  const path = httpGet?.path ?? '';
  const asTarget = ({ address, port: number }: { address: string; port: number }): Target => ({
    protocol,
    path,
    address,
    port: number,
    host: `${address}:${number}`,
  });
  if (probe.target === 'Service') {
    const name = serviceUnderCheck({ rollout }, when);
    if (name === undefined)
      return { ok: false, problem: 'the strategy names no Service that leads to the new version' };
    const behind = behindService({ namespace: rollout.metadata.namespace ?? '', name, port }, context);
    return behind.ok ? { ok: true, value: [asTarget(behind.value)] } : behind;
  }
  const own = reachablePods(context.byIndex<Pod>(pods, OWNER_UID_INDEX, newSet.metadata.uid!)).slice(
    0,
    MAX_PROBED_PODS,
  );
  const targets: Target[] = [];
  for (const pod of own) {
    const found = podPort(pod, port);
    if (!found.ok) return found;
    targets.push(asTarget(found.value));
  }
  return targets.length === 0 ? { ok: false, problem: 'no pod is ready' } : { ok: true, value: targets };
}
