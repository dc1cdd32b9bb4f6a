/**
 * Pods that nothing can be done for until something changes, grouped by who rejected them: an event that nobody of a
 * group waits for costs nothing, however many they are (`isPodWorthRequeuing`).
 */
import type { Pod } from '../api/core/v1/pod.ts';
import type { ClusterEvent, ClusterEventName } from './cluster-event.ts';
import type { Plugin } from './framework.ts';
import type { QueuedPod } from './queued-pod.ts';

interface Group {
  /** Of whom any may be helped; empty when every event may help. */
  plugins: readonly Plugin[];
  /** Events that anybody of the group waits for; absent for every event. */
  events: ReadonlySet<ClusterEventName> | undefined;
  pods: Map<string, QueuedPod>;
}

/** The plugins of the pod's profile, by name. */
type PluginsOf = (pod: Pod) => ReadonlyMap<string, Plugin>;

/** **Invariant:** a pod is in one group; who rejected it does not change while it is here. */
export class UnschedulablePods {
  readonly #pluginsOf: PluginsOf;
  readonly #groups = new Map<string, Group>();
  readonly #groupOf = new Map<string, Group>();

  constructor(pluginsOf: PluginsOf) {
    this.#pluginsOf = pluginsOf;
  }

  get size(): number {
    return this.#groupOf.size;
  }

  get(key: string): QueuedPod | undefined {
    return this.#groupOf.get(key)?.pods.get(key);
  }

  set(queued: QueuedPod): void {
    const { key } = queued.podInfo;
    this.delete(key);
    const group = this.#group(queued);
    group.pods.set(key, queued);
    this.#groupOf.set(key, group);
  }

  delete(key: string): void {
    this.#groupOf.get(key)?.pods.delete(key);
    this.#groupOf.delete(key);
  }

  *values(): Iterable<QueuedPod> {
    for (const { pods } of this.#groups.values()) yield* pods.values();
  }

  /** Those that the event may help. */
  helpedBy(event: ClusterEvent): QueuedPod[] {
    const helped: QueuedPod[] = [];
    for (const group of this.#groups.values()) {
      if (group.pods.size === 0 || group.events?.has(event.name) === false) continue;
      for (const queued of group.pods.values()) if (mayHelp(group, queued, event)) helped.push(queued);
    }
    return helped;
  }

  mayHelp(queued: QueuedPod, event: ClusterEvent): boolean {
    const group = this.#group(queued);
    return group.events?.has(event.name) !== false && mayHelp(group, queued, event);
  }

  /** Groups stay: there are few, of combinations of plugins. */
  #group({ podInfo, rejectors, gatedBy }: QueuedPod): Group {
    const { schedulerName = '' } = podInfo.pod.spec;
    const signature = JSON.stringify([schedulerName, gatedBy, [...rejectors].sort()]);
    let group = this.#groups.get(signature);
    if (group === undefined) {
      group = newGroup(this.#pluginsOf(podInfo.pod), { rejectors, gatedBy });
      this.#groups.set(signature, group);
    }
    return group;
  }
}

/** What a gated pod waits for is up to the gate; whom it helps, to the gate and those that rejected it before. */
function newGroup(known: ReadonlyMap<string, Plugin>, who: Pick<QueuedPod, 'rejectors' | 'gatedBy'>): Group {
  const names = who.gatedBy === undefined ? [...who.rejectors] : [who.gatedBy, ...who.rejectors];
  const plugins = names.map((name) => known.get(name) ?? { name });
  const waiting = who.gatedBy === undefined ? plugins : plugins.slice(0, 1);
  const isForAll = waiting.length === 0 || waiting.some(({ events }) => events === undefined);
  const events = isForAll ? undefined : new Set(waiting.flatMap((plugin) => plugin.events ?? []));
  return { plugins, events, pods: new Map() };
}

function mayHelp({ plugins }: Group, { podInfo }: QueuedPod, event: ClusterEvent): boolean {
  if (plugins.length === 0) return true;
  return plugins.some(({ events, queueingHint }) => {
    if (events?.includes(event.name) === false) return false;
    return queueingHint?.(podInfo, event) ?? true;
  });
}
