/** Checks plugins' args (`pkg/scheduler/apis/config/validation/validation_pluginargs.go`): every problem, never throws. */
import type { V1TopologySpreadConstraint } from '@kubernetes/client-node';
import { validateNodeAffinity } from '../api/core/v1/pod/validate-affinity.ts';
import { duplicate, forbidden, invalid, notSupported, required } from '../api/machinery/field-error.ts';
import type { FieldError, FieldPath } from '../api/machinery/field-error.ts';
import { invalidEach, isQualifiedName } from '../api/machinery/validation.ts';
import { weightOf } from './plugin-args.ts';
import type {
  DefaultPreemptionArgs,
  InterPodAffinityArgs,
  NodeAffinityArgs,
  NodeResourcesBalancedAllocationArgs,
  NodeResourcesFitArgs,
  PluginArgs,
  PodTopologySpreadArgs,
  ResourceSpec,
  ScoringStrategy,
  UtilizationShapePoint,
  VolumeBindingArgs,
} from './plugin-args.ts';

const STRATEGIES = ['LeastAllocated', 'MostAllocated', 'RequestedToCapacityRatio'];
const DEFAULTINGS = ['System', 'List'];
const ACTIONS = ['DoNotSchedule', 'ScheduleAnyway'];
const CAN_NOT_BE_EMPTY = 'can not be empty';

type Validators = {
  [Name in keyof PluginArgs]-?: (args: NonNullable<PluginArgs[Name]>, path: FieldPath) => FieldError[];
};

const VALIDATORS: Validators = {
  DefaultPreemption: validateDefaultPreemptionArgs,
  NodeAffinity: validateNodeAffinityArgs,
  NodeResourcesFit: validateNodeResourcesFitArgs,
  NodeResourcesBalancedAllocation: validateBalancedAllocationArgs,
  InterPodAffinity: validateInterPodAffinityArgs,
  PodTopologySpread: validatePodTopologySpreadArgs,
  VolumeBinding: validateVolumeBindingArgs,
};

/** Of one plugin; of a plugin that takes none, nothing is wrong. */
export function validatePluginArgs<Name extends keyof PluginArgs>(
  plugin: Name,
  args: NonNullable<PluginArgs[Name]>,
  path: FieldPath,
): FieldError[] {
  return Object.hasOwn(VALIDATORS, plugin) ? VALIDATORS[plugin](args, path) : [];
}

function validateNodeAffinityArgs({ addedAffinity }: NodeAffinityArgs, path: FieldPath): FieldError[] {
  return addedAffinity === undefined ? [] : validateNodeAffinity(addedAffinity, path.child('addedAffinity'));
}

function validateNodeResourcesFitArgs(args: NodeResourcesFitArgs, path: FieldPath): FieldError[] {
  const { ignoredResources = [], ignoredResourceGroups = [], scoringStrategy } = args;
  const errors = ignoredResources.flatMap((name, i) =>
    invalidEach(path.child('ignoredResources').index(i), name, isQualifiedName(name)),
  );
  for (const [i, group] of ignoredResourceGroups.entries()) {
    const groupPath = path.child('ignoredResourceGroups').index(i);
    if (group.includes('/')) errors.push(invalid(groupPath, group, "resource group name can't contain '/'"));
    errors.push(...invalidEach(groupPath, group, isQualifiedName(group)));
  }
  if (scoringStrategy !== undefined) errors.push(...validateStrategy(scoringStrategy, path.child('scoringStrategy')));
  return errors;
}

function validateStrategy(strategy: ScoringStrategy, path: FieldPath): FieldError[] {
  const { type = '', resources = [], requestedToCapacityRatio } = strategy;
  const errors = STRATEGIES.includes(type) ? [] : [notSupported(path.child('type'), type, STRATEGIES)];
  errors.push(...resources.flatMap((resource, i) => validateWeight(resource, path.child('resources').index(i))));
  const ratioPath = path.child('requestedToCapacityRatio');
  if (type !== 'RequestedToCapacityRatio') {
    if (requestedToCapacityRatio === undefined) return errors;
    return [...errors, forbidden(ratioPath, 'must be nil when type is not RequestedToCapacityRatio')];
  }
  if (requestedToCapacityRatio === undefined) {
    return [...errors, required(ratioPath, 'must be specified when type is RequestedToCapacityRatio')];
  }
  return [...errors, ...validateShape(requestedToCapacityRatio.shape ?? [], ratioPath.child('shape'))];
}

function validateWeight(resource: ResourceSpec, path: FieldPath): FieldError[] {
  const weight = weightOf(resource);
  if (weight > 0 && weight <= 100) return [];
  return [invalid(path.child('weight'), weight, `resource weight of ${resource.name} not in valid range (0, 100]`)];
}

