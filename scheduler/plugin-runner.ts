/**
 * Runs a profile's plugins at each extension point, in the profile's order
 * (`pkg/scheduler/framework/runtime/framework.go`).
 */
import { choosePlugins, queuePlugins } from './chosen-plugins.ts';
import type { ChosenPlugins } from './chosen-plugins.ts';
import type { ExtensionPoint, PluginsConfig } from './extension-points.ts';
import { MAX_NODE_SCORE, stateKey } from './framework.ts';
import type {
  Cycle,
  NodeRejections,
  Plugin,
  PluginRejection,
  PostFilterResult,
  ProfileEntry,
  Rehearsal,
} from './framework.ts';
import type { NodeInfo } from './node-info.ts';
import type { NominatedPods } from './nominated-pods.ts';
import type { PodInfo } from './pod-info.ts';
import type { TimeSlice } from './time-slice.ts';

export interface PreFilterOutcome {
  rejection?: PluginRejection;
  /** The nodes that are worth a look; all when absent. */
  nodeNames?: ReadonlySet<string>;
  /** Who narrowed the search to `nodeNames`. */
  narrowedBy: ReadonlySet<string>;
}

/** How many nodes are worked on between looks at the clock. */
const NODES_PER_LOOK = 32;

type With<K extends keyof Plugin> = Plugin & Required<Pick<Plugin, K>>;
type Scorer = { plugin: With<'score'>; weight: number };

/** Points whose plugins are named like their method. */
type ListedPoint = Exclude<ExtensionPoint, 'queueSort' | 'preEnqueue' | 'preScore' | 'score'>;
type Lists = { readonly [Point in ListedPoint]: readonly With<Point>[] };

/** Plugins of this cycle whose `filter` is of use. */
const FILTERS = stateKey<readonly With<'filter'>[]>('filter plugins');

export class PluginRunner {
  /** For the queue. */
  readonly plugins: readonly Plugin[];
  readonly #lists: Lists;
  readonly #scorers: readonly Scorer[];
  readonly #nominated: NominatedPods | undefined;

  /** Without `nominated`, no pod is; without `config`, every plugin runs at all its points. */
  constructor(profile: readonly ProfileEntry[], nominated?: NominatedPods, config?: PluginsConfig) {
    const chosen = choosePlugins(profile, config);
    this.#nominated = nominated;
    this.#lists = listsOf(chosen);
    this.#scorers = chosen.score as readonly Scorer[];
    this.plugins = queuePlugins(profile, chosen);
  }

  runPreFilter(cycle: Cycle): PreFilterOutcome {
    const skipped = new Set<Plugin>();
    const narrowedBy = new Set<string>();
    let nodeNames: ReadonlySet<string> | undefined;
    for (const plugin of this.#lists.preFilter) {
      const result = plugin.preFilter(cycle);
      if (result.type === 'reject') return { rejection: { ...result.rejection, plugin: plugin.name }, narrowedBy };
      if (result.type === 'skip') skipped.add(plugin);
      else if (result.nodeNames !== undefined) {
        narrowedBy.add(plugin.name);
        nodeNames = nodeNames === undefined ? result.nodeNames : intersection(nodeNames, result.nodeNames);
      }
      if (nodeNames?.size === 0) return { rejection: conflictOf(narrowedBy), narrowedBy };
    }
    const filters = this.#lists.filter.filter((plugin) => !skipped.has(plugin));
    cycle.state.write(FILTERS, filters);
    return { narrowedBy, ...(nodeNames === undefined ? {} : { nodeNames }) };
  }

  /** After `runPreFilter`: what if the pod were on the node? The caller has put it there, in a copy of the node. */
  runAddPod(cycle: Cycle, podInfo: PodInfo, node: NodeInfo): void {
    for (const plugin of cycle.state.get(FILTERS)) plugin.addPod?.(cycle, podInfo, node);
  }

