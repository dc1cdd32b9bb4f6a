/**
 * A team's namespace: a quota, a Service, a Deployment that may want more than the quota gives, objects that own each
 * other; and at the end, or in the midst of it all, the namespace is deleted.
 */
import { deployments } from '../../../api/apps/v1/deployment.ts';
import { configMaps } from '../../../api/core/v1/config-map.ts';
import { namespaces } from '../../../api/core/v1/namespace.ts';
import { resourceQuotas } from '../../../api/core/v1/resource-quota.ts';
import { services } from '../../../api/core/v1/service.ts';
import type { ApiObject } from '../../../api/machinery/meta.ts';
import type { ResourceRef } from '../../../client/client.ts';
import type { SeededRandom } from '../seeded-random.ts';
import type { Action, Workload } from './action.ts';
import { template } from './templates.ts';

const NAMESPACE = 'team';

export const namespaceWorkload: Workload = {
  name: 'namespaces',
  draw(random, calmMs) {
    if (random.chance(0.4)) return [];
    const startMs = random.below(calmMs / 4);
    const at = (): number => startMs + 1_000 + random.below(calmMs - startMs - 1_000);
    const pods = 1 + random.below(4);
    const quota = { spec: { hard: { pods: String(pods), 'count/configmaps': '4' } } };
    const actions: Action[] = [
      { atMs: startMs, ...make(namespaces, NAMESPACE, {}) },
      { atMs: startMs + 100, ...make(resourceQuotas, 'quota', quota) },
      { atMs: startMs + 200, ...make(services, 'app', { spec: { selector: { app: 'app' }, ports: [{ port: 80 }] } }) },
    ];
    for (let index = random.below(3); index > 0; index--)
      actions.push({ atMs: at(), ...make(deployments, `app-${index}`, deployment(index, random.below(5))) });
    for (let index = random.below(6); index > 0; index--) actions.push({ atMs: at(), ...drawOwned(random, index) });
    if (random.chance(0.6)) {
      const run: Action['run'] = ({ client }) => client.delete(namespaces, { name: NAMESPACE });
      actions.push({ atMs: at(), text: `delete namespace ${NAMESPACE}`, run });
    }
    return [...actions, { atMs: calmMs, text: 'bring the apps within the quota', run: shrink(pods) }];
  },
};

function make(resource: ResourceRef, name: string, object: Record<string, unknown>): Omit<Action, 'atMs'> {
  const metadata = { name, ...(resource.scope === 'Namespaced' ? { namespace: NAMESPACE } : {}) };
  const text = `create ${resource.names.kind} ${name} ${JSON.stringify(object)}`;
  return { text, run: ({ client }) => client.create(resource, { metadata, ...object } as ApiObject) };
}

function deployment(index: number, replicas: number): Record<string, unknown> {
  const labels = { app: 'app', index: String(index) };
  const spec = { replicas, selector: { matchLabels: labels }, template: template(labels, 'image-good:1') };
  return { spec };
}

/** A ConfigMap that a Deployment, another ConfigMap, or two of them own; or the deletion of one. */
function drawOwned(random: SeededRandom, index: number): Omit<Action, 'atMs'> {
  const name = `settings-${index}`;
  const owners = [`settings-${random.below(6)}`, `app-${1 + random.below(2)}`].slice(0, 1 + random.below(2));
  if (random.chance(0.3)) {
    const propagationPolicy = random.pick(['Background', 'Foreground', 'Orphan'] as const);
    return {
      text: `delete configmap ${owners[0]}, ${propagationPolicy}`,
      run: ({ client }) => client.delete(configMaps, { namespace: NAMESPACE, name: owners[0]! }, { propagationPolicy }),
    };
  }
  return {
    text: `create configmap ${name}, owned by ${owners.join(', ')}`,
    run: ({ client, state }) => {
      const ownerReferences = owners.flatMap((owner) => {
        const kind = owner.startsWith('app') ? 'deployments' : 'configmaps';
        const found = state.get(kind, `${NAMESPACE}/${owner}`);
        return found === undefined ? [] : [referenceTo(found)];
      });
      return client.create(configMaps, { metadata: { name, namespace: NAMESPACE, ownerReferences } });
    },
  };
}

function referenceTo({ apiVersion = '', kind = '', metadata }: ApiObject): Record<string, unknown> & {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
} {
  const { name = '', uid = '' } = metadata;
  return { apiVersion, kind, name, uid, blockOwnerDeletion: true };
}

/** What does not fit can never come to rest. */
function shrink(pods: number): Action['run'] {
  return async ({ client }) => {
    for (const [index, replicas] of [Math.min(1, pods), 0].entries()) {
      const name = { namespace: NAMESPACE, name: `app-${index + 1}` };
      await client.patch(deployments, name, { type: 'merge', body: { spec: { replicas } } }).catch(() => undefined);
    }
  };
}
