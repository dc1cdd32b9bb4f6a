/** Validation of autoscalers (`pkg/apis/autoscaling/validation/validation.go`). */
import { fieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import { tryParseQuantity } from '../../machinery/quantity.ts';
import {
  invalidEach,
  isDns1123Label,
  validateNonNegative,
  validatePathSegmentName,
} from '../../machinery/validation.ts';
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerSpec,
  MetricSpec,
  MetricTarget,
  ScalingRules,
} from './types.ts';

const SPEC = fieldPath('spec');
const STATUS = fieldPath('status');
const MAX_PERIOD_SECONDS = 1800;
const MAX_STABILIZATION_SECONDS = 3600;

const SELECT_POLICIES = ['Disabled', 'Max', 'Min'];
const POLICY_TYPES = ['Percent', 'Pods'];
const METRIC_TYPES = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'];

/** The lower bound is 0 only for those that were stored with it. */
export function validateAutoscalerSpec(spec: HorizontalPodAutoscalerSpec, lowest: 0 | 1): FieldError[] {
  const { minReplicas, maxReplicas = 0, metrics = [], behavior } = spec;
  const errors: FieldError[] = [];
  if (minReplicas !== undefined && minReplicas < lowest) {
    const detail = `must be greater than or equal to ${lowest}`;
    errors.push(invalid(SPEC.child('minReplicas'), minReplicas, detail));
  }
  const maxPath = SPEC.child('maxReplicas');
  if (maxReplicas < 1) errors.push(invalid(maxPath, maxReplicas, 'must be greater than 0'));
  if (minReplicas !== undefined && maxReplicas < minReplicas)
    errors.push(invalid(maxPath, maxReplicas, 'must be greater than or equal to `minReplicas`'));
  errors.push(...validateReference(spec.scaleTargetRef, SPEC.child('scaleTargetRef')));
  const metricsPath = SPEC.child('metrics');
  metrics.forEach((metric, i) => errors.push(...validateMetric(metric, metricsPath.index(i))));
  if (minReplicas === 0 && !metrics.some(({ type }) => type === 'Object' || type === 'External')) {
    const detail = 'must specify at least one Object or External metric to support scaling to zero replicas';
    errors.push(forbidden(metricsPath, detail));
  }
  for (const direction of ['scaleUp', 'scaleDown'] as const) {
    const rules = behavior?.[direction];
    if (rules) errors.push(...validateRules(rules, SPEC.child('behavior', direction)));
  }
  return errors;
}

interface Reference {
  kind?: string;
  name?: string;
}

function validateReference(reference: Reference | undefined, path: FieldPath): FieldError[] {
  return (['kind', 'name'] as const).flatMap((field) => {
    const value = reference?.[field] ?? '';
    if (value === '') return [required(path.child(field))];
    return invalidEach(path.child(field), value, validatePathSegmentName(value, false));
  });
}

function validateRules(rules: ScalingRules, path: FieldPath): FieldError[] {
  const { stabilizationWindowSeconds: seconds, selectPolicy, policies = [], tolerance } = rules;
  const errors: FieldError[] = [];
  const secondsPath = path.child('stabilizationWindowSeconds');
  if (seconds !== undefined && seconds < 0)
    errors.push(invalid(secondsPath, seconds, 'must be greater than or equal to zero'));
  if (seconds !== undefined && seconds > MAX_STABILIZATION_SECONDS)
    errors.push(invalid(secondsPath, seconds, `must be less than or equal to ${MAX_STABILIZATION_SECONDS}`));
  if (selectPolicy !== undefined && !SELECT_POLICIES.includes(selectPolicy))
    errors.push(notSupported(path.child('selectPolicy'), selectPolicy, SELECT_POLICIES));
  const policiesPath = path.child('policies');
  if (policies.length === 0) errors.push(required(policiesPath, 'must specify at least one Policy'));
  policies.forEach((policy, i) => errors.push(...validatePolicy(policy, policiesPath.index(i))));
  if ((tryParseQuantity(tolerance)?.nano ?? 0n) < 0n)
    errors.push(invalid(path.child('tolerance'), tolerance, 'must be greater or equal to zero'));
  return errors;
}

type Policy = NonNullable<ScalingRules['policies']>[number];

function validatePolicy({ type = '', value = 0, periodSeconds = 0 }: Policy, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const periodPath = path.child('periodSeconds');
  if (!POLICY_TYPES.includes(type)) errors.push(notSupported(path.child('type'), type, POLICY_TYPES));
  if (value <= 0) errors.push(invalid(path.child('value'), value, 'must be greater than zero'));
  if (periodSeconds <= 0) errors.push(invalid(periodPath, periodSeconds, 'must be greater than zero'));
  if (periodSeconds > MAX_PERIOD_SECONDS)
    errors.push(invalid(periodPath, periodSeconds, `must be less than or equal to ${MAX_PERIOD_SECONDS}`));
  return errors;
}

/** The sources in the order in which upstream looks at them; the first that is there is validated. */
const SOURCES = {
  object: validateObjectSource,
  external: validateExternalSource,
  pods: validatePodsSource,
  resource: validateResourceSource,
  containerResource: validateContainerResourceSource,
} as const;

type SourceName = keyof typeof SOURCES;