  /** After `runPreFilter`: what if the pod were not on the node? The caller has taken it off, in a copy of the node. */
  runRemovePod(cycle: Cycle, podInfo: PodInfo, node: NodeInfo): void {
    for (const plugin of cycle.state.get(FILTERS)) plugin.removePod?.(cycle, podInfo, node);
  }

  /** The first plugin that does not want the node, after `runPreFilter`. */
  runFilter(cycle: Cycle, node: NodeInfo): PluginRejection | undefined {
    return firstToReject(cycle.state.get(FILTERS), cycle, node);
  }

  /** `runFilterWithNominated` for many nodes of one cycle. */
  nodeFilter(cycle: Cycle): (node: NodeInfo) => PluginRejection | undefined {
    const filters = cycle.state.get(FILTERS);
    // Others may be nominated while the search gives way.
    return (node) =>
      this.#nominated === undefined || this.#nominated.isEmpty
        ? firstToReject(filters, cycle, node)
        : this.runFilterWithNominated(cycle, node);
  }

  /** As `runFilter`, with and without the pods that are nominated for the node and come before this one. */
  runFilterWithNominated(cycle: Cycle, node: NodeInfo): PluginRejection | undefined {
    const guests = this.#nominated?.before(cycle.podInfo, node.name) ?? [];
    if (guests.length === 0) return this.runFilter(cycle, node);
    const crowded = node.clone();
    const crowdedCycle = { ...cycle, state: cycle.state.clone() };
    for (const guest of guests) if (!node.pods.has(guest.key)) this.#putOn(crowdedCycle, guest, crowded);
    const rejection = this.runFilter(crowdedCycle, crowded);
    // Without them too: they may never come, and others may be near only because of them.
    return rejection ?? this.runFilter(cycle, node);
  }

  /** The first plugin that has something to say, after `runPreFilter`. */
  async runPostFilter(
    cycle: Cycle,
    rejections: NodeRejections,
    slice: TimeSlice,
  ): Promise<PostFilterResult | undefined> {
    const rehearsal = this.#rehearsal(slice);
    for (const plugin of this.#lists.postFilter) {
      const result = await plugin.postFilter(cycle, rejections, rehearsal);
      if (result !== undefined) return result;
    }
    return undefined;
  }

  /** The weighted sum of all plugins' scores, node by node. Shares the thread by `slice`. */
  async runScore(cycle: Cycle, nodes: readonly NodeInfo[], slice: TimeSlice): Promise<number[]> {
    const totals = new Array<number>(nodes.length).fill(0);
    for (const { plugin, weight } of this.#scorersOf(cycle, nodes)) {
      const scores = await scoresOf(plugin, cycle, { nodes, slice });
      plugin.normalizeScore?.(cycle, scores);
      for (let i = 0; i < scores.length; i++) {
        const score = scores[i]!;
        if (!(score >= 0 && score <= MAX_NODE_SCORE)) {
          throw new Error(`plugin ${plugin.name} returns an invalid score ${score}`);
        }
        totals[i]! += score * weight;
      }
    }
    return totals;
  }

  /** After a rejection the caller undoes what was reserved before it. */
  runReserve(cycle: Cycle, nodeName: string): PluginRejection | undefined {
    return this.#firstRejection('reserve', cycle, nodeName);
  }

