/**
 * `nocher why pod/NAME`: why a pod has no node, node by node, and what would make it fit. Asks the scheduler's own
 * plugins, as the cluster was told to use them, about the cluster as it is now.
 */
import { setMaxListeners } from 'node:events';
import type { Node } from '../api/core/v1/node.ts';
import { nodes } from '../api/core/v1/node.ts';
import type { Pod } from '../api/core/v1/pod.ts';
import { pods } from '../api/core/v1/pod.ts';
import { ApiError, isNotFound } from '../api/machinery/errors.ts';
import { realClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { silentEventRecorder } from '../client/events.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { filterPlugins } from '../scheduler/chosen-plugins.ts';
import { ClusterCache } from '../scheduler/cluster-cache.ts';
import { CycleState } from '../scheduler/framework.ts';
import { nominatedNodeOf, NominatedPods } from '../scheduler/nominated-pods.ts';
import { podInfoOf } from '../scheduler/pod-info.ts';
import { DEFAULT_PROFILES } from '../scheduler/profile.ts';
import type { SchedulerProfile } from '../scheduler/profile.ts';
import { verdictsOf } from '../scheduler/verdicts.ts';
import type { Verdicts } from '../scheduler/verdicts.ts';
import { connectAsAdmin } from './admin-client.ts';
import type { UpFlags } from './config.ts';
import { UsageError } from './config.ts';
import { openDataFolder } from './data-folder.ts';
import { keptProfiles } from './scheduler-config.ts';
import { explain } from './why-text.ts';
import type { Explanation } from './why-text.ts';

const POD_KINDS = new Set(['pod', 'pods', 'po']);

/** Exit code 0 when the pod has a node or one fits, 1 when none does. */
export async function why(what: string, flags: UpFlags): Promise<void> {
  const { namespace, name } = podNamed(what, flags);
  const client = connectAsAdmin(flags, 'nocher/why');
  try {
    const profiles = keptProfiles(openDataFolder(flags['dataDir'] as string));
    const pod = await client.get<Pod>(pods, { namespace, name });
    const { lines, isWell } = await explanationOf(pod, { client, profiles });
    process.stdout.write(`${lines.join('\n')}\n`);
    process.exitCode = isWell ? 0 : 1;
  } catch (error) {
    if (isNotFound(error)) throw new UsageError(`there is no pod ${name} in the namespace ${namespace}`);
    throw error instanceof ApiError ? new UsageError(error.message) : error;
  } finally {
    client.close();
  }
}

function podNamed(what: string, flags: UpFlags): { namespace: string; name: string } {
  const [kind = '', name = '', ...rest] = what.split('/');
  if (!POD_KINDS.has(kind.toLowerCase()) || name === '' || rest.length > 0)
    throw new UsageError(`why ${what}: knows pods so far, as in: nocher why pod/NAME -n NAMESPACE`);
  return { namespace: flags['namespace'] as string, name };
}

/** By what the pod's scheduler goes by, if it is one of `profiles`; else by the defaults. */
export async function explanationOf(
  pod: Pod,
  { client, profiles }: { client: Client; profiles: readonly SchedulerProfile[] },
): Promise<Explanation> {
  const own = profiles.find(({ schedulerName }) => schedulerName === pod.spec.schedulerName);
  const verdicts = await ask(pod, { client, profile: own ?? DEFAULT_PROFILES[0]! });
  return explain(pod, verdicts, { isOurs: own !== undefined });
}

/** Nothing for a pod that needs no verdict. */
async function ask(
  pod: Pod,
  { client, profile }: { client: Client; profile: SchedulerProfile },
): Promise<Verdicts | undefined> {
  if ((pod.spec.nodeName ?? '') !== '' || (pod.spec.schedulingGates?.length ?? 0) > 0) return undefined;
  const stopping = new AbortController();
  // Every informer listens for the end: many listeners are no leak here.
  setMaxListeners(0, stopping.signal);
  const parts = { clock: realClock, random: realRandom, log: silentLogger };
  const informers = createInformerFactory(client, parts);
  const entries = profile.plugins({
    ...parts,
    client,
    informers,
    signal: stopping.signal,
    events: silentEventRecorder,
    nominated: new NominatedPods(),
    budgets: () => [],
    track: () => undefined,
    release: () => undefined,
  });
  const nodeInformer = informers.informer<Node>(nodes);
  const podInformer = informers.informer<Pod>(pods, {
    fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed',
  });
  informers.start(stopping.signal);
  try {
    await informers.waitForSync(stopping.signal);
    const cache = cacheOf(nodeInformer.lister.list(), podInformer.lister.list(), pod);
    const cycle = { pod, podInfo: podInfoOf(pod), state: new CycleState(), snapshot: cache.takeSnapshot() };
    return verdictsOf(cycle, filterPlugins(entries, profile.chosen));
  } finally {
    stopping.abort();
    await informers.stopped();
  }
}

/** Pods that have been promised a node, and come before this one, count as being there. */
function cacheOf(allNodes: readonly Node[], allPods: readonly Pod[], asking: Pod): ClusterCache {
  const cache = new ClusterCache();
  for (const node of allNodes) cache.setNode(node);
  const { priority } = podInfoOf(asking);
  for (const pod of allPods) {
    const podInfo = podInfoOf(pod);
    const isFirst = pod.metadata.uid !== asking.metadata.uid && podInfo.priority >= priority;
    const nodeName = pod.spec.nodeName || (isFirst ? nominatedNodeOf(pod) : '');
    if (nodeName !== '') cache.setPod(podInfo, nodeName);
  }
  return cache;
}
