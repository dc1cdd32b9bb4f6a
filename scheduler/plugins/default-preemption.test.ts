import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { PodDisruptionBudget } from '../../api/policy/v1/pod-disruption-budget.ts';
import type { Cycle, Rehearsal } from '../framework.ts';
import { NominatedPods } from '../nominated-pods.ts';
import { cycleOf, nodeOf, podOf } from '../objects-for-tests.ts';
import { PluginRunner } from '../plugin-runner.ts';
import { podInfoOf } from '../pod-info.ts';
import { chooseCandidate } from './default-preemption-choice.ts';
import { budgetsOf, selectVictims, splitByBudget } from './default-preemption-victims.ts';
import type { Candidate } from './default-preemption-victims.ts';
import { candidatesToFind } from './default-preemption.ts';
import { nodeResourcesFit } from './node-resources-fit.ts';

interface Present {
  name: string;
  priority: number;
  cpu: number;
  started: number;
  app: string;
}

const startTime = (seconds: number): string => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();

function presentPod({ name, priority, cpu, started, app }: Present): ReturnType<typeof podOf> {
  const requests = { cpu: `${cpu}` };
  return podOf(name, { labels: { app }, requests, spec: { priority }, status: { startTime: startTime(started) } });
}

function budget(app: string | undefined, disruptionsAllowed: number, disrupted: string[] = []): PodDisruptionBudget {
  const disruptedPods = Object.fromEntries(disrupted.map((name) => [name, startTime(0)]));
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: `for-${app}`, namespace: 'default' },
    spec: { selector: app === undefined ? {} : { matchLabels: { app } } },
    status: { disruptionsAllowed, disruptedPods, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
  };
}

function rehearsalOf(runner: PluginRunner): Rehearsal {
  return {
    runFilterWithNominated: (cycle, node) => runner.runFilterWithNominated(cycle, node),
    addPod: (_cycle, podInfo, node) => node.addPod(podInfo),
    removePod: (_cycle, { key }, node) => node.removePod(key),
    shareThread: () => Promise.resolve(),
  };
}

/** What must go from each node of `cpus`, as the plugin finds it. */
function candidatesOf(cycle: Cycle, budgets: readonly PodDisruptionBudget[]): Candidate[] {
  const runner = new PluginRunner([{ plugin: nodeResourcesFit() }], new NominatedPods());
  runner.runPreFilter(cycle);
  const rehearsal = rehearsalOf(runner);
  return cycle.snapshot.nodes.flatMap((node) => {
    const result = selectVictims(cycle, node.clone(), { rehearsal, budgets: budgetsOf(budgets) });
    return result.type === 'candidate' ? [result.candidate] : [];
  });
}

const byWorth = (a: Present, b: Present): number => b.priority - a.priority || a.started - b.started;

/** The same by counting alone: slow, and plain. */
function reference(pods: readonly Present[], { free, cpu, priority }: { free: number; cpu: number; priority: number }) {
  return (allowances: Readonly<Record<string, number>>) => {
    const lower = pods.filter((pod) => pod.priority < priority).sort(byWorth);
    const spent: Record<string, number> = {};
    const isProtected = lower.map(({ app }) => {
      spent[app] = (spent[app] ?? 0) + 1;
      return app in allowances && spent[app] > allowances[app]!;
    });
    let room = free + lower.reduce((sum, pod) => sum + pod.cpu, 0) - cpu;
    if (lower.length === 0 || room < 0) return undefined;
    const victims: Present[] = [];
    let violations = 0;
    const order = [...lower.keys()].sort((a, b) => Number(isProtected[b]) - Number(isProtected[a]) || a - b);
    for (const i of order) {
      const pod = lower[i]!;
      if (pod.cpu <= room) room -= pod.cpu;
      else {
        victims.push(pod);
        if (isProtected[i]) violations++;
      }
    }
    return victims.length === 0 ? undefined : { victims: victims.sort(byWorth), violations };
  };
}

/** The costs in their order, as one list of numbers. */
function costs({ victims, violations }: { victims: readonly Present[]; violations: number }): number[] {
  const highest = victims[0]!.priority;
  const sum = victims.reduce((total, { priority }) => total + priority + 2 ** 31, 0);
  const earliest = Math.min(...victims.filter(({ priority }) => priority === highest).map(({ started }) => started));
  return [violations, highest, sum, victims.length, -earliest];
}

function compare(a: readonly number[], b: readonly number[]): number {
  const i = a.findIndex((value, at) => value !== b[at]);
  return i === -1 ? 0 : a[i]! - b[i]!;
}

