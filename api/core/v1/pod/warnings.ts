/** What a user should know about a pod or template that is accepted nonetheless (`pkg/api/pod/warnings.go`). */
import type { V1NodeSelectorTerm } from '@kubernetes/client-node';
import { FieldPath } from '../../../machinery/field-error.ts';
import type { ObjectMeta } from '../../../machinery/meta.ts';
import { tryParseQuantity } from '../../../machinery/quantity.ts';
import { isDns1123Label } from '../../../machinery/validation.ts';
import { warningForNodeLabel, warningsForNodeLabels } from '../node-labels.ts';
import { containersWithPath } from './containers.ts';
import type { AnyContainer, ContainerPort, Pod, PodSpec, PodTemplateSpec, ResourceList, Volume } from './types.ts';
import { APPARMOR_CONTAINER_PREFIX, SECCOMP_CONTAINER_PREFIX, SECCOMP_POD_ANNOTATION } from './validate-annotations.ts';

interface Subject {
  spec: PodSpec;
  metadata: ObjectMeta;
  /** Of the template; empty for a pod. */
  path: FieldPath;
  isTemplate: boolean;
}

/** For a new pod. Updates get none: they come from components. */
export function warningsForPod(pod: Pod): string[] {
  const problems = isDns1123Label(pod.metadata.name ?? '');
  const warnings: string[] = [];
  if (problems.length > 0) {
    const advice = 'which can result in surprising behavior; a DNS label is recommended';
    warnings.push(`metadata.name: this is used in the Pod's hostname, ${advice}: [${problems.join(' ')}]`);
  }
  const subject = { spec: pod.spec, metadata: pod.metadata, path: new FieldPath(), isTemplate: false };
  return [...warnings, ...warningsForSubject(subject)];
}

/** `path` is the template's: `spec.template`. */
export function warningsForPodTemplate(template: PodTemplateSpec, path: FieldPath): string[] {
  return warningsForSubject({ spec: template.spec, metadata: template.metadata ?? {}, path, isTemplate: true });
}

function warningsForSubject(subject: Subject): string[] {
  const { spec, path } = subject;
  const specPath = path.child('spec');
  return [
    ...placementWarnings(spec, specPath),
    ...annotationWarnings(subject),
    ...volumeWarnings(spec.volumes ?? [], specPath.child('volumes')),
    ...listWarnings(spec, specPath),
    ...containerWarnings(subject),
    ...portWarnings(spec, specPath),
    ...graceWarnings(spec, specPath),
    ...podAffinityWarnings(spec, specPath),
  ];
}

const NULL_SELECTOR = 'a null labelSelector results in matching no pod';

function placementWarnings(spec: PodSpec, path: FieldPath): string[] {
  const warnings = warningsForNodeLabels(spec.nodeSelector, path.child('nodeSelector'));
  const affinity = spec.affinity?.nodeAffinity;
  const affinityPath = path.child('affinity', 'nodeAffinity');
  const needed = 'requiredDuringSchedulingIgnoredDuringExecution';
  for (const [i, term] of (affinity?.[needed]?.nodeSelectorTerms ?? []).entries()) {
    warnings.push(...termWarnings(term, affinityPath.child(needed, 'nodeSelectorTerms').index(i)));
  }
  const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';
  for (const [i, { preference }] of (affinity?.[preferred] ?? []).entries()) {
    warnings.push(...termWarnings(preference, affinityPath.child(preferred).index(i).child('preference')));
  }
  return [...warnings, ...spreadWarnings(spec, path)];
}

function spreadWarnings(spec: PodSpec, path: FieldPath): string[] {
  const warnings: string[] = [];
  for (const [i, { topologyKey, labelSelector }] of (spec.topologySpreadConstraints ?? []).entries()) {
    const constraintPath = path.child('topologySpreadConstraints').index(i);
    const advice = warningForNodeLabel(topologyKey);
    if (advice !== undefined)
      warnings.push(`${constraintPath.child('topologyKey').toString()}: ${topologyKey} is ${advice}`);
    if (!labelSelector) warnings.push(`${constraintPath.child('labelSelector').toString()}: ${NULL_SELECTOR}`);
  }
  return warnings;
}

function termWarnings(term: V1NodeSelectorTerm, path: FieldPath): string[] {
  return (term?.matchExpressions ?? []).flatMap(({ key }, i) => {
    const advice = warningForNodeLabel(key);
    const keyPath = path.child('matchExpressions').index(i).child('key');
    return advice === undefined ? [] : [`${keyPath.toString()}: ${key} is ${advice}`];
  });
}

