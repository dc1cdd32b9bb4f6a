/** Volumes of the nodes of this process, and the classes under which claims get them. */
import { events } from '../api/core/v1/event.ts';
import { namespaces } from '../api/core/v1/namespace.ts';
import type { ApiObject } from '../api/machinery/meta.ts';
import { DEFAULT_CLASS_ANNOTATION, storageClasses } from '../api/storage/v1/storage-class.ts';
import type { StorageClass } from '../api/storage/v1/storage-class.ts';
import { realClock } from '../base/clock.ts';
import { realRandom } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { runController } from '../client/controller-runner.ts';
import { createEventRecorder } from '../client/events.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { localVolumeProvisioner } from '../kubelet/local-volumes/local-volume-provisioner.ts';
import type { PlaceOf } from '../kubelet/local-volumes/local-volume-provisioner.ts';
import { LOCAL_PROVISIONER } from '../kubelet/local-volumes/plan.ts';
import { ensure } from './bootstrap.ts';
import { hasRealPods } from './config.ts';
import { controllerUser } from './identities.ts';
import type { NodeOptions } from './node-options.ts';
import { isSimulatedName } from './simulated-nodes.ts';
import type { Task } from './tasks.ts';
import { createTask } from './tasks.ts';

/** On the namespace kube-system, once the classes were made: who deletes them afterwards means it. */
const CLASSES_MADE = 'nocher.io/storage-classes';

/** Claims of the first are bound at once, those of the second on the node of the pod that comes first. */
export function localStorageClasses(): StorageClass[] {
  const fields = { provisioner: LOCAL_PROVISIONER, reclaimPolicy: 'Delete', allowVolumeExpansion: true };
  const ofKind = { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', ...fields };
  const annotations = { [DEFAULT_CLASS_ANNOTATION]: 'true' };
  return [
    { ...ofKind, metadata: { name: 'standard', annotations }, volumeBindingMode: 'Immediate' },
    { ...ofKind, metadata: { name: 'local' }, volumeBindingMode: 'WaitForFirstConsumer' },
  ];
}

/** Once in a cluster's life. */
export async function ensureStorageClasses(client: Client): Promise<void> {
  const home = { name: 'kube-system' };
  const { metadata } = await client.get<ApiObject>(namespaces, home);
  if (metadata.annotations?.[CLASSES_MADE] !== undefined) return;
  for (const storageClass of localStorageClasses()) await ensure(client, storageClasses, storageClass);
  const names = localStorageClasses().map((one) => one.metadata.name);
  const annotations = { [CLASSES_MADE]: names.join(',') };
  await client.patch(namespaces, home, { type: 'merge', body: { metadata: { annotations } } });
}

/** Looks after the volumes of this machine's node and of the simulated ones until the signal aborts. */
export function startLocalVolumes(
  { config, folder, settings, controlPlane, log }: NodeOptions,
  signal: AbortSignal,
): Task {
  const placeOf: PlaceOf = (nodeName) => {
    if (isSimulatedName(nodeName)) return {};
    if (nodeName !== settings.nodeName || config.runtime === 'none') return undefined;
    return hasRealPods(config.runtime) ? { folder: folder.file('volumes') } : {};
  };
  const provisioner = localVolumeProvisioner(placeOf);
  const { name, component = name } = provisioner;
  const own = log.child({ component: name });
  const client = controlPlane.clientFor(controllerUser(name), `${name}/nocher`);
  const parts = { clock: realClock, random: realRandom, log: own };
  const informers = createInformerFactory(client, parts);
  informers.start(signal);
  const recorder = createEventRecorder({ client, resource: events, component, host: settings.nodeName, ...parts });
  const running = runController(provisioner, { client, informers, events: recorder, ...parts, signal });
  return createTask(name, running, { log: own, signal });
}
