/**
 * Where a DaemonSet runs: which nodes want its pod, and which node a pod is for
 * (upstream `NodeShouldRunDaemonPod`, `pkg/controller/daemon/util/daemonset_util.go`). Pure.
 */
import type { DaemonSet } from '../../api/apps/v1/daemon-set.ts';
import { requiredNodes } from '../../api/core/v1/node-matcher.ts';
import type { Node, Taint } from '../../api/core/v1/node.ts';
import type { Pod, PodSpec, PodTemplateSpec, Toleration } from '../../api/core/v1/pod.ts';
import { toleratesAny } from '../../api/core/v1/tolerations.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import { POD_REVISION_LABEL } from '../controller-history/revisions.ts';

const TEMPLATE_GENERATION_LABEL = 'pod-template-generation';
const TEMPLATE_GENERATION_ANNOTATION = 'deprecated.daemonset.template.generation';

export interface Placement {
  /** A pod is to be made there. */
  shouldRun: boolean;
  /** A pod that is there may stay. */
  mayStay: boolean;
}

const NOWHERE: Placement = { shouldRun: false, mayStay: false };

/** For many nodes: what the set asks of a node is worked out once. */
export function placementOf({ spec }: DaemonSet): (node: Node) => Placement {
  const podSpec = withDaemonTolerations(spec.template.spec);
  const required = requiredNodes({ metadata: {}, spec: podSpec } as Pod);
  const isUntolerated = (taint: Taint): boolean => !toleratesAny(podSpec.tolerations, taint);
  return (node) => {
    if (podSpec.nodeName && podSpec.nodeName !== node.metadata.name) return NOWHERE;
    if (required !== undefined && !required.matches(node)) return NOWHERE;
    const keepers = (node.spec?.taints ?? []).filter(
      (taint) => (taint.effect === 'NoExecute' || taint.effect === 'NoSchedule') && isUntolerated(taint),
    );
    return {
      shouldRun: keepers.length === 0,
      mayStay: keepers.every(({ effect }) => effect !== 'NoExecute'),
    };
  };
}

/** Conditions of the node that its daemons put up with, for as long as they last (`AddOrUpdateDaemonPodTolerations`). */
const TOLERATED: readonly [key: string, effect: string][] = [
  ['node.kubernetes.io/not-ready', 'NoExecute'],
  ['node.kubernetes.io/unreachable', 'NoExecute'],
  ['node.kubernetes.io/disk-pressure', 'NoSchedule'],
  ['node.kubernetes.io/memory-pressure', 'NoSchedule'],
  ['node.kubernetes.io/pid-pressure', 'NoSchedule'],
  ['node.kubernetes.io/unschedulable', 'NoSchedule'],
];
const TOLERATED_ON_HOST_NETWORK: readonly [key: string, effect: string] = [
  'node.kubernetes.io/network-unavailable',
  'NoSchedule',
];

function withDaemonTolerations(spec: PodSpec): PodSpec {
  const needed = spec.hostNetwork === true ? [...TOLERATED, TOLERATED_ON_HOST_NETWORK] : TOLERATED;
  const tolerations = needed.reduce<Toleration[]>(
    (all, [key, effect]) => withToleration(all, { key, operator: 'Exists', effect }),
    [...(spec.tolerations ?? [])],
  );
  return { ...spec, tolerations };
}

/** In the place of one that tolerates the same taints, or else as the last. */
function withToleration(all: readonly Toleration[], added: Toleration): Toleration[] {
  const isMatch = ({ key, operator, value, effect }: Toleration): boolean =>
    deepEqual({ key, operator, value, effect }, added);
  return all.some(isMatch) ? all.map((one) => (isMatch(one) ? added : one)) : [...all, added];
}

/** The template of pods for any node: tolerations added, and labels that tell which revision they are of. */
export function daemonPodTemplate({ metadata, spec }: DaemonSet, hash: string): PodTemplateSpec {
  const { template } = spec;
  const generation = metadata.annotations?.[TEMPLATE_GENERATION_ANNOTATION];
  return {
    metadata: {
      ...template.metadata,
      labels: {
        ...template.metadata?.labels,
        ...(generation === undefined || !/^-?\d+$/.test(generation) ? {} : { [TEMPLATE_GENERATION_LABEL]: generation }),
        [POD_REVISION_LABEL]: hash,
      },
    },
    spec: withDaemonTolerations(template.spec),
  };
}

/** Only the scheduler binds pods: the affinity for a node's name makes it that node, in place of what was required. */
export function forNode(template: PodTemplateSpec, nodeName: string): PodTemplateSpec {
  const { affinity } = template.spec;
  const nodeSelectorTerms = [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [nodeName] }] }];
  return {
    ...template,
    spec: {
      ...template.spec,
      affinity: {
        ...affinity,
        nodeAffinity: {
          ...affinity?.nodeAffinity,
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms },
        },
      },
    },
  };
}

/** The node that the pod is on, or is to be on; undefined when nothing says so (`GetTargetNodeName`). */
export function targetNode({ spec }: Pod): string | undefined {
  if (spec.nodeName) return spec.nodeName;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  for (const { matchFields = [] } of required?.nodeSelectorTerms ?? []) {
    const named = matchFields.find(({ key, operator }) => key === 'metadata.name' && operator === 'In');
    if (named !== undefined) return named.values?.length === 1 ? named.values[0] : undefined;
  }
  return undefined;
}