function podAffinityWarnings(spec: PodSpec, path: FieldPath): string[] {
  return (['podAffinity', 'podAntiAffinity'] as const).flatMap((field) => {
    const affinityPath = path.child('affinity', field);
    const needed = spec.affinity?.[field]?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const preferred = spec.affinity?.[field]?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const paths = [
      ...needed.map(({ labelSelector }, i) => ({
        labelSelector,
        at: affinityPath.child('requiredDuringSchedulingIgnoredDuringExecution').index(i),
      })),
      ...preferred.map(({ podAffinityTerm }, i) => ({
        labelSelector: podAffinityTerm?.labelSelector,
        at: affinityPath.child('preferredDuringSchedulingIgnoredDuringExecution').index(i).child('podAffinityTerm'),
      })),
    ];
    return paths
      .filter(({ labelSelector }) => !labelSelector)
      .map(({ at }) => `${at.child('labelSelector').toString()}: ${NULL_SELECTOR}`);
  });
}

/** `deprecatedAnnotations` */
const DEPRECATED_ANNOTATIONS: readonly [key: string, advice: string][] = [
  ['scheduler.alpha.kubernetes.io/critical-pod', 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ['security.alpha.kubernetes.io/sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
  ['security.alpha.kubernetes.io/unsafe-sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
];
const USE_SECCOMP_FIELD = 'non-functional in v1.27+; use the "seccompProfile" field instead';
const USE_APPARMOR_FIELD = 'deprecated since v1.30; use the "appArmorProfile" field instead';

function annotationWarnings({ spec, metadata: { annotations }, path }: Subject): string[] {
  if (!annotations) return [];
  const annotationsPath = path.child('metadata', 'annotations');
  const found: readonly [string, string][] = spec.securityContext?.seccompProfile
    ? DEPRECATED_ANNOTATIONS
    : [...DEPRECATED_ANNOTATIONS, [SECCOMP_POD_ANNOTATION, USE_SECCOMP_FIELD]];
  return found
    .filter(([key]) => Object.hasOwn(annotations, key))
    .map(([key, advice]) => `${annotationsPath.key(key).toString()}: ${advice}`);
}

const REMOVED_VOLUMES: readonly [field: keyof Volume, shownAs: string, advice: string][] = [
  ['photonPersistentDisk', 'photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'gitRepo', 'deprecated in v1.11, and disabled by default in v1.33+'],
  ['scaleIO', 'scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'storageOS', 'deprecated in v1.22, non-functional in v1.25+'],
  ['quobyte', 'quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['cephfs', 'cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];

function volumeWarnings(volumes: readonly Volume[], path: FieldPath): string[] {
  const warnings = volumes.flatMap((volume, i) =>
    REMOVED_VOLUMES.filter(([field]) => volume[field]).map(
      ([, shownAs, advice]) => `${path.index(i).child(shownAs).toString()}: ${advice}`,
    ),
  );
  return [
    ...warnings,
    ...volumes.flatMap((volume, i) => tokenPathWarnings(volume, path.index(i).child('projected', 'sources'))),
  ];
}

function tokenPathWarnings({ projected }: Volume, path: FieldPath): string[] {
  const sources = projected?.sources ?? [];
  const tokens = new Set(
    sources.flatMap(({ serviceAccountToken }) => (serviceAccountToken ? [serviceAccountToken.path] : [])),
  );
  if (tokens.size === 0) return [];
  const clashes = (items: readonly { path: string }[] | undefined, field: string): string[] =>
    (items ?? []).flatMap((item, i) =>
      tokens.has(item.path)
        ? [
            `${path.child(field).index(i).toString()}: has duplicated path with ServiceAccountToken ${JSON.stringify(item.path)}`,
          ]
        : [],
    );
  return sources.flatMap(({ configMap, secret, downwardAPI }) => [
    ...clashes(configMap?.items, 'configMap'),
    ...clashes(secret?.items, 'secrets'),
    ...clashes(downwardAPI?.items, 'downwardAPI'),
  ]);
}

function listWarnings(spec: PodSpec, path: FieldPath): string[] {
  const warnings: string[] = [];
  const addresses = (spec.hostAliases ?? []).map(({ ip }) => ip ?? '');
  for (const [i, ip] of addresses.entries()) {
    if (addresses.indexOf(ip) === i) continue;
    warnings.push(`${path.child('hostAliases').index(i).child('ip').toString()}: duplicate ip ${JSON.stringify(ip)}`);
  }
  const secrets = (spec.imagePullSecrets ?? []).map(({ name }) => name ?? '');
  for (const [i, name] of secrets.entries()) {
    const namePath = path.child('imagePullSecrets').index(i).child('name').toString();
    if (secrets.indexOf(name) !== i) warnings.push(`${namePath}: duplicate name ${JSON.stringify(name)}`);
    if (name === '') warnings.push(`${namePath}: invalid empty name ""`);
  }
  return [...warnings, ...fractionWarnings(spec.overhead, path.child('overhead'))];
}

function fractionWarnings(list: ResourceList | undefined, path: FieldPath): string[] {
  return ['memory', 'ephemeral-storage'].flatMap((name) => {
    const quantity = tryParseQuantity(list?.[name]);
    if (quantity === undefined || quantity.milliValue() % 1000 === 0) return [];
    const value = JSON.stringify(quantity.toString());
    return [`${path.key(name).toString()}: fractional byte value ${value} is invalid, must be an integer`];
  });
}

function containerWarnings({ spec, metadata, path, isTemplate }: Subject): string[] {
  const { annotations = {} } = metadata;
  const annotationsPath = path.child('metadata', 'annotations');
  const warnings: string[] = [];
  for (const [container, containerPath] of containersWithPath(spec, path.child('spec'))) {
    const context = container.securityContext;
    const seccompKey = `${SECCOMP_CONTAINER_PREFIX}${container.name}`;
    if (!context?.seccompProfile && Object.hasOwn(annotations, seccompKey)) {
      warnings.push(`${annotationsPath.key(seccompKey).toString()}: ${USE_SECCOMP_FIELD}`);
    }
    const appArmorKey = `${APPARMOR_CONTAINER_PREFIX}${container.name}`;
    const hasProfile = spec.securityContext?.appArmorProfile ?? context?.appArmorProfile;
    // In a pod, creation has copied the annotation into the field by now: it is deprecated all the same.
    if (Object.hasOwn(annotations, appArmorKey) && !(isTemplate && hasProfile)) {
      warnings.push(`${annotationsPath.key(appArmorKey).toString()}: ${USE_APPARMOR_FIELD}`);
    }
    for (const side of ['limits', 'requests'] as const) {
      warnings.push(...fractionWarnings(container.resources?.[side], containerPath.child('resources', side)));
    }
    warnings.push(...envWarnings(container, containerPath.child('env')));
  }
  return warnings;
}

/** A variable that is set again is fine only where the new value builds on the old one. */
function envWarnings({ env = [] }: AnyContainer, path: FieldPath): string[] {
  const seen = new Set<string>();
  return env.flatMap(({ name, value = '', valueFrom }, i) => {
    const reference = `$(${name})`;
    const isHidden = seen.has(name) && (!!valueFrom || value === reference || !value.includes(reference));
    seen.add(name);
    if (!isHidden) return [];
    const advice = `hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`;
    return [`${path.index(i).toString()}: ${advice}`];
  });
}

function portWarnings(spec: PodSpec, path: FieldPath): string[] {
  const warnings: string[] = [];
  const known = new Map<string, { at: string; port: ContainerPort }[]>();
  for (const [{ ports = [] }, containerPath] of containersWithPath(spec, path)) {
    for (const [i, port] of ports.entries()) {
      const at = containerPath.child('ports').index(i).toString();
      if (port.hostIP && !port.hostPort) warnings.push(`${at}: hostIP set without hostPort: ${showPort(port)}`);
      const key = `${port.containerPort}/${port.protocol ?? ''}`;
      const others = known.get(key) ?? [];
      const clashes = others.map((other) => ({ kind: portClash(port, other.port), at: other.at }));
      const real = clashes.filter(({ kind }) => kind !== '');
      warnings.push(...real.map((clash) => `${at}: ${clash.kind} port definition with ${clash.at}`));
      known.set(key, [...others, { at, port }]);
    }
  }
  return warnings;
}

function portClash(a: ContainerPort, b: ContainerPort): string {
  const [aPort, bPort, aIp, bIp] = [a.hostPort ?? 0, b.hostPort ?? 0, a.hostIP ?? '', b.hostIP ?? ''];
  if (aIp === bIp && aPort === bPort) return 'duplicate';
  if (aPort === 0 || bPort === 0) return 'overlapping';
  return aPort === bPort && (aIp === '') !== (bIp === '') ? 'dangerously ambiguous' : '';
}

/** As Go's `%+v` has it. */
function showPort({ name = '', hostPort = 0, containerPort, protocol = '', hostIP = '' }: ContainerPort): string {
  return `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;
}

function graceWarnings({ terminationGracePeriodSeconds: seconds = 0 }: PodSpec, path: FieldPath): string[] {
  if (seconds >= 0) return [];
  const at = path.child('terminationGracePeriodSeconds').toString();
  return [`${at}: must be >= 0; negative values are invalid and will be treated as 1`];
}
