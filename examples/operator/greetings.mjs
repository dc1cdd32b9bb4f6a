// What is done for one Greeting: a ConfigMap and a Deployment that it owns, a line in the guest book, its status, and
// events where something changed. What it owns is applied on the server, which is the same whether it is the first time
// or not, and leaves alone what others set.
import {
  CustomObjectsApi,
  EventsV1Api,
  KubernetesObjectApi,
  PatchStrategy,
  V1MicroTime,
} from '@kubernetes/client-node';
import { setHeaderOptions } from '@kubernetes/client-node';
import { randomUUID } from 'node:crypto';
import { GROUP, PLURAL, VERSION } from './informers.mjs';

/** The name under which fields are owned and events are reported. */
export const MANAGER = 'greeting-operator';
/** What our Deployments are found by. */
export const LABEL = { 'app.kubernetes.io/managed-by': MANAGER };
/** Keeps a Greeting until its line in the guest book is gone: owner references do not reach into other namespaces. */
export const FINALIZER = `${GROUP}/guest-book`;
const GUEST_BOOK = 'guest-book';

const asMergePatch = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
const asApply = setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply);

export class Greetings {
  #objects;
  #custom;
  #events;
  #namespace;
  #identity;
  /** The conditions that we wrote, by UID: the informer's copy may be older. */
  #written = new Map();

  /** `namespace`: where the guest book lies. `identity`: which of the operator's processes this is. */
  constructor(kubeConfig, { namespace, identity }) {
    this.#objects = KubernetesObjectApi.makeApiClient(kubeConfig);
    this.#custom = kubeConfig.makeApiClient(CustomObjectsApi);
    this.#events = kubeConfig.makeApiClient(EventsV1Api);
    this.#namespace = namespace;
    this.#identity = identity;
  }

  /** Makes the world what the Greeting says; `deployment` is what its cache has of it. */
  async reconcile(greeting, deployment) {
    if (greeting.metadata.deletionTimestamp !== undefined) return this.#sayFarewell(greeting);
    if (!greeting.metadata.finalizers?.includes(FINALIZER)) {
      await this.#setFinalizers(greeting, [...(greeting.metadata.finalizers ?? []), FINALIZER]);
    }
    await this.#sign(greeting, greeting.spec.message);
    await this.#apply(configMapOf(greeting));
    const applied = await this.#apply(deploymentOf(greeting));
    await this.#report(greeting, deployment?.metadata.uid === applied.metadata.uid ? deployment : applied);
  }

