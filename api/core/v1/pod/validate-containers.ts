/**
 * Validation of regular, init and ephemeral containers
 * (`pkg/apis/core/validation/validation.go validateContainers`, `validateInitContainers`,
 * `validateEphemeralContainers`).
 */
import { duplicate, forbidden, invalid, notFoundValue, required, tooMany } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { invalidEach, isDns1123Label, isValidPortName, isValidPortNum } from '../../../machinery/validation.ts';
import { isSidecar } from './containers.ts';
import { validateRequiredEnum } from './enums.ts';
import type { AnyContainer, Container, ContainerPort, EphemeralContainer, PodSpec, Volume } from './types.ts';
import { validateEnv, validateEnvFrom } from './validate-env.ts';
import { validateLifecycle, validateProbes } from './validate-handlers.ts';
import { validateVolumeDevices, validateVolumeMounts } from './validate-mounts.ts';
import { validateResourceRequirements } from './validate-resources.ts';
import { validateSecurityContext } from './validate-security.ts';

/** What the validation of a container needs to know of its pod. */
export interface ContainerContext {
  spec: PodSpec;
  /** Valid volumes by name. */
  volumes: ReadonlyMap<string, Volume>;
  /** Names in `spec.resourceClaims`. */
  claimNames: ReadonlySet<string>;
}

/** `path` is the spec's. */
export function validateContainers(context: ContainerContext, path: FieldPath): FieldError[] {
  const { spec } = context;
  return [
    ...validateRegularContainers(spec.containers ?? [], context, path.child('containers')),
    ...validateInitContainers(spec.initContainers ?? [], context, path.child('initContainers')),
    ...validateEphemeralContainers(spec.ephemeralContainers ?? [], context, path.child('ephemeralContainers')),
  ];
}

function validateRegularContainers(
  containers: readonly Container[],
  context: ContainerContext,
  path: FieldPath,
): FieldError[] {
  if (containers.length === 0) return [required(path)];
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [i, container] of containers.entries()) {
    const containerPath = path.index(i);
    errors.push(...validateContainer(container, context, containerPath));
    if (names.has(container.name)) errors.push(duplicate(containerPath.child('name'), container.name));
    names.add(container.name);
    errors.push(...validateLifecycle(container, containerPath.child('lifecycle'), context.spec));
    errors.push(...validateProbes(container, containerPath));
    errors.push(...validateContainerRestart(container, containerPath));
  }
  errors.push(...validateHostPortsUnique(containers, path));
  return errors;
}

const ONLY_SIDECARS = 'may not be set for init containers without restartPolicy=Always';

function validateInitContainers(
  containers: readonly Container[],
  context: ContainerContext,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set((context.spec.containers ?? []).map(({ name }) => name));
  for (const [i, container] of containers.entries()) {
    const containerPath = path.index(i);
    errors.push(...validateContainer(container, context, containerPath));
    errors.push(...validateContainerRestart(container, containerPath));
    if (names.has(container.name)) errors.push(duplicate(containerPath.child('name'), container.name));
    else if (container.name) names.add(container.name);
    // One after the other: each one's ports by themselves.
    errors.push(...validateHostPortsUnique([container], path));
    errors.push(...validateInitHooks(container, context, containerPath));
  }
  return errors;
}

function validateInitHooks(container: Container, { spec }: ContainerContext, path: FieldPath): FieldError[] {
  if (isSidecar(container)) {
    return [...validateLifecycle(container, path.child('lifecycle'), spec), ...validateProbes(container, path)];
  }
  const errors: FieldError[] = [];
  for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    if (container[field]) errors.push(forbidden(path.child(field), ONLY_SIDECARS));
  }
  if (container.resizePolicy?.length) {
    errors.push(invalid(path.child('resizePolicy'), container.resizePolicy, 'must not be set for init containers'));
  }
  return errors;
}

const NOT_EPHEMERAL = 'cannot be set for an Ephemeral Container';

/** `allowedEphemeralContainerFields`, the other way round. */
const NOT_EPHEMERAL_FIELDS = [
  'ports',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
] as const;

function validateEphemeralContainers(
  containers: readonly EphemeralContainer[],
  context: ContainerContext,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = [];
  const { spec } = context;
  const targets = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name));
  const names = new Set(targets);
  for (const [i, container] of containers.entries()) {
    const containerPath = path.index(i);
    const { name, targetContainerName: target } = container;
    errors.push(
      ...validateContainer(container, context, containerPath),
      ...validateImageText(container, containerPath),
    );
    if (names.has(name)) errors.push(duplicate(containerPath.child('name'), name));
    names.add(name);
    if (target && !targets.has(target)) errors.push(notFoundValue(containerPath.child('targetContainerName'), target));
    errors.push(...validateEphemeralFields(container, containerPath));
  }
  return errors;
}

function validateEphemeralFields(container: EphemeralContainer, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of NOT_EPHEMERAL_FIELDS) {
    const value: unknown = container[field];
    const isSet = value != null && !(typeof value === 'object' && Object.keys(value).length === 0);
    if (isSet) errors.push(forbidden(path.child(field), NOT_EPHEMERAL));
  }
  for (const [i, { subPath, subPathExpr }] of (container.volumeMounts ?? []).entries()) {
    const mountPath = path.child('volumeMounts').index(i);
    if (subPath) errors.push(forbidden(mountPath.child('subPath'), NOT_EPHEMERAL));
    if (subPathExpr) errors.push(forbidden(mountPath.child('subPathExpr'), NOT_EPHEMERAL));
  }
  return errors;
}

