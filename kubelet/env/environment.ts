/**
 * A container's environment, command and arguments (upstream `pkg/kubelet/kubelet_pods.go`,
 * `makeEnvironmentVariables`).
 */
import type { ConfigMap } from '../../api/core/v1/config-map.ts';
import type { Secret } from '../../api/core/v1/secret.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { AnyContainer, EnvVar, Pod } from '../../api/core/v1/pod/types.ts';
import { expandVariables } from './expansion.ts';
import { fieldRefValue } from './field-ref.ts';
import type { NodeFacts } from './field-ref.ts';
import { resourceFieldValue } from './resource-field-ref.ts';
import type { NodeAllocatable } from './resource-field-ref.ts';
import { serviceEnvironment } from './service-environment.ts';

/** The container cannot be made as things are: reason `CreateContainerConfigError`. Messages are upstream's. */
export class ContainerConfigError extends Error {}

export interface EnvironmentSources {
  facts: NodeFacts;
  allocatable: NodeAllocatable;
  services(): readonly Service[];
  /** Undefined when there is none. Rejects when that is not known. */
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string): Promise<Secret | undefined>;
}

export type Environment = { key: string; value: string }[];

/** Later definitions win; Services count least. Throws `ContainerConfigError`. */
export async function makeEnvironment(
  pod: Pod,
  container: AnyContainer,
  sources: EnvironmentSources,
): Promise<Environment> {
  const namespace = pod.metadata.namespace ?? '';
  const enableServiceLinks = pod.spec.enableServiceLinks !== false;
  const ofServices = serviceEnvironment(sources.services(), { namespace, enableServiceLinks });
  const variables = new Map<string, string>();
  for (const source of container.envFrom ?? []) {
    for (const [key, value] of await valuesOf(source, namespace, sources))
      variables.set(`${source.prefix ?? ''}${key}`, value);
  }
  const lookUp = (name: string): string | undefined => variables.get(name) ?? ofServices.get(name);
  for (const variable of container.env ?? []) {
    const value = await valueOf({ pod, container, variable, lookUp }, sources);
    if (value !== undefined) variables.set(variable.name, value);
  }
  for (const [key, value] of ofServices) if (!variables.has(key)) variables.set(key, value);
  return [...variables].map(([key, value]) => ({ key, value }));
}

/** `command` and `args` with `$(VAR)` replaced from the environment. */
export function expandCommand(
  container: AnyContainer,
  environment: Environment,
): { command: string[]; args: string[] } {
  const values = new Map(environment.map(({ key, value }) => [key, value]));
  const expand = (text: string): string => expandVariables(text, (name) => values.get(name));
  return { command: (container.command ?? []).map(expand), args: (container.args ?? []).map(expand) };
}

type EnvFrom = NonNullable<AnyContainer['envFrom']>[number];

async function valuesOf(
  { configMapRef, secretRef }: EnvFrom,
  namespace: string,
  sources: EnvironmentSources,
): Promise<[string, string][]> {
  if (configMapRef !== undefined) {
    const { name = '', optional } = configMapRef;
    const found = await sources.configMap(namespace, name);
    if (found === undefined && optional !== true) throw missing('configmap', name);
    return Object.entries(found?.data ?? {});
  }
  if (secretRef === undefined) return [];
  const { name = '', optional } = secretRef;
  const found = await sources.secret(namespace, name);
  if (found === undefined && optional !== true) throw missing('secret', name);
  return Object.entries(found?.data ?? {}).map(([key, value]) => [key, decode(value)]);
}

interface VariableInput {
  pod: Pod;
  container: AnyContainer;
  variable: EnvVar;
  lookUp(name: string): string | undefined;
}

async function valueOf(
  { pod, container, variable, lookUp }: VariableInput,
  sources: EnvironmentSources,
): Promise<string | undefined> {
  const { valueFrom } = variable;
  if (valueFrom === undefined || valueFrom === null) return expandVariables(variable.value ?? '', lookUp);
  if (valueFrom.fieldRef !== undefined) return fieldRefValue(pod, valueFrom.fieldRef.fieldPath, sources.facts);
  if (valueFrom.resourceFieldRef !== undefined) {
    const { containerName = '' } = valueFrom.resourceFieldRef;
    const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
    const target = containerName === '' ? container : (all.find(({ name }) => name === containerName) ?? container);
    return resourceFieldValue(valueFrom.resourceFieldRef, target, sources.allocatable);
  }
  return keyValue(valueFrom, pod.metadata.namespace ?? '', sources);
}

async function keyValue(
  { configMapKeyRef, secretKeyRef }: NonNullable<EnvVar['valueFrom']>,
  namespace: string,
  sources: EnvironmentSources,
): Promise<string | undefined> {
  if (configMapKeyRef !== undefined) {
    const { name = '', key, optional } = configMapKeyRef;
    const found = await sources.configMap(namespace, name);
    const data = found?.data ?? {};
    if (Object.hasOwn(data, key)) return data[key];
    if (optional === true) return undefined;
    throw found === undefined ? missing('configmap', name) : missingKey('ConfigMap', { key, namespace, name });
  }
  if (secretKeyRef === undefined) return undefined;
  const { name = '', key, optional } = secretKeyRef;
  const found = await sources.secret(namespace, name);
  const data = found?.data ?? {};
  if (Object.hasOwn(data, key)) return decode(data[key]!);
  if (optional === true) return undefined;
  throw found === undefined ? missing('secret', name) : missingKey('Secret', { key, namespace, name });
}

const decode = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');

const missing = (kind: 'configmap' | 'secret', name: string): ContainerConfigError =>
  new ContainerConfigError(`${kind} ${JSON.stringify(name)} not found`);

const missingKey = (
  kind: string,
  { key, namespace, name }: { key: string; namespace: string; name: string },
): ContainerConfigError => new ContainerConfigError(`couldn't find key ${key} in ${kind} ${namespace}/${name}`);
