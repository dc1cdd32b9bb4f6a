import { describe, expect, it } from '@jest/globals';
import type { Deployment } from '../../api/apps/v1/deployment.ts';
import { deployments } from '../../api/apps/v1/deployment.ts';
import type { ReplicaSet } from '../../api/apps/v1/replica-set.ts';
import { replicaSets } from '../../api/apps/v1/replica-set.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Lister } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import { formatTime } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import type { ControllerContext, ReconcileResult } from '../../client/controller.ts';
import { silentEventRecorder } from '../../client/events.ts';
import { newControllerRef } from '../../client/owner-references.ts';
import { deploymentController } from './deployment.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');

const templateOf = (image: string): object => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'c', image }] },
});

const deploymentOf = (spec: object, status: object = {}): Deployment =>
  ({
    metadata: { namespace: 'default', name: 'web', uid: 'd' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      template: templateOf('new'),
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      ...spec,
    },
    status,
  }) as unknown as Deployment;

const setOf = (owner: Deployment, image: string, replicas: number): ReplicaSet =>
  ({
    metadata: {
      namespace: 'default',
      name: `web-${image}`,
      uid: image,
      labels: { app: 'web' },
      ownerReferences: [newControllerRef(owner, deployments)],
    },
    spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: templateOf(image) },
  }) as unknown as ReplicaSet;

/** What one reconcile returned, and the sets that it made. */
async function reconcile(
  deployment: Deployment,
  { sets, pods = [] }: { sets: readonly ReplicaSet[]; pods?: readonly Pod[] },
): Promise<{ result: ReconcileResult; created: ApiObject[] }> {
  const created: ApiObject[] = [];
  const client = {
    create: (_kind: ResourceRef, object: ApiObject) => {
      created.push(object);
      return Promise.resolve(object);
    },
    update: (_kind: ResourceRef, object: ApiObject) => Promise.resolve(object),
  };
  const lists = new Map<ResourceRef, readonly ApiObject[]>([
    [deployments, [deployment]],
    [replicaSets, sets],
  ]);
  const context: ControllerContext = {
    lister: <T extends ApiObject>(kind: ResourceRef) => {
      const list = lists.get(kind) ?? [];
      const get = (_: string, name: string): unknown => list.find(({ metadata }) => metadata.name === name);
      return { get, list: () => list } as unknown as Lister<T>;
    },
    byIndex: <T extends ApiObject>(_kind: ResourceRef, _index: string, uid: string) =>
      pods.filter(({ metadata }) => metadata.ownerReferences?.some((one) => one.uid === uid)) as ApiObject[] as T[],
    client: client as unknown as Client,
    events: silentEventRecorder,
    now: () => NOW,
    log: silentLogger,
    random: realRandom,
    signal: new AbortController().signal,
  };
  const result = await deploymentController.reconcile({ namespace: 'default', name: 'web' }, context);
  return { result, created };
}

describe('a Deployment that recreates', () => {
  it('waits for the pods of its old sets, not for others that these own besides', async () => {
    const deployment = deploymentOf({ strategy: { type: 'Recreate' } });
    const old = setOf(deployment, 'old', 0);
    const pod = (controller: boolean): Pod => {
      const reference = { ...newControllerRef(old, replicaSets), controller };
      return { metadata: { namespace: 'default', name: 'p', ownerReferences: [reference] } } as unknown as Pod;
    };
    expect((await reconcile(deployment, { sets: [old], pods: [pod(true)] })).created).toHaveLength(0);
    expect((await reconcile(deployment, { sets: [old], pods: [pod(false)] })).created).toHaveLength(1);
  });
});

describe('a rollout', () => {
  it('is looked at when its deadline has passed, but not while it is paused', async () => {
    const progressing = (reason: string): object => {
      const lastUpdateTime = formatTime(NOW - 60_000);
      const condition = { type: 'Progressing', status: 'Unknown', reason, message: 'x', lastUpdateTime };
      return { conditions: [condition] };
    };
    const result = async (spec: object, reason: string): Promise<ReconcileResult> => {
      const deployment = deploymentOf({ progressDeadlineSeconds: 50, ...spec }, progressing(reason));
      return (await reconcile(deployment, { sets: [setOf(deployment, 'new', 1)] })).result;
    };
    expect(await result({ paused: true }, 'DeploymentPaused')).toBeUndefined();
    expect(await result({ progressDeadlineSeconds: 100 }, 'ReplicaSetUpdated')).toEqual({ requeueAfterMs: 41_000 });
  });
});
