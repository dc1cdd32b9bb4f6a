/** PrioritySort: higher priority first, then who came first (`plugins/queuesort/priority_sort.go`). */
import type { Plugin } from '../framework.ts';

export const prioritySort: Plugin = {
  name: 'PrioritySort',
  less(a, b) {
    if (a.podInfo.priority !== b.podInfo.priority) return a.podInfo.priority > b.podInfo.priority;
    return a.timestampMs < b.timestampMs;
  },
};
