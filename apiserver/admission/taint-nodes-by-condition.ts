/**
 * TaintNodesByCondition: a new node takes no pods until the node lifecycle controller has seen that it is ready
 * (upstream `plugin/pkg/admission/nodetaint/admission.go`).
 */
import type { Node } from '../../api/core/v1/node.ts';
import type { AdmissionPlugin } from './admission.ts';
import { isCreationOf } from './refusal.ts';

const TAINT = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };

export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  mutate(attributes) {
    if (!isCreationOf(attributes, 'nodes')) return;
    const { spec } = attributes.object as Node;
    const taints = spec.taints ?? [];
    if (!taints.some(({ key, effect }) => key === TAINT.key && effect === TAINT.effect))
      spec.taints = [...taints, { ...TAINT }];
  },
};
