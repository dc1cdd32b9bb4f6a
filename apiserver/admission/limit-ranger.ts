/**
 * LimitRanger: gives containers the requests and limits that the namespace's LimitRanges have for them, and refuses
 * pods and claims out of their bounds (upstream `plugin/pkg/admission/limitranger/admission.go`).
 */
import type { LimitRange, LimitRangeItem } from '../../api/core/v1/limit-range.ts';
import type { PersistentVolumeClaim } from '../../api/core/v1/persistent-volume-claim.ts';
import type { Container, Pod } from '../../api/core/v1/pod.ts';
import { aggregateContainerLimits, aggregateContainerRequests } from '../../api/core/v1/pod/resources.ts';
import type { ResourceAmounts } from '../../api/core/v1/pod/resources.ts';
import type { Lister } from '../../api/machinery/handler.ts';
import type { Quantity } from '../../api/machinery/quantity.ts';
import { tryParseQuantity } from '../../api/machinery/quantity.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './admission.ts';
import { objectsByNamespace } from './by-namespace.ts';
import { isKind, refuse } from './refusal.ts';

const ANNOTATION = 'kubernetes.io/limit-ranger';

type Amounts = Readonly<Record<string, string>> | undefined;

export function limitRanger(lister: Lister<LimitRange>): AdmissionPlugin {
  const rangesOf = objectsByNamespace(lister);
  return {
    name: 'LimitRanger',
    mutate(attributes) {
      if (!isLimited(attributes) || !isKind(attributes.resource, 'pods')) return;
      for (const { spec } of rangesOf(attributes.namespace)) setDefaults(attributes.object as Pod, spec.limits);
    },
    validate(attributes) {
      if (!isLimited(attributes)) return;
      for (const { spec } of rangesOf(attributes.namespace)) {
        const problems = isKind(attributes.resource, 'pods')
          ? podProblems(attributes.object as Pod, spec.limits)
          : claimProblems(attributes.object as PersistentVolumeClaim, spec.limits);
        if (problems.length > 0) refuse(attributes, aggregate(problems));
      }
    },
  };
}

/** New pods and those that are resized, and claims whenever they change; not what is being deleted. */
function isLimited({ operation, resource, subresource, oldObject }: AdmissionAttributes): boolean {
  if (oldObject?.metadata.deletionTimestamp !== undefined) return false;
  if (subresource === 'resize') return isKind(resource, 'pods') && operation === 'UPDATE';
  if (subresource !== '') return false;
  if (isKind(resource, 'pods')) return operation === 'CREATE';
  return isKind(resource, 'persistentvolumeclaims') && (operation === 'CREATE' || operation === 'UPDATE');
}

/** `errors.NewAggregate`: each problem once. */
function aggregate(problems: readonly string[]): string {
  const once = [...new Set(problems)];
  return once.length === 1 ? once[0]! : `[${once.join(', ')}]`;
}

function setDefaults(pod: Pod, limits: readonly LimitRangeItem[]): void {
  const items = limits.filter(({ type }) => type === 'Container');
  const requests = Object.assign({}, ...items.map(({ defaultRequest }) => defaultRequest)) as Record<string, string>;
  const maxima = Object.assign({}, ...items.map((item) => item.default)) as Record<string, string>;
  const notes: string[] = [];
  for (const field of ['containers', 'initContainers'] as const) {
    const subject = field === 'containers' ? 'container' : 'init container';
    for (const container of (pod.spec?.[field] ?? []) as Container[]) {
      const requested = fill(container, 'requests', requests);
      const limited = fill(container, 'limits', maxima);
      if (requested.length > 0) notes.push(`${requested.join(', ')} request for ${subject} ${container.name}`);
      if (limited.length > 0) notes.push(`${limited.join(', ')} limit for ${subject} ${container.name}`);
    }
  }
  if (notes.length === 0) return;
  pod.metadata.annotations = {
    ...pod.metadata.annotations,
    [ANNOTATION]: `LimitRanger plugin set: ${notes.join('; ')}`,
  };
}

/** Gives the names that were missing. */
function fill(container: Container, side: 'requests' | 'limits', amounts: Record<string, string>): string[] {
  const present = container.resources?.[side];
  const missing = Object.keys(amounts).filter((name) => present === undefined || !Object.hasOwn(present, name));
  if (missing.length === 0) return [];
  const resources = (container.resources ??= {});
  const list: Record<string, string> = { ...present };
  for (const name of missing) list[name] = amounts[name]!;
  resources[side] = list;
  return missing.sort();
}

