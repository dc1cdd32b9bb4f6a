/** The table of planted bugs: at least one in each controller, which some seed must find. */
import type { ApiObject } from '../../api/machinery/meta.ts';
import { notFound } from '../../api/machinery/errors.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import type { ControllerContext } from '../../client/controller.ts';
import { OwnershipGraph } from '../../controllers/garbage-collector/graph.ts';
import { HASH_LABEL } from '../../controllers/rollout/types.ts';
import { ClusterCache } from '../../scheduler/cluster-cache.ts';
import type { Mutant } from './mutant.ts';
import { forcing, replacing, seeing, withContext, without, writing } from './planting.ts';

const rollingUpdate = (change: Record<string, unknown>) => (deployment: { spec: Record<string, unknown> }) => {
  const { strategy } = deployment.spec as { strategy: { type: string; rollingUpdate?: object } };
  if (strategy.type !== 'RollingUpdate') return deployment;
  const changed = { ...strategy, rollingUpdate: { ...strategy.rollingUpdate, ...change } };
  return { ...deployment, spec: { ...deployment.spec, strategy: changed } };
};

let calls = 0;

const changeCanary = (change: object) => (rollout: { spec: { strategy: { canary?: object } } }) => {
  const { canary } = rollout.spec.strategy;
  if (canary === undefined) return rollout;
  return { ...rollout, spec: { ...rollout.spec, strategy: { canary: { ...canary, ...change } } } };
};

/** A Job that finished long ago. */
const hasEnded = (job: object): ApiObject => {
  const conditions = [{ type: 'Complete', status: 'True', lastTransitionTime: '1970-01-01T00:00:00Z' }];
  const { status } = job as { status?: object };
  return { ...job, status: { ...status, conditions } } as unknown as ApiObject;
};

const onNode = { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['nowhere'] }] };
const elsewhere = { required: { nodeSelectorTerms: [onNode] } };