  /** Undoes the plugins' reservations in the reverse order. */
  runUnreserve(cycle: Cycle, nodeName: string): void {
    for (const plugin of this.#lists.reserve.toReversed()) plugin.unreserve?.(cycle, nodeName);
  }

  runPermit(cycle: Cycle, nodeName: string): PluginRejection | undefined {
    return this.#firstRejection('permit', cycle, nodeName);
  }

  preBindWaits(cycle: Cycle): boolean {
    return this.#lists.preBind.some((plugin) => plugin.preBindWaits?.(cycle) === true);
  }

  async runPreBind(cycle: Cycle, nodeName: string): Promise<PluginRejection | undefined> {
    for (const plugin of this.#lists.preBind) {
      const rejection = await plugin.preBind(cycle, nodeName);
      if (rejection !== undefined) return { ...rejection, plugin: plugin.name };
    }
    return undefined;
  }

  /** Throws when binding fails, or no plugin binds. */
  async runBind(cycle: Cycle, nodeName: string): Promise<void> {
    for (const plugin of this.#lists.bind) if (await plugin.bind(cycle, nodeName)) return;
    throw new Error('no plugin binds the pod');
  }

  runPostBind(cycle: Cycle, nodeName: string): void {
    for (const plugin of this.#lists.postBind) plugin.postBind(cycle, nodeName);
  }

  #rehearsal(slice: TimeSlice): Rehearsal {
    return {
      runFilterWithNominated: (cycle, node) => this.runFilterWithNominated(cycle, node),
      addPod: (cycle, podInfo, node) => this.#putOn(cycle, podInfo, node),
      removePod: (cycle, podInfo, node) => {
        node.removePod(podInfo.key);
        this.runRemovePod(cycle, podInfo, node);
      },
      shareThread: async () => {
        if (slice.isOver) await slice.giveWay();
      },
    };
  }

  #putOn(cycle: Cycle, podInfo: PodInfo, node: NodeInfo): void {
    node.addPod(podInfo);
    this.runAddPod(cycle, podInfo, node);
  }

  #firstRejection(point: 'reserve' | 'permit', cycle: Cycle, nodeName: string): PluginRejection | undefined {
    for (const plugin of this.#lists[point]) {
      const rejection = plugin[point]?.(cycle, nodeName);
      if (rejection !== undefined) return { ...rejection, plugin: plugin.name };
    }
    return undefined;
  }

  #scorersOf(cycle: Cycle, nodes: readonly NodeInfo[]): Scorer[] {
    return this.#scorers.filter(({ plugin }) => plugin.preScore?.(cycle, nodes) !== 'skip');
  }
}

function firstToReject(filters: readonly With<'filter'>[], cycle: Cycle, node: NodeInfo): PluginRejection | undefined {
  for (let i = 0; i < filters.length; i++) {
    const plugin = filters[i]!;
    const rejection = plugin.filter(cycle, node);
    if (rejection !== undefined) return { ...rejection, plugin: plugin.name };
  }
  return undefined;
}

/** A filter needs what its own `preFilter` leaves it, also where that is disabled. */
function listsOf(chosen: ChosenPlugins): Lists {
  const at = (point: ListedPoint): Plugin[] => chosen[point].map(({ plugin }) => plugin);
  const filters = at('filter');
  const preparing = filters.filter((plugin) => plugin.preFilter !== undefined);
  return {
    preFilter: [...new Set([...at('preFilter'), ...preparing])],
    filter: filters,
    postFilter: at('postFilter'),
    reserve: at('reserve'),
    permit: at('permit'),
    preBind: at('preBind'),
    bind: at('bind'),
    postBind: at('postBind'),
  } as Lists;
}

async function scoresOf(
  plugin: With<'score'>,
  cycle: Cycle,
  { nodes, slice }: { nodes: readonly NodeInfo[]; slice: TimeSlice },
): Promise<number[]> {
  const scores = new Array<number>(nodes.length);
  for (let i = 0; i < nodes.length; i++) {
    if (i % NODES_PER_LOOK === 0 && slice.isOver) await slice.giveWay();
    scores[i] = plugin.score(cycle, nodes[i]!);
  }
  return scores;
}

function intersection(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...a].filter((name) => b.has(name)));
}

/** Nothing is left of the nodes that the plugins named. */
function conflictOf(plugins: ReadonlySet<string>): PluginRejection {
  const names = [...plugins];
  const reason =
    names.length === 1
      ? `node(s) didn't satisfy plugin ${names[0]}`
      : `node(s) didn't satisfy plugin(s) ${formatNames(names)} simultaneously`;
  return { code: 'UnschedulableAndUnresolvable', reasons: [reason], plugin: names.at(-1)! };
}

/** As Go prints a sorted list of strings. */
export function formatNames(names: Iterable<string>): string {
  return `[${[...names].sort().join(' ')}]`;
}
