/**
 * The files of config map, secret, downward API and projected volumes (upstream `pkg/volume/{configmap,secret,
 * downwardapi,projected}`): pure, but for what `VolumeSources` looks up.
 */
import type { ConfigMap } from '../../api/core/v1/config-map.ts';
import type { Secret } from '../../api/core/v1/secret.ts';
import type { Pod, Volume } from '../../api/core/v1/pod/types.ts';
import { fieldRefValue } from '../env/field-ref.ts';
import type { NodeFacts } from '../env/field-ref.ts';
import { resourceFieldValue } from '../env/resource-field-ref.ts';
import type { NodeAllocatable } from '../env/resource-field-ref.ts';
import type { Payload, PayloadFile } from './atomic-writer.ts';

/** A volume cannot be set up as things are. */
export class VolumeError extends Error {}

/** The claim of a volume is not as it must be: there is nothing yet that could be set up. */
export class ClaimError extends VolumeError {}

/** A volume that is there cannot be set up; events call it by its own name. */
export class NamedVolumeError extends VolumeError {
  readonly volumeName: string;
  /** What failed: `MountVolume.SetUp failed`, or what comes before that. */
  readonly step: string;

  constructor(volumeName: string, step: string, message: string) {
    super(message);
    this.volumeName = volumeName;
    this.step = step;
  }
}

export interface VolumeSources {
  facts: NodeFacts;
  allocatable: NodeAllocatable;
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string): Promise<Secret | undefined>;
  token(pod: Pod, request: TokenProjection): Promise<string>;
}

export interface TokenProjection {
  audience?: string;
  expirationSeconds?: number;
}

const DEFAULT_MODE = 0o644;
const DEFAULT_TOKEN_SECONDS = 3600;

type Files = Map<string, PayloadFile>;
type Items = readonly { key: string; path: string; mode?: number }[];
type DownwardItems = NonNullable<NonNullable<Volume['downwardAPI']>['items']>;
type Projection = NonNullable<NonNullable<Volume['projected']>['sources']>[number];

/** Undefined for a volume of another kind. Throws `VolumeError`. */
export async function payloadOf(pod: Pod, volume: Volume, sources: VolumeSources): Promise<Payload | undefined> {
  if (volume.configMap !== undefined) {
    const { name = '', items, defaultMode, optional } = volume.configMap;
    return configMapFiles(pod, { name, items, optional, defaultMode }, sources);
  }
  if (volume.secret !== undefined) {
    const { secretName = '', items, defaultMode, optional } = volume.secret;
    return secretFiles(pod, { name: secretName, items, optional, defaultMode }, sources);
  }
  if (volume.downwardAPI !== undefined) {
    return downwardFiles(
      pod,
      { items: volume.downwardAPI.items ?? [], defaultMode: volume.downwardAPI.defaultMode },
      sources,
    );
  }
  if (volume.projected === undefined) return undefined;
  const files: Files = new Map();
  for (const source of volume.projected.sources ?? []) {
    for (const [path, file] of await projectionFiles(
      { pod, source, defaultMode: volume.projected.defaultMode },
      sources,
    ))
      files.set(path, file);
  }
  return files;
}

async function projectionFiles(
  { pod, source, defaultMode }: { pod: Pod; source: Projection; defaultMode: number | undefined },
  sources: VolumeSources,
): Promise<Files> {
  const { configMap, secret, downwardAPI, serviceAccountToken } = source;
  if (configMap !== undefined) return configMapFiles(pod, { ...named(configMap), defaultMode }, sources);
  if (secret !== undefined) return secretFiles(pod, { ...named(secret), defaultMode }, sources);
  if (downwardAPI !== undefined) return downwardFiles(pod, { items: downwardAPI.items ?? [], defaultMode }, sources);
  if (serviceAccountToken === undefined) return new Map();
  const { audience, expirationSeconds = DEFAULT_TOKEN_SECONDS, path } = serviceAccountToken;
  const token = await sources.token(pod, { expirationSeconds, ...(audience === undefined ? {} : { audience }) });
  // A token of a pod with a group is readable by that group; of any other pod, by every user in it.
  const mode = pod.spec.securityContext?.fsGroup !== undefined ? 0o600 : (defaultMode ?? DEFAULT_MODE);
  return new Map([[path, { data: Buffer.from(token), mode }]]);
}

const named = ({
  name = '',
  items,
  optional,
}: {
  name?: string;
  items?: Items;
  optional?: boolean;
}): Omit<ObjectFiles, 'defaultMode'> => ({
  name,
  items,
  optional,
});

interface ObjectFiles {
  name: string;
  items: Items | undefined;
  optional: boolean | undefined;
  defaultMode: number | undefined;
}

async function configMapFiles(pod: Pod, wanted: ObjectFiles, sources: VolumeSources): Promise<Files> {
  const namespace = pod.metadata.namespace ?? '';
  const found = await sources.configMap(namespace, wanted.name);
  if (found === undefined && wanted.optional !== true)
    throw new VolumeError(`configmap ${JSON.stringify(wanted.name)} not found`);
  const values = new Map<string, Buffer>();
  for (const [key, value] of Object.entries(found?.data ?? {})) values.set(key, Buffer.from(value));
  for (const [key, value] of Object.entries(found?.binaryData ?? {})) values.set(key, Buffer.from(value, 'base64'));
  return chosenFiles(values, wanted, 'configmap');
}

async function secretFiles(pod: Pod, wanted: ObjectFiles, sources: VolumeSources): Promise<Files> {
  const namespace = pod.metadata.namespace ?? '';
  const found = await sources.secret(namespace, wanted.name);
  if (found === undefined && wanted.optional !== true)
    throw new VolumeError(`secret ${JSON.stringify(wanted.name)} not found`);
  const values = new Map(Object.entries(found?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]));
  return chosenFiles(values, wanted, 'secret');
}

function chosenFiles(
  values: ReadonlyMap<string, Buffer>,
  { items, optional, defaultMode = DEFAULT_MODE }: ObjectFiles,
  kind: string,
): Files {
  const files: Files = new Map();
  if (items === undefined || items.length === 0) {
    for (const [key, data] of values) files.set(key, { data, mode: defaultMode });
    return files;
  }
  for (const { key, path, mode } of items) {
    const data = values.get(key);
    if (data !== undefined) files.set(path, { data, mode: mode ?? defaultMode });
    else if (optional !== true)
      throw new VolumeError(`references non-existent ${kind === 'secret' ? 'secret' : 'config'} key: ${key}`);
  }
  return files;
}

function downwardFiles(
  pod: Pod,
  { items, defaultMode = DEFAULT_MODE }: { items: DownwardItems; defaultMode: number | undefined },
  { facts, allocatable }: VolumeSources,
): Files {
  const files: Files = new Map();
  for (const { path, fieldRef, resourceFieldRef, mode } of items) {
    let value = '';
    if (fieldRef !== undefined) value = fieldRefValue(pod, fieldRef.fieldPath, facts);
    else if (resourceFieldRef !== undefined) {
      const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
      const container = all.find(({ name }) => name === resourceFieldRef.containerName);
      if (container === undefined) throw new VolumeError(`container ${resourceFieldRef.containerName ?? ''} not found`);
      value = resourceFieldValue(resourceFieldRef, container, allocatable);
    }
    files.set(path, { data: Buffer.from(value), mode: mode ?? defaultMode });
  }
  return files;
}