/** What all sorts have in common (`validateContainerCommon`). */
function validateContainer(container: AnyContainer, context: ContainerContext, path: FieldPath): FieldError[] {
  const { name = '', image = '' } = container;
  const errors =
    name === '' ? [required(path.child('name'))] : invalidEach(path.child('name'), name, isDns1123Label(name));
  if (image === '') errors.push(required(path.child('image')));
  const policyPath = path.child('terminationMessagePolicy');
  errors.push(...validateRequiredEnum('terminationMessagePolicy', container.terminationMessagePolicy, policyPath));
  if (container.ports?.length) errors.push(...validatePorts(container.ports, path.child('ports')));
  errors.push(...validateEnv(container.env, path.child('env'), context.volumes));
  errors.push(...validateEnvFrom(container.envFrom, path.child('envFrom')));
  errors.push(...validateVolumeMounts(container, path.child('volumeMounts'), context.volumes));
  errors.push(...validateVolumeDevices(container, path.child('volumeDevices'), context.volumes));
  errors.push(...validateRequiredEnum('pullPolicy', container.imagePullPolicy, path.child('imagePullPolicy')));
  errors.push(...validateResourceRequirements(container.resources, path.child('resources'), context.claimNames));
  errors.push(...validateResizePolicy(container, path.child('resizePolicy'), context.spec));
  errors.push(...validateSecurityContext(container.securityContext, path.child('securityContext'), context.spec));
  return errors;
}

/** In a pod; templates may have it (`validateContainerOnlyForPod`). */
export function validateImageText({ image = '' }: AnyContainer, path: FieldPath): FieldError[] {
  return image.trim() === image
    ? []
    : [invalid(path.child('image'), image, 'must not have leading or trailing whitespace')];
}

function validatePorts(ports: readonly ContainerPort[], path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [i, { name, containerPort, hostPort, protocol }] of ports.entries()) {
    const portPath = path.index(i);
    if (name) {
      const problems = isValidPortName(name);
      errors.push(...invalidEach(portPath.child('name'), name, problems));
      if (problems.length === 0 && names.has(name)) errors.push(duplicate(portPath.child('name'), name));
      names.add(name);
    }
    if (!containerPort) errors.push(required(portPath.child('containerPort')));
    else errors.push(...invalidEach(portPath.child('containerPort'), containerPort, isValidPortNum(containerPort)));
    if (hostPort) errors.push(...invalidEach(portPath.child('hostPort'), hostPort, isValidPortNum(hostPort)));
    errors.push(...validateRequiredEnum('protocol', protocol, portPath.child('protocol')));
  }
  return errors;
}

/** `checkHostPortConflicts` */
function validateHostPortsUnique(containers: readonly Container[], path: FieldPath): FieldError[] {
  const taken = new Set<string>();
  const errors: FieldError[] = [];
  for (const [i, { ports = [] }] of containers.entries()) {
    for (const [j, { hostPort, hostIP = '', protocol = '' }] of ports.entries()) {
      if (!hostPort) continue;
      const key = `${protocol}/${hostIP}/${hostPort}`;
      if (taken.has(key)) errors.push(duplicate(path.index(i).child('ports').index(j).child('hostPort'), key));
      taken.add(key);
    }
  }
  return errors;
}

function validateResizePolicy({ resizePolicy }: AnyContainer, path: FieldPath, spec: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, { resourceName, restartPolicy }] of (resizePolicy ?? []).entries()) {
    if (seen.has(resourceName)) errors.push(duplicate(path.index(i), resourceName));
    seen.add(resourceName);
    errors.push(...validateRequiredEnum('resizableResource', resourceName, path));
    errors.push(...validateRequiredEnum('resizeRestartPolicy', restartPolicy, path));
    if (spec.restartPolicy === 'Never' && restartPolicy !== 'NotRequired') {
      errors.push(invalid(path, restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'"));
    }
  }
  return errors;
}

const MAX_RESTART_RULES = 20;
const MAX_EXIT_CODES = 255;

/** `validateContainerRestartPolicy`: a container's own restart policy and its rules by exit code. */
function validateContainerRestart(container: Container, path: FieldPath): FieldError[] {
  const { restartPolicy, restartPolicyRules: rules = [] } = container;
  const policyPath = path.child('restartPolicy');
  const rulesPath = path.child('restartPolicyRules');
  const errors = restartPolicy == null ? [] : validateRequiredEnum('containerRestartPolicy', restartPolicy, policyPath);
  if (rules.length === 0) return errors;
  if (restartPolicy == null)
    errors.push(required(policyPath, 'must specify restartPolicy when restart rules are used'));
  if (rules.length > MAX_RESTART_RULES) errors.push(tooMany(rulesPath, rules.length, MAX_RESTART_RULES));
  for (const [i, { action, exitCodes }] of rules.entries()) {
    const rulePath = rulesPath.index(i);
    errors.push(...validateRequiredEnum('restartRuleAction', action, rulePath.child('action')));
    if (exitCodes) errors.push(...validateExitCodes(exitCodes, rulePath.child('exitCodes')));
    else errors.push(required(rulePath.child('exitCodes'), 'must be specified'));
  }
  return errors;
}

type ExitCodes = NonNullable<NonNullable<Container['restartPolicyRules']>[number]['exitCodes']>;

function validateExitCodes({ operator, values = [] }: ExitCodes, path: FieldPath): FieldError[] {
  const errors = validateRequiredEnum('exitCodeOperator', operator, path.child('operator'));
  if (values.length > MAX_EXIT_CODES) errors.push(tooMany(path.child('values'), values.length, MAX_EXIT_CODES));
  return errors;
}
