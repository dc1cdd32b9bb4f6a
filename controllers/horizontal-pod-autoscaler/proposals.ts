/**
 * What each metric of an autoscaler asks for, its status, and the largest of the answers
 * (upstream: `horizontal.go`, `computeReplicasForMetrics` and `computeStatusFor…`).
 */
import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
} from '../../api/autoscaling/v2/types.ts';
import type { Selector } from '../../api/machinery/label-selector.ts';
import { selectorFromObject } from '../../api/machinery/label-selector.ts';
import { quantityFromMilli, tryParseQuantity } from '../../api/machinery/quantity.ts';
import { formatLabelSelector } from './go-text.ts';
import type { MetricsSource } from './metrics.ts';
import type { Situation } from './replica-calculator.ts';
import {
  replicasForAverage,
  replicasForShare,
  replicasForUtilization,
  replicasForValue,
} from './replica-calculator.ts';

export interface MetricContext extends Situation {
  namespace: string;
  selector: Selector;
  /** What the target says that it has. */
  statusReplicas: number;
  source: MetricsSource;
}

/** A metric that cannot be had; `message` is what the event and the condition say. */
export class MetricFailure extends Error {
  readonly reason: string;
  /** With what the metric is put before it in the sum of all failures. */
  readonly summary: string;
  constructor(reason: string, message: string, summary: string) {
    super(message);
    this.reason = reason;
    this.summary = summary;
  }
}

export interface MetricProposal {
  replicas: number;
  /** For messages: `cpu resource utilization (percentage of request)`. */
  name: string;
  status: MetricStatus;
}

export interface Verdict {
  statuses: MetricStatus[];
  /** Undefined when nothing can be done. */
  chosen: { replicas: number; name: string } | undefined;
  /** In the metrics' order. */
  failures: MetricFailure[];
  /** What they come to: `invalid metrics (1 invalid out of 2), first error is: …`. */
  problem: string | undefined;
}

/** Of a metric that gave none; upstream writes it like this. */
const NO_STATUS: MetricStatus = { type: '' };

/** Fewer replicas only when every metric can be had, and then the most that one of them asks for. */
export async function proposeReplicas(metrics: readonly MetricSpec[], context: MetricContext): Promise<Verdict> {
  const failures: MetricFailure[] = [];
  const statuses: MetricStatus[] = [];
  let chosen: Verdict['chosen'];
  for (const metric of metrics) {
    const answer = await propose(metric, context).catch((error: unknown) => error as Error);
    if (answer instanceof Error) {
      failures.push(asFailure(metric, answer));
      statuses.push(NO_STATUS);
      continue;
    }
    statuses.push(answer.status);
    if (chosen === undefined || chosen.replicas === 0 || answer.replicas > chosen.replicas) chosen = answer;
  }
  if (failures.length === 0) return { statuses, chosen, failures, problem: undefined };
  const isDown = (chosen?.replicas ?? 0) < context.currentReplicas;
  const problem = `invalid metrics (${failures.length} invalid out of ${metrics.length}), first error is: ${failures[0]!.summary}`;
  return { statuses, chosen: isDown ? undefined : chosen, failures, problem };
}

const REASONS: Readonly<Record<string, string>> = {
  Object: 'FailedGetObjectMetric',
  Pods: 'FailedGetPodsMetric',
  Resource: 'FailedGetResourceMetric',
  ContainerResource: 'FailedGetContainerResourceMetric',
  External: 'FailedGetExternalMetric',
};

function asFailure(metric: MetricSpec, { message }: Error): MetricFailure {
  const reason = REASONS[metric.type];
  if (reason === undefined) return new MetricFailure('InvalidMetricSourceType', message, message);
  return new MetricFailure(reason, message, `${prefixOf(metric)}: ${message}`);
}

function prefixOf({ type, resource, containerResource, external }: MetricSpec): string {
  switch (type) {
    case 'Object':
      return 'failed to get object metric value';
    case 'Pods':
      return 'failed to get pods metric value';
    case 'Resource':
      return `failed to get ${resource?.name} resource metric value`;
    case 'ContainerResource':
      return `failed to get ${containerResource?.container} container metric value`;
    default:
      return `failed to get ${external?.metric.name} external metric value`;
  }
}

async function propose(metric: MetricSpec, context: MetricContext): Promise<MetricProposal> {
  switch (metric.type) {
    case 'Object':
      return proposeForObject(metric.object!, context);
    case 'Pods':
      return proposeForPods(metric.pods!, context);
    case 'Resource': {
      const { name, target } = metric.resource!;
      const found = await proposeForResource({ name, target, container: '' }, context);
      return { ...found, status: { type: 'Resource', resource: { name, current: found.current } } };
    }
    case 'ContainerResource': {
      const { name, container, target } = metric.containerResource!;
      const found = await proposeForResource({ name, target, container }, context);
      const status = { type: 'ContainerResource', containerResource: { name, container, current: found.current } };
      return { ...found, status };
    }
    case 'External':
      return proposeForExternal(metric.external!, context);
    default:
      throw new Error(`unknown metric source type ${JSON.stringify(metric.type)}`);
  }
}

type Current = NonNullable<MetricStatus['resource']>['current'];