const present = fc.record({
  priority: fc.integer({ min: -2, max: 6 }),
  cpu: fc.integer({ min: 0, max: 4 }),
  started: fc.integer({ min: 0, max: 3 }),
  app: fc.constantFrom('a', 'b', 'c'),
});
const world = fc.record({
  nodes: fc.array(fc.array(present, { maxLength: 6 }), { minLength: 1, maxLength: 5 }),
  cpu: fc.integer({ min: 1, max: 8 }),
  priority: fc.integer({ min: 0, max: 7 }),
  allowances: fc.dictionary(fc.constantFrom('a', 'b'), fc.integer({ min: 0, max: 2 })),
});

describe('DefaultPreemption [S9]', () => {
  it('finds the victims, and chooses the node, that a plain count finds', () => {
    fc.assert(
      fc.property(world, ({ nodes, cpu, priority, allowances }) => {
        const all = nodes.map((pods, n) => pods.map((pod, i) => ({ ...pod, name: `p${n}-${i}` })));
        const total = 8;
        const cycle = cycleOf(
          podOf('preemptor', { requests: { cpu: `${cpu}` }, spec: { priority } }),
          all.map((_, n) => nodeOf(`n${n}`, { allocatable: { cpu: `${total}`, pods: '110' } })),
          Object.fromEntries(all.map((pods, n) => [`n${n}`, pods.map(presentPod)])),
        );
        const budgets = Object.entries(allowances).map(([app, allowed]) => budget(app, allowed));
        const found = candidatesOf(cycle, budgets);
        const expected = all.flatMap((pods, n) => {
          const free = total - pods.reduce((sum, pod) => sum + pod.cpu, 0);
          const result = reference(pods, { free, cpu, priority })(allowances);
          return result === undefined ? [] : [{ nodeName: `n${n}`, ...result }];
        });
        const namesIn = ({ victims }: Candidate): string[] => victims.map(({ pod }) => pod.metadata.name!).sort();
        expect(found.map((one) => [one.nodeName, one.violations, namesIn(one)])).toEqual(
          expected.map((one) => [one.nodeName, one.violations, one.victims.map(({ name }) => name).sort()]),
        );
        if (expected.length === 0) return;
        const best = expected.map(costs).sort(compare)[0]!;
        const chosen = expected.find(({ nodeName }) => nodeName === chooseCandidate(found).nodeName)!;
        expect(costs(chosen)).toEqual(best);
      }),
      { numRuns: 2000 },
    );
  });

  it('needs no victims where there is room, and finds none of higher or equal priority', () => {
    const preemptor = podOf('p', { requests: { cpu: '4' }, spec: { priority: 5 } });
    const other = (priority: number): Present => ({ name: 'o', priority, cpu: 2, started: 0, app: 'a' });
    const nodes = [nodeOf('n0', { allocatable: { cpu: '4', pods: '10' } })];
    const found = (priority: number): Candidate[] =>
      candidatesOf(cycleOf(preemptor, nodes, { n0: [presentPod(other(priority))] }), []);
    expect([found(5), found(6), found(4).length]).toEqual([[], [], 1]);
    const roomy = [nodeOf('n0', { allocatable: { cpu: '8', pods: '10' } })];
    expect(candidatesOf(cycleOf(preemptor, roomy, { n0: [presentPod(other(1))] }), [])).toEqual([]);
  });

  it('counts what budgets allow, but not evictions that are counted already, nor budgets for nobody', () => {
    const infos = ['x', 'y', 'z'].map((name) =>
      podInfoOf(presentPod({ name, priority: 0, cpu: 1, started: 0, app: 'a' })),
    );
    const violating = (...budgets: PodDisruptionBudget[]): string[] =>
      splitByBudget(infos, budgetsOf(budgets)).violating.map(({ pod }) => pod.metadata.name!);
    expect(violating(budget('a', 1))).toEqual(['y', 'z']);
    expect(violating(budget('a', 1, ['y']))).toEqual(['z']);
    expect(violating(budget('b', 0), budget(undefined, 0))).toEqual([]);
    const unreadable = budget('a', 0);
    unreadable.spec.selector = { matchExpressions: [{ key: 'app', operator: 'Like', values: ['a'] }] };
    expect(violating(unreadable)).toEqual([]);
  });

  it.each([
    [1, 1],
    [50, 50],
    [500, 100],
    [5000, 500],
  ])('looks for %p nodes at %p candidates', (nodes, expected) => {
    expect(candidatesToFind(nodes)).toBe(expected);
  });
});
