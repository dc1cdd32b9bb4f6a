/** What pods use of quotas (upstream: `pkg/quota/v1/evaluator/core/pods.go`). */
import { isExtendedResource, isHugePagesResource } from '../resource-names.ts';
import { podQosClass } from '../qos.ts';
import { podLimits, podRequests } from '../pod/resources.ts';
import type { ResourceAmounts } from '../pod/resources.ts';
import type { Container, Pod, ResourceList } from '../pod/types.ts';
import { tryParseQuantity } from '../../../machinery/quantity.ts';
import type { QuotaEvaluator, ScopeRequirement } from './evaluator.ts';
import { accepts, ONE } from './evaluator.ts';
import { isQuotaHugePagesResource } from './scopes.ts';

const COUNT = 'count/pods';
const COMPUTE = ['cpu', 'memory', 'ephemeral-storage'];
const POD_RESOURCES = new Set([
  COUNT,
  'pods',
  ...COMPUTE.flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
]);
/** Containers must say what they need of these when they are limited (`validationSet`). */
const STATED = new Set(['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']);

export const podQuota: QuotaEvaluator<Pod> = {
  counts: (name) =>
    POD_RESOURCES.has(name) ||
    isQuotaHugePagesResource(name) ||
    (name.startsWith('requests.') && isExtendedResource(name.slice('requests.'.length))),
  usage(pod, nowMs) {
    const usage: ResourceAmounts = new Map([[COUNT, ONE]]);
    if (!isCharged(pod, nowMs)) return usage;
    usage.set('pods', ONE);
    const options = { useStatusResources: true };
    addUsage(usage, podRequests(pod, options), podLimits(pod, options));
    return usage;
  },
  isOfScope,
  missing: missingAmounts,
  countsUpdates: false,
};

/** Not once it has ended, nor when its time to end is over (`QuotaV1Pod`). */
function isCharged({ status, metadata }: Pod, nowMs: number): boolean {
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return false;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return true;
  return nowMs <= Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

/** Under every name that quotas have for it (`podComputeUsageHelper`). */
function addUsage(usage: ResourceAmounts, requests: ResourceAmounts, limits: ResourceAmounts): void {
  for (const [name, amount] of requests) {
    if (COMPUTE.includes(name) || isHugePagesResource(name)) usage.set(name, amount).set(`requests.${name}`, amount);
    else if (isExtendedResource(name)) usage.set(`requests.${name}`, amount);
  }
  for (const name of COMPUTE) {
    const limit = limits.get(name);
    if (limit !== undefined) usage.set(`limits.${name}`, limit);
  }
}

function parsed(list: ResourceList | undefined): ResourceAmounts {
  const amounts: ResourceAmounts = new Map();
  for (const [name, text] of Object.entries(list ?? {})) {
    const quantity = tryParseQuantity(text);
    if (quantity !== undefined) amounts.set(name, quantity);
  }
  return amounts;
}

/** `must specify cpu for: a,b; memory for: a` */
function missingAmounts(names: readonly string[], { spec }: Pod): string {
  const stated: ResourceAmounts = new Map();
  // What is set for the pod as a whole need not be set for its containers.
  addUsage(stated, parsed(spec.resources?.requests), parsed(spec.resources?.limits));
  const needed = names.filter((name) => STATED.has(name) && !stated.has(name)).sort();
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])] as Container[];
  const problems = needed.flatMap((name) => {
    const without = containers.filter(({ resources }) => {
      const own: ResourceAmounts = new Map();
      addUsage(own, parsed(resources?.requests), parsed(resources?.limits));
      return !own.has(name);
    });
    const list = [...new Set(without.map((container) => container.name))].sort().join(',');
    return without.length === 0 ? [] : [`${name} for: ${list}`];
  });
  return problems.length === 0 ? '' : `must specify ${problems.join('; ')}`;
}

function isOfScope(requirement: ScopeRequirement, pod: Pod): boolean {
  const { spec } = pod;
  switch (requirement.scopeName) {
    case 'Terminating':
      return isTerminating(pod);
    case 'NotTerminating':
      return !isTerminating(pod);
    case 'BestEffort':
      return podQosClass(pod) === 'BestEffort';
    case 'NotBestEffort':
      return podQosClass(pod) !== 'BestEffort';
    case 'PriorityClass':
      return accepts(requirement, spec.priorityClassName ? [spec.priorityClassName] : []);
    case 'CrossNamespacePodAffinity':
      return usesOtherNamespaces(pod);
    default:
      return false;
  }
}

function isTerminating({ spec }: Pod): boolean {
  return (spec.activeDeadlineSeconds ?? -1) >= 0;
}

function usesOtherNamespaces({ spec }: Pod): boolean {
  const terms = (['podAffinity', 'podAntiAffinity'] as const).flatMap((field) => {
    const affinity = spec.affinity?.[field];
    return [
      ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
        ({ podAffinityTerm }) => podAffinityTerm,
      ),
    ];
  });
  return terms.some((term) => (term?.namespaces ?? []).length > 0 || term?.namespaceSelector != null);
}
