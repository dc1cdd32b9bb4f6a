/** NodeName: a pod that names its node gets that one (`plugins/nodename/node_name.go`). */
import { CONTINUE, SKIP } from '../framework.ts';
import type { Plugin, Rejection } from '../framework.ts';

const REJECTION: Rejection = {
  code: 'UnschedulableAndUnresolvable',
  reasons: ["node(s) didn't match the requested node name"],
};

export const nodeName: Plugin = {
  name: 'NodeName',
  events: ['NodeAdd'],
  queueingHint: ({ pod }, event) => event.name !== 'NodeAdd' || pod.spec.nodeName === event.node.metadata.name,
  preFilter: ({ pod }) => ((pod.spec.nodeName ?? '') === '' ? SKIP : CONTINUE),
  filter({ pod }, node) {
    const wanted = pod.spec.nodeName ?? '';
    return wanted === '' || wanted === node.name ? undefined : REJECTION;
  },
};