function validateShape(shape: readonly UtilizationShapePoint[], path: FieldPath): FieldError[] {
  if (shape.length === 0) return [required(path, 'at least one point must be specified')];
  const errors: FieldError[] = [];
  const unsorted = shape.findIndex(({ utilization }, i) => i > 0 && shape[i - 1]!.utilization >= utilization);
  if (unsorted > 0) {
    const utilizationPath = path.index(unsorted).child('utilization');
    errors.push(invalid(utilizationPath, shape[unsorted]!.utilization, 'values must be sorted in increasing order'));
  }
  for (const [i, { utilization, score }] of shape.entries()) {
    errors.push(...validateRange(utilization, 100, path.index(i).child('utilization')));
    errors.push(...validateRange(score, 10, path.index(i).child('score')));
  }
  return errors;
}

function validateRange(value: number, maximum: number, path: FieldPath): FieldError[] {
  return value >= 0 && value <= maximum ? [] : [invalid(path, value, `not in valid range [0, ${maximum}]`)];
}

function validateBalancedAllocationArgs(
  { resources = [] }: NodeResourcesBalancedAllocationArgs,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, resource] of resources.entries()) {
    const { name } = resource;
    const weight = weightOf(resource);
    const resourcePath = path.child('resources').index(i);
    if (seen.has(name)) errors.push(duplicate(resourcePath.child('name'), name));
    seen.add(name);
    if (weight !== 1) errors.push(invalid(resourcePath.child('weight'), weight, 'must be 1'));
  }
  return errors;
}

function validateInterPodAffinityArgs(
  { hardPodAffinityWeight = 1 }: InterPodAffinityArgs,
  path: FieldPath,
): FieldError[] {
  return validateRange(hardPodAffinityWeight, 100, path.child('hardPodAffinityWeight'));
}

function validatePodTopologySpreadArgs(args: PodTopologySpreadArgs, path: FieldPath): FieldError[] {
  const { defaultConstraints = [], defaultingType = 'System' } = args;
  const typePath = path.child('defaultingType');
  const errors: FieldError[] = [];
  if (!DEFAULTINGS.includes(defaultingType)) errors.push(notSupported(typePath, defaultingType, DEFAULTINGS));
  else if (defaultingType === 'System' && defaultConstraints.length > 0) {
    errors.push(invalid(typePath, defaultingType, 'when .defaultConstraints are not empty'));
  }
  const seen = new Set<string>();
  for (const [i, constraint] of defaultConstraints.entries()) {
    const constraintPath = path.child('defaultConstraints').index(i);
    errors.push(...validateDefaultConstraint(constraint, constraintPath));
    const pair = `{${constraint.topologyKey}, ${constraint.whenUnsatisfiable}}`;
    if (seen.has(pair)) errors.push(duplicate(constraintPath, pair));
    seen.add(pair);
  }
  return errors;
}

function validateDefaultConstraint(constraint: V1TopologySpreadConstraint, path: FieldPath): FieldError[] {
  const { maxSkew = 0, topologyKey = '', whenUnsatisfiable = '', labelSelector } = constraint;
  const errors = maxSkew > 0 ? [] : [invalid(path.child('maxSkew'), maxSkew, 'not in valid range (0, inf)')];
  const keyPath = path.child('topologyKey');
  if (topologyKey === '') errors.push(required(keyPath, CAN_NOT_BE_EMPTY));
  else errors.push(...invalidEach(keyPath, topologyKey, isQualifiedName(topologyKey)));
  const actionPath = path.child('whenUnsatisfiable');
  if (whenUnsatisfiable === '') errors.push(required(actionPath, CAN_NOT_BE_EMPTY));
  else if (!ACTIONS.includes(whenUnsatisfiable)) errors.push(notSupported(actionPath, whenUnsatisfiable, ACTIONS));
  if (labelSelector) {
    const detail = 'constraint must not define a selector, as they deduced for each pod';
    errors.push(forbidden(path.child('labelSelector'), detail));
  }
  return errors;
}

function validateVolumeBindingArgs(
  { bindTimeoutSeconds = 0, shape }: VolumeBindingArgs,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = [];
  if (bindTimeoutSeconds < 0) {
    const problem = 'invalid BindTimeoutSeconds, should not be a negative value';
    errors.push(invalid(path.child('bindTimeoutSeconds'), bindTimeoutSeconds, problem));
  }
  if (shape !== undefined) {
    const problem = 'unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring';
    errors.push(invalid(path.child('shape'), shape, problem));
  }
  return errors;
}

function validateDefaultPreemptionArgs(args: DefaultPreemptionArgs, path: FieldPath): FieldError[] {
  const { minCandidateNodesPercentage: percentage = 10, minCandidateNodesAbsolute: absolute = 100 } = args;
  const percentagePath = path.child('minCandidateNodesPercentage');
  const absolutePath = path.child('minCandidateNodesAbsolute');
  const errors: FieldError[] = [];
  if (percentage < 0 || percentage > 100)
    errors.push(invalid(percentagePath, percentage, 'not in valid range [0, 100]'));
  if (absolute < 0) errors.push(invalid(absolutePath, absolute, 'not in valid range [0, inf)'));
  if (percentage !== 0 || absolute !== 0) return errors;
  const both = 'cannot be zero at the same time as';
  return [
    ...errors,
    invalid(percentagePath, percentage, `${both} minCandidateNodesAbsolute`),
    invalid(absolutePath, absolute, `${both} minCandidateNodesPercentage`),
  ];
}
