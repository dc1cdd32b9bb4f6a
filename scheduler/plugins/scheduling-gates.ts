/**
 * SchedulingGates: a pod with gates does not come into the queue (`plugins/schedulinggates/scheduling_gates.go`). Its
 * condition says so since its creation.
 */
import type { Plugin } from '../framework.ts';

export const schedulingGates: Plugin = {
  name: 'SchedulingGates',
  preEnqueue({ spec }) {
    const gates = spec.schedulingGates ?? [];
    if (gates.length === 0) return undefined;
    const names = gates.map(({ name }) => name).join(' ');
    return { code: 'UnschedulableAndUnresolvable', reasons: [`waiting for scheduling gates: [${names}]`] };
  },
  events: ['PodGatesEliminated'],
};
