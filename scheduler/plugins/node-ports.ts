/** NodePorts: host ports that the pod wants must be free (`plugins/nodeports/node_ports.go`). */
import { CONTINUE, SKIP } from '../framework.ts';
import type { Plugin, Rejection } from '../framework.ts';
import { UsedPorts, hostPortsOf } from '../host-ports.ts';

const REJECTION: Rejection = {
  code: 'Unschedulable',
  reasons: ["node(s) didn't have free ports for the requested pod ports"],
};

export const nodePorts: Plugin = {
  name: 'NodePorts',
  events: ['AssignedPodDelete', 'NodeAdd'],
  queueingHint({ hostPorts }, event) {
    if (event.name !== 'AssignedPodDelete') return true;
    const freed = new UsedPorts();
    for (const port of hostPortsOf(event.pod)) freed.add(port);
    return hostPorts.some((port) => freed.conflictsWith(port));
  },
  preFilter: ({ podInfo }) => (podInfo.hostPorts.length === 0 ? SKIP : CONTINUE),
  filter: ({ podInfo }, node) => (node.hasPortConflict(podInfo.hostPorts) ? REJECTION : undefined),
};
