/**
 * DefaultPreemption: when no node fits, finds the node where the fewest and least important pods must go, has them
 * deleted, and promises the node to the pod (`plugins/defaultpreemption/default_preemption.go`).
 *
 * Flow: eligible? → nodes that other pods' going may mend → victims on each, until there are enough candidates →
 * those that the extenders leave → the best → victims are deleted beside the next pods' cycles; the pod is tried again when they are gone.
 */
import type { PodDisruptionBudget } from '../../api/policy/v1/pod-disruption-budget.ts';
import type { Random } from '../../base/random.ts';
import { findCondition } from '../../client/conditions.ts';
import type { ConditionLike } from '../../client/conditions.ts';
import type { ExtenderChain } from '../extender-chain.ts';
import { fitErrorMessage } from '../fit-error.ts';
import type { Cycle, NodeRejections, Plugin, PluginRejection, PostFilterResult, Rehearsal } from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';
import type { DefaultPreemptionArgs } from '../plugin-args.ts';
import { nominatedNodeOf } from '../nominated-pods.ts';
import type { PodInfo } from '../pod-info.ts';
import { chooseCandidate } from './default-preemption-choice.ts';
import { PreemptionExecutor } from './default-preemption-execution.ts';
import type { PreemptionOptions } from './default-preemption-execution.ts';
import { budgetsOf, selectVictims } from './default-preemption-victims.ts';
import type { Candidate } from './default-preemption-victims.ts';

export interface DefaultPreemptionOptions extends PreemptionOptions {
  random: Random;
  budgets(): readonly PodDisruptionBudget[];
  args?: DefaultPreemptionArgs;
  /** Default: none. */
  extenders?: ExtenderChain;
}

const NAME = 'DefaultPreemption';
const NOT_HELPFUL = 'Preemption is not helpful for scheduling';
const NEVER = 'not eligible due to preemptionPolicy=Never.';
const NO_CANDIDATE = 'no candidate node for preemption';
const TERMINATING = 'not eligible due to a terminating pod on the nominated node.';

/** One for each scheduler: it knows which preemptions are under way. */
export function defaultPreemption(options: DefaultPreemptionOptions): Plugin {
  const executor = new PreemptionExecutor(options);
  return {
    name: NAME,
    events: ['AssignedPodDelete'],
    // Whose rejection the victims' going mends says so itself.
    queueingHint: () => false,
    preEnqueue: ({ metadata }) =>
      executor.isRunning(metadata.uid ?? '')
        ? {
            code: 'UnschedulableAndUnresolvable',
            reasons: ['waiting for the preemption for this pod to be finished'],
          }
        : undefined,
    async postFilter(cycle, rejections, rehearsal) {
      const problem = ineligibility(cycle, rejections);
      if (problem !== undefined) return { message: `preemption: ${problem}` };
      const search = { cycle, rejections, rehearsal, options };
      const { candidates, rejected } = await findCandidates(search);
      if (candidates.length === 0) return notHelpful(cycle, rejected);
      let left: readonly Candidate[];
      try {
        left = (await options.extenders?.preempt(cycle, candidates)) ?? candidates;
      } catch (error) {
        return { message: `preemption: ${(error as Error).message}` };
      }
      if (left.length === 0) return { message: `preemption: ${NO_CANDIDATE}` };
      const chosen = chooseCandidate(left);
      executor.start(cycle.podInfo, chosen);
      return { message: '', nominatedNodeName: chosen.nodeName };
    },
  };
}

/** Why the pod may not preempt others (`PodEligibleToPreemptOthers`). */
function ineligibility({ pod, podInfo, snapshot }: Cycle, rejections: NodeRejections): string | undefined {
  if (pod.spec.preemptionPolicy === 'Never') return NEVER;
  const nominated = nominatedNodeOf(pod);
  if (nominated === '' || rejections.get(nominated)?.code === 'UnschedulableAndUnresolvable') return undefined;
  const present = snapshot.get(nominated)?.pods.values() ?? [];
  for (const other of present) if (other.priority < podInfo.priority && isBeingPreempted(other)) return TERMINATING;
  return undefined;
}

function isBeingPreempted({ pod }: PodInfo): boolean {
  if (pod.metadata.deletionTimestamp === undefined) return false;
  const target = findCondition(pod.status?.conditions as readonly ConditionLike[] | undefined, 'DisruptionTarget');
  return target?.status === 'True' && target.reason === 'PreemptionByScheduler';
}

interface Search {
  cycle: Cycle;
  rejections: NodeRejections;
  rehearsal: Rehearsal;
  options: DefaultPreemptionOptions;
}

interface Findings {
  /** Those that break no budget first. */
  candidates: Candidate[];
  rejected: Map<string, PluginRejection>;
}

/** Begins at a random node, and ends with enough candidates of which one breaks no budget (`DryRunPreemption`). */
async function findCandidates({ cycle, rejections, rehearsal, options }: Search): Promise<Findings> {
  const potential = [...rejections].flatMap(([name, { code }]) => (code === 'Unschedulable' ? [name] : []));
  const wanted = candidatesToFind(potential.length, options.args);
  const budgets = budgetsOf(potential.length === 0 ? [] : options.budgets());
  const offset = Math.floor(options.random.float() * potential.length);
  const rejected = new Map<string, PluginRejection>();
  const harmless: Candidate[] = [];
  const violating: Candidate[] = [];
  for (let i = 0; i < potential.length; i++) {
    if (harmless.length > 0 && harmless.length + violating.length >= wanted) break;
    await rehearsal.shareThread();
    const node = copyOf(cycle, potential[(offset + i) % potential.length]!);
    const result = selectVictims({ ...cycle, state: cycle.state.clone() }, node, { rehearsal, budgets });
    if (result.type === 'rejected') rejected.set(node.name, { ...result.rejection, plugin: NAME });
    else (result.candidate.violations === 0 ? harmless : violating).push(result.candidate);
  }
  return { candidates: [...harmless, ...violating], rejected };
}

function copyOf({ snapshot }: Cycle, nodeName: string): NodeInfo {
  const node = snapshot.get(nodeName);
  if (node === undefined) throw new Error(`the node ${nodeName} is not in the snapshot`);
  return node.clone();
}

/** `calculateNumCandidates` */
export function candidatesToFind(nodeCount: number, args: DefaultPreemptionArgs = {}): number {
  const { minCandidateNodesPercentage: percentage = 10, minCandidateNodesAbsolute: absolute = 100 } = args;
  return Math.min(Math.max(Math.floor((nodeCount * percentage) / 100), absolute), nodeCount);
}

/** An earlier promise is taken back: that node does not become free. */
function notHelpful({ snapshot }: Cycle, rejected: NodeRejections): PostFilterResult {
  const diagnosis = {
    nodeCount: snapshot.nodes.length,
    rejections: rejected,
    absentReason: NOT_HELPFUL,
    rejectors: new Set<string>(),
  };
  return { message: `preemption: ${fitErrorMessage(diagnosis)}`, nominatedNodeName: '' };
}