/** What one container, pod or claim asks for. */
interface Subject {
  type: string;
  requests: ResourceAmounts;
  limits: ResourceAmounts;
}

function podProblems(pod: Pod, limits: readonly LimitRangeItem[]): string[] {
  return limits.flatMap((item) => {
    const { type } = item;
    if (type === 'Container') {
      const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])] as Container[];
      return containers.flatMap(({ resources }) =>
        problemsOf({ type, requests: parsed(resources?.requests), limits: parsed(resources?.limits) }, item),
      );
    }
    if (type !== 'Pod') return [];
    return problemsOf({ type, requests: aggregateContainerRequests(pod), limits: aggregateContainerLimits(pod) }, item);
  });
}

function claimProblems({ spec }: PersistentVolumeClaim, limits: readonly LimitRangeItem[]): string[] {
  const requests = parsed(spec.resources?.requests);
  return limits
    .filter(({ type }) => type === 'PersistentVolumeClaim')
    .flatMap(({ type, min, max }) => [
      ...each(min, (name, bound) => minProblem({ type, requests, limits: new Map() }, name, bound)),
      ...each(max, (name, bound) => maxRequestProblem({ type, requests, limits: new Map() }, name, bound)),
    ]);
}

function problemsOf(subject: Subject, { min, max, maxLimitRequestRatio: ratio }: LimitRangeItem): string[] {
  return [
    ...each(min, (name, bound) => minProblem(subject, name, bound)),
    ...each(max, (name, bound) => maxProblem(subject, name, bound)),
    ...each(ratio, (name, bound) => ratioProblem(subject, name, bound)),
  ];
}

function each(list: Amounts, check: (name: string, bound: Quantity) => string | undefined): string[] {
  return Object.keys(list ?? {})
    .sort()
    .flatMap((name) => {
      const bound = tryParseQuantity(list![name]);
      const problem = bound === undefined ? undefined : check(name, bound);
      return problem === undefined ? [] : [problem];
    });
}

function parsed(list: Amounts): ResourceAmounts {
  const amounts: ResourceAmounts = new Map();
  for (const [name, text] of Object.entries(list ?? {})) {
    const quantity = tryParseQuantity(text);
    if (quantity !== undefined) amounts.set(name, quantity);
  }
  return amounts;
}

function minProblem({ type, requests, limits }: Subject, name: string, bound: Quantity): string | undefined {
  const head = `minimum ${name} usage per ${type} is ${bound.toString()}`;
  const [request, limit] = [requests.get(name), limits.get(name)];
  if (request === undefined) return `${head}.  No request is specified`;
  if (request.cmp(bound) < 0) return `${head}, but request is ${request.toString()}`;
  return limit !== undefined && limit.cmp(bound) < 0 ? `${head}, but limit is ${limit.toString()}` : undefined;
}

function maxProblem({ type, requests, limits }: Subject, name: string, bound: Quantity): string | undefined {
  const head = `maximum ${name} usage per ${type} is ${bound.toString()}`;
  const [request, limit] = [requests.get(name), limits.get(name)];
  if (limit === undefined) return `${head}.  No limit is specified`;
  if (limit.cmp(bound) > 0) return `${head}, but limit is ${limit.toString()}`;
  return request !== undefined && request.cmp(bound) > 0 ? `${head}, but request is ${request.toString()}` : undefined;
}

/** For kinds whose limits mean nothing. */
function maxRequestProblem({ type, requests }: Subject, name: string, bound: Quantity): string | undefined {
  const head = `maximum ${name} usage per ${type} is ${bound.toString()}`;
  const request = requests.get(name);
  if (request === undefined) return `${head}.  No request is specified`;
  return request.cmp(bound) > 0 ? `${head}, but request is ${request.toString()}` : undefined;
}

function ratioProblem({ type, requests, limits }: Subject, name: string, bound: Quantity): string | undefined {
  const head = `${name} max limit to request ratio per ${type} is ${bound.toString()}`;
  const [request, limit] = [requests.get(name), limits.get(name)];
  if (request === undefined || request.isZero()) return `${head}, but no request is specified or request is 0`;
  if (limit === undefined || limit.isZero()) return `${head}, but no limit is specified or limit is 0`;
  const ratio = Number(limit.nano) / Number(request.nano);
  return ratio > Number(bound.nano) / 1e9 ? `${head}, but provided ratio is ${ratio.toFixed(6)}` : undefined;
}