  async #sayFarewell(greeting) {
    if (!greeting.metadata.finalizers?.includes(FINALIZER)) return;
    await this.#sign(greeting, null);
    await this.#record(greeting, { reason: 'Farewell', action: 'Delete', note: 'Taken out of the guest book' });
    this.#written.delete(greeting.metadata.uid);
    const others = greeting.metadata.finalizers.filter((finalizer) => finalizer !== FINALIZER);
    await this.#setFinalizers(greeting, others);
  }

  /** With the resource version: what others do with the list meanwhile is not undone. */
  async #setFinalizers({ metadata: { name, namespace, resourceVersion } }, finalizers) {
    const body = { metadata: { resourceVersion, finalizers } };
    const target = { group: GROUP, version: VERSION, plural: PLURAL, name, namespace };
    await this.#custom.patchNamespacedCustomObject({ ...target, body, fieldManager: MANAGER }, asMergePatch);
  }

  /** The line of a Greeting in the guest book; null takes it out. */
  async #sign({ metadata: { name, namespace } }, message) {
    const metadata = { name: GUEST_BOOK, namespace: this.#namespace };
    const data = { [`${namespace}.${name}`]: message };
    const book = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
    try {
      await this.#objects.patch(book, undefined, undefined, MANAGER, undefined, PatchStrategy.MergePatch);
    } catch (error) {
      if (error.code !== 404) throw error;
      if (message !== null) await this.#objects.create(book, undefined, undefined, MANAGER);
    }
  }

  #apply(object) {
    return this.#objects.patch(object, undefined, undefined, MANAGER, true, PatchStrategy.ServerSideApply);
  }

  /** Writes the status where it changed, and tells of it. */
  async #report(greeting, deployment) {
    const { name, namespace, uid, generation } = greeting.metadata;
    const before = this.#written.get(uid) ?? greeting.status?.conditions?.find(({ type }) => type === 'Ready');
    const condition = readiness(greeting, deployment);
    const isTurned = before?.status !== condition.status;
    const status = {
      observedGeneration: generation,
      readyReplicas: deployment.status?.readyReplicas ?? 0,
      conditions: [
        { ...condition, lastTransitionTime: isTurned ? new Date().toISOString() : before.lastTransitionTime },
      ],
    };
    if (isSame(greeting.status, status)) return;
    const body = { apiVersion: `${GROUP}/${VERSION}`, kind: 'Greeting', metadata: { name, namespace }, status };
    const target = { group: GROUP, version: VERSION, plural: PLURAL, name, namespace };
    await this.#custom.patchNamespacedCustomObjectStatus(
      { ...target, body, fieldManager: MANAGER, force: true },
      asApply,
    );
    this.#written.set(uid, status.conditions[0]);
    if (isTurned) await this.#record(greeting, { reason: condition.reason, action: 'Apply', note: condition.message });
  }

  async #record({ apiVersion, kind, metadata: { name, namespace, uid, resourceVersion } }, { reason, action, note }) {
    const now = new V1MicroTime();
    const body = {
      metadata: { name: `${name}.${randomUUID()}`, namespace },
      type: 'Normal',
      reason,
      action,
      note,
      eventTime: now,
      reportingController: `${GROUP}/${MANAGER}`,
      reportingInstance: this.#identity,
      regarding: { apiVersion, kind, name, namespace, uid, resourceVersion },
    };
    // What an event tells of has happened, with it or without.
    await this.#events.createNamespacedEvent({ namespace, body }).catch((error) => console.error(error.message));
  }
}

const isSame = (before, after) =>
  before?.observedGeneration === after.observedGeneration &&
  before.readyReplicas === after.readyReplicas &&
  ['status', 'reason', 'message', 'observedGeneration'].every(
    (field) => before.conditions?.[0]?.[field] === after.conditions[0][field],
  );

/** The condition `Ready`, but for its time. */
function readiness({ metadata: { generation }, spec }, deployment) {
  const { observedGeneration = 0, updatedReplicas = 0, readyReplicas = 0 } = deployment.status ?? {};
  const isObserved = observedGeneration >= deployment.metadata.generation;
  const isReady = isObserved && Math.min(updatedReplicas, readyReplicas) >= spec.replicas;
  return {
    type: 'Ready',
    observedGeneration: generation,
    ...(isReady
      ? { status: 'True', reason: 'Greeting', message: `${spec.replicas} pods say: ${spec.message}` }
      : { status: 'False', reason: 'Starting', message: `${readyReplicas} of ${spec.replicas} pods are ready` }),
  };
}

const metadataOf = ({ apiVersion, kind, metadata: { name, namespace, uid } }) => ({
  name,
  namespace,
  labels: LABEL,
  ownerReferences: [{ apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true }],
});

const configMapOf = (greeting) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: metadataOf(greeting),
  data: { message: greeting.spec.message },
});

function deploymentOf(greeting) {
  const { name } = greeting.metadata;
  const labels = { 'examples.nocher.io/greeting': name };
  const fromConfigMap = { configMapKeyRef: { name, key: 'message' } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadataOf(greeting),
    spec: {
      replicas: greeting.spec.replicas,
      selector: { matchLabels: labels },
      template: {
        // Other words, other pods.
        metadata: { labels, annotations: { 'examples.nocher.io/message': greeting.spec.message } },
        spec: {
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000 },
          containers: [
            {
              name: 'hello',
              image: greeting.spec.image,
              env: [{ name: 'GREETING', valueFrom: fromConfigMap }],
              ports: [{ name: 'http', containerPort: 8080 }],
              readinessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 2 },
            },
          ],
        },
      },
    },
  };
}
