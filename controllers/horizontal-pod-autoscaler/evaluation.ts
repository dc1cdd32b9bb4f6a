/** One look at one autoscaler: its target's scale, its metrics, a new scale, its status (upstream: `reconcileAutoscaler`). */
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerStatus } from '../../api/autoscaling/v2/types.ts';
import { horizontalPodAutoscalers } from '../../api/autoscaling/v2/horizontal-pod-autoscaler.ts';
import type { Pod } from '../../api/core/v1/pod/types.ts';
import { pods } from '../../api/core/v1/pod.ts';
import { deepEqual } from '../../api/machinery/equality.ts';
import { isNotFound } from '../../api/machinery/errors.ts';
import type { Selector } from '../../api/machinery/label-selector.ts';
import { parseLabelSelector } from '../../api/machinery/label-selector.ts';
import type { Resource } from '../../api/machinery/resource.ts';
import { formatTime } from '../../base/clock.ts';
import type { ResourceRef } from '../../client/client.ts';
import { withCondition } from '../../client/conditions.ts';
import type { ControllerContext } from '../../client/controller.ts';
import type { Request } from './behavior.ts';
import { normalize, withScaleEvent } from './behavior.ts';
import type { Memory } from './memory.ts';
import type { MetricsSource } from './metrics.ts';
import { proposeReplicas, tolerancesOf } from './proposals.ts';
import type { Scale } from './scale-target.ts';
import { readScale, resolveKind, writeScale } from './scale-target.ts';

/** `--horizontal-pod-autoscaler-cpu-initialization-period` */
const CPU_INITIALIZATION_MS = 5 * 60_000;
/** `--horizontal-pod-autoscaler-initial-readiness-delay` */
const INITIAL_READINESS_MS = 30_000;

export interface EvaluationOptions {
  autoscaler: HorizontalPodAutoscaler;
  /** `namespace/name` */
  key: string;
  resources: readonly Resource[];
  source: MetricsSource;
  memory: Memory;
  context: ControllerContext;
}

interface Target {
  resource: ResourceRef;
  scale: Scale;
}

/** What is to be done about the target's scale. */
interface Decision {
  replicas: number;
  /** Undefined: nothing. */
  rescale: string | undefined;
  metrics?: HorizontalPodAutoscalerStatus['currentMetrics'];
}

type Condition = NonNullable<HorizontalPodAutoscalerStatus['conditions']>[number];
type Type = 'AbleToScale' | 'ScalingActive' | 'ScalingLimited';

/** What failed has been said in events and in the status. */
export class EvaluationFailure extends Error {}

export async function evaluate(options: EvaluationOptions): Promise<void> {
  await new Evaluation(options).run();
}

class Evaluation {
  readonly #options: EvaluationOptions;
  readonly #nowMs: number;
  #conditions: readonly Condition[];

  constructor(options: EvaluationOptions) {
    this.#options = options;
    this.#nowMs = options.context.now();
    this.#conditions = options.autoscaler.status?.conditions ?? [];
  }