async function proposeForResource(
  { name, target, container }: { name: string; target: MetricTarget; container: string },
  context: MetricContext,
): Promise<{ replicas: number; name: string; current: Current }> {
  const averageValue = milliOf(target.averageValue);
  const { averageUtilization: percent } = target;
  if (averageValue === undefined && percent === undefined) {
    throw new Error(
      'invalid resource metric source: neither an average utilization target nor an average value (usage) target was set',
    );
  }
  return within(`failed to get ${name} ${averageValue === undefined ? 'utilization' : 'usage'}`, async () => {
    const { namespace, selector, source } = context;
    const metrics = await within(`unable to get metrics for resource ${name}`, () =>
      source.resourceMetrics({ resource: name, namespace, selector, container }),
    );
    if (averageValue !== undefined) {
      const { replicas, usage } = replicasForAverage(context, { resource: name, value: averageValue, metrics });
      return { replicas, name: `${name} resource`, current: { averageValue: textOf(usage) } };
    }
    const found = replicasForUtilization(context, { resource: name, container, percent: percent!, metrics });
    return {
      replicas: found.replicas,
      name: `${name} ${container === '' ? '' : 'container '}resource utilization (percentage of request)`,
      current: { averageUtilization: found.percent, averageValue: textOf(found.usage) },
    };
  });
}

async function proposeForPods(
  { metric, target }: NonNullable<MetricSpec['pods']>,
  context: MetricContext,
): Promise<MetricProposal> {
  const { namespace, selector, source } = context;
  const metricSelector = selectorFromObject(metric.selector ?? {});
  const metrics = await within(`unable to get metric ${metric.name}`, () =>
    source.podsMetrics({ metric: metric.name, namespace, selector, metricSelector }),
  );
  const value = milliOf(target.averageValue) ?? 0;
  const { replicas, usage } = replicasForAverage(context, { resource: '', value, metrics });
  return {
    replicas,
    name: `pods metric ${metric.name}`,
    status: { type: 'Pods', pods: { metric, current: { averageValue: textOf(usage) } } },
  };
}

async function proposeForObject(
  { metric, target, describedObject }: NonNullable<MetricSpec['object']>,
  context: MetricContext,
): Promise<MetricProposal> {
  const { namespace, source } = context;
  const [value, averageValue] = [milliOf(target.value), milliOf(target.averageValue)];
  const read = async (): Promise<number> => {
    try {
      const metricSelector = selectorFromObject(metric.selector ?? {});
      return await source.objectMetric({ metric: metric.name, namespace, object: describedObject, metricSelector });
    } catch (error) {
      // Upstream's words, in upstream's odd order.
      const about = `${describedObject.kind} on ${namespace} ${describedObject.name}`;
      throw new Error(`unable to get metric ${metric.name}: ${about}/${(error as Error).message}`, { cause: error });
    }
  };
  if (target.type === 'Value' && value !== undefined) {
    const { replicas, usage } = replicasForValue(context, { value, usage: await read() });
    return {
      replicas,
      name: `${describedObject.kind} metric ${metric.name}`,
      status: { type: 'Object', object: { describedObject, metric, current: { value: textOf(usage) } } },
    };
  }
  if (target.type === 'AverageValue' && averageValue !== undefined) {
    return within(`failed to get ${metric.name} object metric`, async () => {
      const { replicas, usage } = replicasForShare(context, { value: averageValue, usage: await read() });
      return {
        replicas,
        name: `external metric ${metric.name}(${formatLabelSelector(metric.selector)})`,
        status: { type: 'Object', object: { describedObject, metric, current: { averageValue: textOf(usage) } } },
      };
    });
  }
  throw new Error('invalid object metric source: neither a value target nor an average value target was set');
}

async function proposeForExternal(
  { metric, target }: NonNullable<MetricSpec['external']>,
  context: MetricContext,
): Promise<MetricProposal> {
  const { namespace, source } = context;
  const selectorText = formatLabelSelector(metric.selector);
  const [value, averageValue] = [milliOf(target.value), milliOf(target.averageValue)];
  if (value === undefined && averageValue === undefined)
    throw new Error('invalid external metric source: neither a value target nor an average value target was set');
  const isShared = averageValue !== undefined;
  const problem = isShared
    ? `failed to get ${metric.name} external metric`
    : `failed to get external metric ${metric.name}`;
  return within(problem, async () => {
    const metricSelector = selectorFromObject(metric.selector ?? {});
    const values = await within(`unable to get external metric ${namespace}/${metric.name}/${selectorText}`, () =>
      source.externalMetrics({ metric: metric.name, namespace, metricSelector }),
    );
    const usage = values.reduce((total, one) => total + one, 0);
    const found = isShared
      ? replicasForShare(context, { value: averageValue, usage })
      : replicasForValue(context, { value: value!, usage });
    const current = isShared ? { averageValue: textOf(found.usage) } : { value: textOf(found.usage) };
    return {
      replicas: found.replicas,
      name: `external metric ${metric.name}(${selectorText})`,
      status: { type: 'External', external: { metric, current } },
    };
  });
}

/** As Go wraps errors. */
async function within<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  }
}

const milliOf = (quantity: string | undefined): number | undefined => tryParseQuantity(quantity)?.milliValue();

const textOf = (milli: number): string => quantityFromMilli(Math.round(milli)).toString();

/** As upstream writes a tolerance: a plain fraction. */
export function tolerancesOf({ spec }: HorizontalPodAutoscaler): { up: number; down: number } {
  const fraction = (text: string | undefined): number => {
    const quantity = tryParseQuantity(text);
    return quantity === undefined ? DEFAULT_TOLERANCE : Number(quantity.nano) / 1e9;
  };
  const { scaleUp, scaleDown } = spec.behavior ?? {};
  return { up: fraction(scaleUp?.tolerance), down: fraction(scaleDown?.tolerance) };
}

/** `--horizontal-pod-autoscaler-tolerance` */
const DEFAULT_TOLERANCE = 0.1;