function validateMetric(metric: MetricSpec, path: FieldPath): FieldError[] {
  const { type = '' } = metric;
  const errors: FieldError[] = [];
  if (type === '') errors.push(required(path.child('type'), 'must specify a metric source type'));
  if (!METRIC_TYPES.includes(type)) errors.push(notSupported(path.child('type'), type, METRIC_TYPES));
  const present = (Object.keys(SOURCES) as SourceName[]).filter((name) => metric[name] != null);
  const [first] = present;
  if (first !== undefined) errors.push(...SOURCES[first](metric[first] as never, path.child(first)));
  const expected = METRIC_TYPES.includes(type)
    ? ((type.charAt(0).toLowerCase() + type.slice(1)) as SourceName)
    : undefined;
  if (expected !== undefined && metric[expected] == null)
    errors.push(required(path.child(expected), 'must populate information for the given metric source'));
  if (present.length === 1) return errors;
  const others = present.filter((name) => name !== expected);
  return [
    ...errors,
    ...others.map((name) => forbidden(path.child(name), 'must populate the given metric source only')),
  ];
}

function validateObjectSource(source: NonNullable<MetricSpec['object']>, path: FieldPath): FieldError[] {
  const targetPath = path.child('target');
  const errors = [
    ...validateReference(source.describedObject, path.child('describedObject')),
    ...validateIdentifier(source.metric?.name, path.child('metric')),
    ...validateTarget(source.target, targetPath),
  ];
  const { value, averageValue } = source.target ?? {};
  if (value !== undefined || averageValue !== undefined) return errors;
  return [...errors, required(targetPath.child('averageValue'), 'must set either a target value or averageValue')];
}

function validateExternalSource(source: NonNullable<MetricSpec['external']>, path: FieldPath): FieldError[] {
  const targetPath = path.child('target');
  const errors = [
    ...validateIdentifier(source.metric?.name, path.child('metric')),
    ...validateTarget(source.target, targetPath),
  ];
  const { value, averageValue } = source.target ?? {};
  if (value === undefined && averageValue === undefined) {
    const detail = 'must set either a target value for metric or a per-pod target';
    errors.push(required(targetPath.child('averageValue'), detail));
  }
  if (value !== undefined && averageValue !== undefined) {
    const detail = 'may not set both a target value for metric and a per-pod target';
    errors.push(forbidden(targetPath.child('value'), detail));
  }
  return errors;
}

function validatePodsSource(source: NonNullable<MetricSpec['pods']>, path: FieldPath): FieldError[] {
  const targetPath = path.child('target');
  const errors = [
    ...validateIdentifier(source.metric?.name, path.child('metric')),
    ...validateTarget(source.target, targetPath),
  ];
  if (source.target?.averageValue !== undefined) return errors;
  return [...errors, required(targetPath.child('averageValue'), 'must specify a positive target averageValue')];
}

interface ResourceSource {
  name?: string;
  target?: MetricTarget;
}

function validateResourceSource({ name = '', target }: ResourceSource, path: FieldPath): FieldError[] {
  return [
    ...(name === '' ? [required(path.child('name'), 'must specify a resource name')] : []),
    ...validateUtilizationTarget(target, path.child('target')),
  ];
}

function validateContainerResourceSource(
  { name = '', container = '', target }: ResourceSource & { container?: string },
  path: FieldPath,
): FieldError[] {
  const containerPath = path.child('container');
  return [
    ...(name === '' ? [required(path.child('name'), 'must specify a resource name')] : []),
    ...(container === ''
      ? [required(containerPath, 'must specify a container')]
      : invalidEach(containerPath, container, isDns1123Label(container))),
    ...validateUtilizationTarget(target, path.child('target')),
  ];
}

function validateUtilizationTarget(target: MetricTarget | undefined, path: FieldPath): FieldError[] {
  const errors = validateTarget(target, path);
  const { averageUtilization, averageValue } = target ?? {};
  if (averageUtilization === undefined && averageValue === undefined) {
    const detail = 'must set either a target raw value or a target utilization';
    errors.push(required(path.child('averageUtilization'), detail));
  }
  if (averageUtilization !== undefined && averageValue !== undefined) {
    const detail = 'may not set both a target raw value and a target utilization';
    errors.push(forbidden(path.child('averageValue'), detail));
  }
  return errors;
}

function validateIdentifier(name: string | undefined, path: FieldPath): FieldError[] {
  if (!name) return [required(path.child('name'), 'must specify a metric name')];
  return invalidEach(path.child('name'), name, validatePathSegmentName(name, false));
}

function validateTarget(target: MetricTarget | undefined, path: FieldPath): FieldError[] {
  const { type = '', averageUtilization } = target ?? {};
  const errors: FieldError[] = [];
  if (type === '') errors.push(required(path.child('type'), 'must specify a metric target type'));
  if (!['Utilization', 'Value', 'AverageValue'].includes(type))
    errors.push(invalid(path.child('type'), type, 'must be either Utilization, Value, or AverageValue'));
  for (const field of ['value', 'averageValue'] as const) {
    const quantity = tryParseQuantity(target?.[field]);
    if (quantity !== undefined && quantity.nano <= 0n)
      errors.push(invalid(path.child(field), target![field], 'must be positive'));
  }
  if (averageUtilization !== undefined && averageUtilization < 1)
    errors.push(invalid(path.child('averageUtilization'), averageUtilization, 'must be greater than 0'));
  return errors;
}

export function validateAutoscalerStatus({ status }: HorizontalPodAutoscaler): FieldError[] {
  return (['currentReplicas', 'desiredReplicas'] as const).flatMap((field) =>
    validateNonNegative(status?.[field], STATUS.child(field)),
  );
}
