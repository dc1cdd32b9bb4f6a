/**
 * ConfigMaps and Secrets that pods of this node refer to: each is watched by itself while a pod needs it, as the node
 * authorizer allows, so that volumes follow their changes (upstream `pkg/kubelet/util/manager`).
 */
import { configMaps } from '../../api/core/v1/config-map.ts';
import type { ConfigMap } from '../../api/core/v1/config-map.ts';
import type { Pod, PodSpec } from '../../api/core/v1/pod/types.ts';
import { allContainers } from '../../api/core/v1/pod/containers.ts';
import { secrets } from '../../api/core/v1/secret.ts';
import type { Secret } from '../../api/core/v1/secret.ts';
import { isNotFound } from '../../api/machinery/errors.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import { SharedInformer } from '../../client/informer.ts';

type Kind = 'configMap' | 'secret';

interface Watched {
  informer: SharedInformer;
  users: Set<string>;
  stop: AbortController;
}

export interface ReferencedObjectsOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  signal: AbortSignal;
  /** Whether volumes are made of what pods refer to; where they are not, only environments and pulls need it. */
  hasVolumes: boolean;
  /** An object that this pod refers to has changed. */
  onChange(podUid: string): void;
}

export class ReferencedObjects {
  readonly #options: ReferencedObjectsOptions;
  readonly #watched = new Map<string, Watched>();

  constructor(options: ReferencedObjectsOptions) {
    this.#options = options;
  }

  /** Watches what the pod refers to. Repeatable. */
  register(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    for (const key of referencesOf(this.#options.hasVolumes ? pod : withoutVolumes(pod)))
      this.#watch(key).users.add(uid);
  }

  /** Stops watching what no other pod refers to. */
  unregister(podUid: string): void {
    for (const [key, { users, stop }] of this.#watched) {
      if (!users.delete(podUid) || users.size > 0) continue;
      stop.abort();
      this.#watched.delete(key);
    }
  }

  configMap(namespace: string, name: string): Promise<ConfigMap | undefined> {
    return this.#read<ConfigMap>('configMap', namespace, name);
  }

  secret(namespace: string, name: string): Promise<Secret | undefined> {
    return this.#read<Secret>('secret', namespace, name);
  }

  /** From the watch; from the API while the watch has not seen it, so that absence is certain. */
  async #read<T extends ApiObject>(kind: Kind, namespace: string, name: string): Promise<T | undefined> {
    const known = this.#watched.get(keyOf(kind, namespace, name))?.informer.lister.get(namespace, name);
    if (known !== undefined) return known as T;
    try {
      return await this.#options.client.get<T>(resourceOf(kind), { namespace, name });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #watch(key: string): Watched {
    const present = this.#watched.get(key);
    if (present !== undefined) return present;
    const { client, clock, random, log, signal, onChange } = this.#options;
    const [kind, namespace = '', name = ''] = key.split('/');
    const resource = resourceOf(kind as Kind);
    const selection = { namespace, fieldSelector: `metadata.name=${name}` };
    const informer = new SharedInformer({ client, resource, selection, clock, random, log });
    const watched: Watched = { informer, users: new Set(), stop: new AbortController() };
    this.#watched.set(key, watched);
    informer.changes.subscribe(() => {
      for (const uid of watched.users) onChange(uid);
    });
    void informer.run(AbortSignal.any([signal, watched.stop.signal]));
    return watched;
  }
}

function resourceOf(kind: Kind) {
  return kind === 'configMap' ? configMaps : secrets;
}

const keyOf = (kind: Kind, namespace: string, name: string): string => `${kind}/${namespace}/${name}`;

function referencesOf({ metadata, spec }: Pod): Set<string> {
  const namespace = metadata.namespace ?? '';
  const keys = new Set<string>();
  const add = (kind: Kind, name: string | undefined): void => {
    if (name) keys.add(keyOf(kind, namespace, name));
  };
  addVolumes(spec, add);
  for (const { env = [], envFrom = [] } of allContainers(spec)) {
    for (const { valueFrom } of env) {
      add('configMap', valueFrom?.configMapKeyRef?.name);
      add('secret', valueFrom?.secretKeyRef?.name);
    }
    for (const { configMapRef, secretRef } of envFrom) {
      add('configMap', configMapRef?.name);
      add('secret', secretRef?.name);
    }
  }
  for (const { name } of spec.imagePullSecrets ?? []) add('secret', name);
  return keys;
}

const withoutVolumes = (pod: Pod): Pod => ({ ...pod, spec: { ...pod.spec, volumes: [] } });

function addVolumes(spec: PodSpec, add: (kind: Kind, name: string | undefined) => void): void {
  for (const { configMap, secret, projected } of spec.volumes ?? []) {
    add('configMap', configMap?.name);
    add('secret', secret?.secretName);
    for (const source of projected?.sources ?? []) {
      add('configMap', source.configMap?.name);
      add('secret', source.secret?.name);
    }
  }
}