export const mutants: readonly Mutant[] = [
  {
    name: 'a ReplicaSet controller that does not wait to see its own writes',
    workloads: ['deployments'],
    client: (name, client) =>
      name !== 'replicaset-controller'
        ? client
        : {
            ...client,
            async create<T extends ApiObject, R extends ApiObject = T>(...call: Parameters<Client['create']>) {
              const created = await client.create<T, R>(...(call as Parameters<typeof client.create<T, R>>));
              return { ...created, metadata: { ...created.metadata, resourceVersion: '' } };
            },
          },
  },
  {
    name: 'a ReplicaSet controller that never adopts or releases',
    workloads: ['replica-sets'],
    client: (name, client) =>
      name !== 'replicaset-controller' ? client : { ...client, patch: () => Promise.resolve({} as never) },
  },
  {
    name: 'a ReplicaSet controller that does not delete pods',
    workloads: ['deployments'],
    client: without('replicaset-controller', 'delete'),
  },
  {
    name: 'a Deployment controller that forgets maxUnavailable',
    workloads: ['deployments'],
    controller: seeing('deployment-controller', 'deployments', rollingUpdate({ maxUnavailable: '100%' })),
  },
  {
    name: 'a Deployment controller that forgets maxSurge',
    workloads: ['deployments'],
    controller: seeing('deployment-controller', 'deployments', rollingUpdate({ maxSurge: '100%' })),
  },
  {
    name: 'a Deployment controller that trusts a status that is behind',
    workloads: ['deployments'],
    controller: seeing(
      'deployment-controller',
      'replicasets',
      (set: { spec: { replicas?: number }; status: object }) => ({
        ...set,
        status: { ...set.status, availableReplicas: set.spec.replicas },
      }),
    ),
  },
  {
    name: 'a garbage collector that collects nothing',
    workloads: ['replica-sets', 'namespaces'],
    fromSeed: 20,
    client: without('generic-garbage-collector', 'delete'),
  },
  {
    name: 'a garbage collector that deletes dependents of a living owner',
    workloads: ['deployments'],
    plant: replacing(
      OwnershipGraph.prototype,
      'get',
      (original) =>
        function (this: OwnershipGraph, uid) {
          const node = original.call(this, uid);
          // Now and then: always, and nothing else would happen any more.
          return node?.resource.names.plural === 'replicasets' && ++calls % 20 === 0 ? undefined : node;
        },
    ),
    client: (name, client) =>
      name !== 'generic-garbage-collector'
        ? client
        : {
            ...client,
            get: ((resource: ResourceRef, object: { name: string }, options: never) =>
              resource.names.plural === 'replicasets'
                ? Promise.reject(notFound({ group: 'apps', resource: 'replicasets' }, object.name))
                : client.get(resource, object, options)) as Client['get'],
          },
  },
  {
    name: 'a namespace controller that finalizes before all is gone',
    workloads: ['namespaces'],
    client: (name, client) =>
      name !== 'namespace-controller'
        ? client
        : { ...client, list: (() => Promise.resolve({ metadata: {}, items: [] })) as unknown as Client['list'] },
  },
  {
    name: 'a quota controller that counts nothing',
    workloads: ['namespaces'],
    client: writing('resourcequota-controller', 'resourcequotas', (quota: { status?: { used?: object } }) => ({
      ...quota,
      status: {
        ...quota.status,
        used: Object.fromEntries(Object.keys(quota.status?.used ?? {}).map((name) => [name, '0'])),
      },
    })),
  },
  {
    name: 'an EndpointSlice controller that takes every pod for ready',
    workloads: ['deployments'],
    client: writing('endpointslice-controller', 'endpointslices', (slice: { endpoints: { conditions: object }[] }) => ({
      ...slice,
      endpoints: slice.endpoints.map((one) => ({ ...one, conditions: { ...one.conditions, ready: true } })),
    })),
  },
  {
    name: 'a node controller that evicts nothing',
    workloads: ['deployments'],
    fromSeed: 28,
    client: without('node-controller', 'delete'),
  },
  {
    name: 'a node controller that does not look at leases',
    workloads: ['deployments'],
    controller: seeing('node-controller', 'leases', () => undefined),
  },
  {
    name: 'a pod garbage collector that takes every node for gone',
    workloads: ['deployments'],
    controller: withContext('pod-garbage-collector', (context) => ({
      ...context,
      lister: ((resource: ResourceRef) =>
        resource.names.plural === 'nodes'
          ? { get: () => undefined, list: () => [] }
          : context.lister(resource)) as ControllerContext['lister'],
    })),
    client: (name, client) =>
      name !== 'pod-garbage-collector'
        ? client
        : {
            ...client,
            get: (_resource, { name: which }) => Promise.reject(notFound({ group: '', resource: 'nodes' }, which)),
          },
  },
  {
    name: 'a scheduler that does not assume',
    workloads: ['replica-sets'],
    plant: replacing(ClusterCache.prototype, 'assumePod', () => () => true),
  },
  {
    name: 'a StatefulSet controller that makes all pods at once',
    workloads: ['stateful-sets'],
    controller: seeing('statefulset-controller', 'statefulsets', (set: { spec: object }) => ({
      ...set,
      spec: { ...set.spec, podManagementPolicy: 'Parallel' },
    })),
  },
  {
    name: 'a StatefulSet controller that replaces pods before they have ended',
    workloads: ['stateful-sets'],
    client: forcing('statefulset-controller'),
  },
  {
    name: 'a DaemonSet controller that does not know which pods it has made',
    workloads: ['daemon-sets'],
    controller: withContext('daemon-set-controller', (context) => ({ ...context, byIndex: () => [] })),
    client: (name, client) =>
      name !== 'daemon-set-controller' ? client : { ...client, delete: () => Promise.resolve() },
  },
  {
    name: 'a Job controller that counts on the way out only',
    workloads: ['jobs'],
    client: writing('job-controller', 'jobs', (job: { status?: { succeeded?: number } }) => ({
      ...job,
      status: { ...job.status, ...(job.status?.succeeded ? { succeeded: job.status.succeeded + 1 } : {}) },
    })),
  },
  {
    name: 'a Job controller that forgets its parallelism',
    workloads: ['jobs'],
    controller: seeing('job-controller', 'jobs', (job: { spec: object }) => ({
      ...job,
      spec: { ...job.spec, parallelism: 5 },
    })),
  },
  {
    name: 'a DaemonSet controller that does not wait for its users to delete',
    workloads: ['daemon-sets'],
    controller: seeing('daemon-set-controller', 'daemonsets', (set: { spec: object }) => ({
      ...set,
      spec: {
        ...set.spec,
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
      },
    })),
  },
  {
    name: 'a CronJob controller that allows what is forbidden',
    workloads: ['cron-jobs'],
    fromSeed: 8,
    controller: seeing('cronjob-controller', 'cronjobs', (cron: { spec: object }) => ({
      ...cron,
      spec: { ...cron.spec, concurrencyPolicy: 'Allow' },
    })),
  },
  {
    name: 'a CronJob controller that keeps every Job',
    workloads: ['cron-jobs'],
    client: without('cronjob-controller', 'delete'),
  },
  {
    name: 'a TTL controller that does not wait for the end',
    workloads: ['jobs'],
    controller: seeing('ttl-after-finished-controller', 'jobs', hasEnded),
    client: (name, client) =>
      name !== 'ttl-after-finished-controller'
        ? client
        : {
            ...client,
            get: (async (...call: Parameters<Client['get']>) => hasEnded(await client.get(...call))) as never,
          },
  },
  {
    name: 'a TTL controller that takes nothing away',
    workloads: ['jobs'],
    client: without('ttl-after-finished-controller', 'delete'),
  },
  {
    name: 'a Rollout controller that takes each step for the last',
    workloads: ['canaries'],
    controller: seeing('rollout-controller', 'rollouts', changeCanary({ steps: [] })),
  },
  {
    name: 'a Rollout controller that says something new each time',
    workloads: ['canaries'],
    client: writing('rollout-controller', 'rollouts', (rollout: { status?: object }) => ({
      ...rollout,
      status: { ...rollout.status, message: `look ${++calls}` },
    })),
  },
  {
    name: 'a Rollout controller that leads its Service to the next version too early',
    workloads: ['rollouts'],
    client: (name, client) => {
      if (name !== 'rollout-controller') return client;
      // To every version at once.
      const body = { spec: { selector: { [HASH_LABEL]: null } } };
      const patch = (resource: ResourceRef, object: { name: string }, options: Parameters<Client['patch']>[2]) =>
        client.patch(resource, object, resource.names.plural === 'services' ? { ...options, body } : options);
      return { ...client, patch: patch as Client['patch'] };
    },
  },
  {
    name: 'an autoscaler that forgets its maximum',
    workloads: ['autoscalers'],
    controller: seeing('horizontal-pod-autoscaler', 'horizontalpodautoscalers', (one: { spec: object }) => ({
      ...one,
      spec: { ...one.spec, maxReplicas: 20 },
    })),
  },
  {
    name: 'an autoscaler that forgets its policies',
    workloads: ['autoscalers'],
    controller: seeing('horizontal-pod-autoscaler', 'horizontalpodautoscalers', (one: { spec: object }) => ({
      ...one,
      spec: { ...one.spec, behavior: undefined },
    })),
  },
  {
    name: 'a binder that takes every volume for free',
    workloads: ['claims'],
    controller: seeing('persistent-volume-binder', 'persistentvolumes', (volume: { spec: object }) => ({
      ...volume,
      spec: { ...volume.spec, claimRef: undefined },
    })),
  },
  {
    name: 'a binder that never says that a volume is released',
    workloads: ['claims'],
    client: writing('persistent-volume-binder', 'persistentvolumes', (volume: { status?: { phase?: string } }) => ({
      ...volume,
      status: { ...volume.status, phase: volume.status?.phase === 'Released' ? 'Bound' : volume.status?.phase },
    })),
  },
  {
    name: 'a provisioner that makes volumes on no node',
    workloads: ['claims'],
    client: writing('local-volume-provisioner', 'persistentvolumes', (volume: { spec: object }) => ({
      ...volume,
      spec: { ...volume.spec, nodeAffinity: elsewhere },
    })),
  },
  {
    name: 'a provisioner that removes nothing',
    workloads: ['claims'],
    client: without('local-volume-provisioner', 'delete'),
  },
  {
    name: 'a protection of claims that takes them for unused',
    workloads: ['claims'],
    controller: withContext('pvc-protection-controller', (context) => ({ ...context, byIndex: () => [] })),
    client: (name, client) =>
      name !== 'pvc-protection-controller'
        ? client
        : { ...client, list: (() => Promise.resolve({ metadata: {}, items: [] })) as unknown as Client['list'] },
  },
  {
    name: 'a StatefulSet controller that keeps no claims',
    workloads: ['claims'],
    fromSeed: 6,
    controller: seeing('statefulset-controller', 'statefulsets', (set: { spec: object }) => ({
      ...set,
      spec: { ...set.spec, persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete', whenDeleted: 'Delete' } },
    })),
  },
  {
    name: 'a disruption controller that allows everything',
    workloads: ['budgets'],
    client: writing('disruption-controller', 'poddisruptionbudgets', (budget: { status?: object }) => ({
      ...budget,
      status: { ...budget.status, disruptionsAllowed: 9 },
    })),
  },
];