  async run(): Promise<void> {
    const { autoscaler, memory, key } = this.#options;
    const target = await this.#findTarget();
    this.#set('AbleToScale', 'True', {
      reason: 'SucceededGetScale',
      message: "the HPA controller was able to get the target's current scale",
    });
    const current = target.scale.spec?.replicas ?? 0;
    const history = memory.historyOf(key, current, this.#nowMs);
    const decision = await this.#decide(target, current);
    if (decision.rescale === undefined) {
      await this.#report({ current, desired: current, metrics: decision.metrics });
      return;
    }
    await this.#rescale(target, decision);
    const { behavior } = autoscaler.spec;
    const change = { behavior, from: current, to: decision.replicas, nowMs: this.#nowMs };
    memory.setHistory(key, withScaleEvent(memory.historyOf(key, current, this.#nowMs) ?? history, change));
    await this.#report({ current, desired: decision.replicas, metrics: decision.metrics, isRescaled: true });
  }

  async #findTarget(): Promise<Target> {
    const { autoscaler, resources, context, memory, key } = this.#options;
    const { scaleTargetRef } = autoscaler.spec;
    const { namespace = '' } = autoscaler.metadata;
    try {
      const resource = resolveKind(scaleTargetRef, resources, context);
      return { resource, scale: await readScale(resource, { namespace, name: scaleTargetRef.name }, context) };
    } catch (error) {
      context.signal.throwIfAborted();
      const { message } = error as Error;
      // What is gone selects nothing that another autoscaler could not have.
      memory.forgetSelector(key);
      this.#warn('FailedGetScale', message);
      const text = `the HPA controller was unable to get the target's current scale: ${message}`;
      this.#set('AbleToScale', 'False', { reason: 'FailedGetScale', message: text });
      await this.#writeStatus({ ...this.#status(), conditions: [...this.#conditions] });
      throw new EvaluationFailure(message);
    }
  }

  async #decide(target: Target, current: number): Promise<Decision> {
    const { minReplicas = 1, maxReplicas } = this.#options.autoscaler.spec;
    if (current === 0 && minReplicas !== 0) {
      const message = 'scaling is disabled since the replica count of the target is zero';
      this.#set('ScalingActive', 'False', { reason: 'ScalingDisabled', message });
      return { replicas: 0, rescale: undefined };
    }
    if (current > maxReplicas)
      return { replicas: maxReplicas, rescale: 'Current number of replicas above Spec.MaxReplicas' };
    if (current < minReplicas)
      return { replicas: minReplicas, rescale: 'Current number of replicas below Spec.MinReplicas' };
    return this.#decideByMetrics(target, current);
  }

  async #decideByMetrics({ scale }: Target, current: number): Promise<Decision> {
    const { autoscaler, memory, key } = this.#options;
    const { spec } = autoscaler;
    const selector = await this.#selector(scale, current);
    const verdict = await proposeReplicas(spec.metrics ?? [], this.#metricContext(scale, current, selector));
    for (const { reason, message } of verdict.failures) this.#warn(reason, message);
    if (verdict.chosen === undefined) {
      const { reason, message } = verdict.failures[0]!;
      const text = `the HPA was unable to compute the replica count: ${message}`;
      this.#set('ScalingActive', 'False', { reason, message: text });
      return this.#giveUp(verdict.problem!, { current, metrics: verdict.statuses });
    }
    const { name, replicas } = verdict.chosen;
    const message = `the HPA was able to successfully calculate a replica count from ${name}`;
    this.#set('ScalingActive', 'True', { reason: 'ValidMetricFound', message });
    const { minReplicas = 1, maxReplicas, behavior } = spec;
    const bounds = { minReplicas, maxReplicas, behavior, nowMs: this.#nowMs };
    const request: Request = { ...bounds, currentReplicas: current, desiredReplicas: replicas };
    const normalized = normalize(request, memory.historyOf(key, current, this.#nowMs));
    memory.setHistory(key, normalized.history);
    this.#set('AbleToScale', 'True', normalized.able);
    const { isLimited, ...limited } = normalized.limited;
    this.#set('ScalingLimited', isLimited ? 'True' : 'False', limited);
    const why = replicas > current ? `${name} above target` : replicas < current ? 'All metrics below target' : '';
    return {
      replicas: normalized.replicas,
      rescale: normalized.replicas === current ? undefined : why,
      metrics: verdict.statuses,
    };
  }

  #metricContext(scale: Scale, current: number, selector: Selector): Parameters<typeof proposeReplicas>[1] {
    const { autoscaler, source, context } = this.#options;
    const { namespace = '' } = autoscaler.metadata;
    const times = {
      nowMs: this.#nowMs,
      cpuInitializationMs: CPU_INITIALIZATION_MS,
      initialReadinessMs: INITIAL_READINESS_MS,
    };
    return {
      namespace,
      selector,
      source,
      times,
      currentReplicas: current,
      statusReplicas: scale.status?.replicas ?? 0,
      tolerances: tolerancesOf(autoscaler),
      pods: context.lister<Pod>(pods).list({ namespace, labelSelector: selector }),
    };
  }

  /** Of the target's pods, which no other autoscaler may select, too (`validateAndParseSelector`). */
  async #selector(scale: Scale, current: number): Promise<Selector> {
    const { autoscaler, memory, key, context } = this.#options;
    const text = scale.status?.selector ?? '';
    if (text === '') {
      this.#warn('SelectorRequired', 'selector is required');
      const message = "the HPA target's scale is missing a selector";
      this.#set('ScalingActive', 'False', { reason: 'InvalidSelector', message });
      return this.#giveUp('selector is required', { current });
    }
    let selector: Selector;
    try {
      selector = parseLabelSelector(text);
    } catch (error) {
      const message = `couldn't convert selector into a corresponding internal selector object: ${(error as Error).message}`;
      return this.#refuseSelector('InvalidSelector', message, current);
    }
    const { namespace = '' } = autoscaler.metadata;
    memory.setSelector(key, selector);
    const selected = context.lister<Pod>(pods).list({ namespace, labelSelector: selector });
    const keys = memory.keysSelecting(namespace, selected);
    if (keys.length <= 1) return selector;
    const message = `pods by selector ${text} are controlled by multiple HPAs: [${keys.join(' ')}]`;
    return this.#refuseSelector('AmbiguousSelector', message, current);
  }

  #refuseSelector(reason: string, message: string, current: number): Promise<never> {
    this.#warn(reason, message);
    this.#set('ScalingActive', 'False', { reason, message });
    return this.#giveUp(message, { current });
  }

  async #giveUp(
    problem: string,
    { current, metrics }: { current: number; metrics?: Decision['metrics'] },
  ): Promise<never> {
    await this.#report({ current, desired: this.#status().desiredReplicas, metrics });
    this.#warn('FailedComputeMetricsReplicas', problem);
    throw new EvaluationFailure(problem);
  }

  async #rescale({ resource, scale }: Target, { replicas, rescale, metrics }: Decision): Promise<void> {
    const { context, autoscaler } = this.#options;
    const current = scale.spec?.replicas ?? 0;
    try {
      await writeScale(resource, { ...scale, spec: { ...scale.spec, replicas } }, context);
    } catch (error) {
      context.signal.throwIfAborted();
      const { message } = error as Error;
      this.#warn('FailedRescale', `New size: ${replicas}; reason: ${rescale}; error: ${message}`);
      const text = `the HPA controller was unable to update the target scale: ${message}`;
      this.#set('AbleToScale', 'False', { reason: 'FailedUpdateScale', message: text });
      await this.#report({ current, desired: this.#status().desiredReplicas, metrics });
      throw new EvaluationFailure(message);
    }
    const message = `the HPA controller was able to update the target scale to ${replicas}`;
    this.#set('AbleToScale', 'True', { reason: 'SucceededRescale', message });
    context.events.event(autoscaler, 'Normal', 'SuccessfulRescale', `New size: ${replicas}; reason: ${rescale}`);
  }

  #status(): HorizontalPodAutoscalerStatus {
    return this.#options.autoscaler.status ?? { desiredReplicas: 0 };
  }

  async #report({
    current,
    desired,
    metrics,
    isRescaled = false,
  }: {
    current: number;
    desired: number;
    metrics?: Decision['metrics'];
    isRescaled?: boolean;
  }): Promise<void> {
    const { lastScaleTime } = this.#status();
    const scaledAt = isRescaled ? formatTime(this.#nowMs) : lastScaleTime;
    await this.#writeStatus({
      ...(current === 0 ? {} : { currentReplicas: current }),
      desiredReplicas: desired,
      ...(scaledAt === undefined ? {} : { lastScaleTime: scaledAt }),
      ...(metrics === undefined ? {} : { currentMetrics: metrics }),
      conditions: [...this.#conditions],
    });
  }

  async #writeStatus(status: HorizontalPodAutoscalerStatus): Promise<void> {
    const { autoscaler, context } = this.#options;
    if (deepEqual(status, autoscaler.status)) return;
    try {
      await context.client.update(horizontalPodAutoscalers, { ...autoscaler, status }, { subresource: 'status' });
    } catch (error) {
      if (isNotFound(error)) return;
      context.signal.throwIfAborted();
      this.#warn('FailedUpdateStatus', (error as Error).message);
      throw new EvaluationFailure((error as Error).message);
    }
  }

  #set(type: Type, status: 'True' | 'False', { reason, message }: { reason: string; message: string }): void {
    const condition = { type, status, reason, message };
    this.#conditions = withCondition<Condition>(this.#conditions, condition, formatTime(this.#nowMs));
  }

  #warn(reason: string, message: string): void {
    const { autoscaler, context } = this.#options;
    context.events.event(autoscaler, 'Warning', reason, message);
  }
}
