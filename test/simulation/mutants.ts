/** The table of planted bugs: at least one in each controller, which some seed must find. */
import type { ApiObject } from '../../api/machinery/meta.ts';
import { notFound } from '../../api/machinery/errors.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import type { Controller, ControllerContext } from '../../client/controller.ts';
import { OwnershipGraph } from '../../controllers/garbage-collector/graph.ts';
import { ClusterCache } from '../../scheduler/cluster-cache.ts';
import type { Mutant } from './mutant.ts';

type Change = (object: never) => unknown;

/** The component's writes go through `change`. */
function writing(component: string, plural: string, change: Change): NonNullable<Mutant['client']> {
  return (name, client) => {
    if (name !== component) return client;
    const changed = <T>(resource: ResourceRef, object: T): T =>
      resource.names.plural === plural ? (change(object as never) as T) : object;
    return {
      ...client,
      create: (resource, object, options) => client.create(resource, changed(resource, object), options),
      update: (resource, object, options) => client.update(resource, changed(resource, object), options),
    };
  };
}

/** The controller sees other objects of a kind than there are. */
function seeing(
  component: string,
  plural: string,
  change: (object: never) => unknown,
): NonNullable<Mutant['controller']> {
  return withContext(component, (context) => ({
    ...context,
    lister: ((resource: ResourceRef) => {
      const lister = context.lister(resource);
      if (resource.names.plural !== plural) return lister;
      const changed = (object: ApiObject): ApiObject => change(object as never) as ApiObject;
      return {
        get: (namespace, name) => {
          const object = lister.get(namespace, name);
          return object && changed(object);
        },
        list: (options) => lister.list(options).map(changed),
      };
    }) as ControllerContext['lister'],
  }));
}

function withContext(
  component: string,
  change: (context: ControllerContext) => ControllerContext,
): NonNullable<Mutant['controller']> {
  return (controller): Controller => {
    if (controller.name !== component) return controller;
    return { ...controller, reconcile: (key, context) => controller.reconcile(key, change(context)) };
  };
}

/** Some of the component's calls do nothing. */
function without(component: string, ...methods: (keyof Client)[]): NonNullable<Mutant['client']> {
  return (name, client) => {
    if (name !== component) return client;
    return { ...client, ...Object.fromEntries(methods.map((method) => [method, () => Promise.resolve({})])) };
  };
}

/** The component's deletions do not wait for anybody. */
function forcing(component: string): NonNullable<Mutant['client']> {
  return (name, client) => {
    if (name !== component) return client;
    return {
      ...client,
      delete: (resource, object, options) => client.delete(resource, object, { ...options, gracePeriodSeconds: 0 }),
    };
  };
}

/** In the place of a method of a class, for the length of a run. */
function replacing<T extends object, K extends keyof T>(
  prototype: T,
  method: K,
  replacement: (original: T[K]) => T[K],
): () => () => void {
  return () => {
    const original = prototype[method];
    prototype[method] = replacement(original);
    return () => {
      prototype[method] = original;
    };
  };
}

const rollingUpdate = (change: Record<string, unknown>) => (deployment: { spec: Record<string, unknown> }) => {
  const { strategy } = deployment.spec as { strategy: { type: string; rollingUpdate?: object } };
  if (strategy.type !== 'RollingUpdate') return deployment;
  const changed = { ...strategy, rollingUpdate: { ...strategy.rollingUpdate, ...change } };
  return { ...deployment, spec: { ...deployment.spec, strategy: changed } };
};

let calls = 0;

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
    name: 'a disruption controller that allows everything',
    workloads: ['budgets'],
    client: writing('disruption-controller', 'poddisruptionbudgets', (budget: { status?: object }) => ({
      ...budget,
      status: { ...budget.status, disruptionsAllowed: 9 },
    })),
  },
];
