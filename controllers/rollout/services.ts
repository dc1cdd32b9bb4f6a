/** The Services of a Rollout: which versions they lead to, and whether they can lead to any. */
import type { Service } from '../../api/core/v1/service.ts';
import { services } from '../../api/core/v1/service.ts';
import type { Client } from '../../client/client.ts';
import type { CacheReader } from '../../client/controller.ts';
import type { Rollout } from './types.ts';
import { HASH_LABEL, MANAGED_BY, rollouts } from './types.ts';

/** The names in the strategy. */
export function serviceNames({ spec: { strategy } }: Rollout): string[] {
  const { blueGreen, canary } = strategy;
  return [blueGreen?.activeService, blueGreen?.previewService, canary?.stableService, canary?.canaryService].filter(
    (name) => name !== undefined,
  );
}

export type FoundServices =
  { problem: string } | { problem?: undefined; selectors: ReadonlyMap<string, string | undefined> };

/** The versions that they lead to, or what keeps the Rollout from using them. */
export function lookAtServices(rollout: Rollout, context: CacheReader): FoundServices {
  const selectors = new Map<string, string | undefined>();
  const namespace = rollout.metadata.namespace ?? '';
  for (const name of serviceNames(rollout)) {
    const service = context.lister<Service>(services).get(namespace, name);
    if (service === undefined) return { problem: `Service ${name} was not found` };
    const problem = problemOf(rollout, service) ?? otherManager(rollout, service, context);
    if (problem !== undefined) return { problem };
    selectors.set(name, service.spec?.selector?.[HASH_LABEL]);
  }
  return { selectors };
}

/** A Service that does not select the template's pods would lead nowhere once it is switched. */
export function problemOf({ spec }: Rollout, { metadata, spec: { selector = {} } = {} }: Service): string | undefined {
  const { [HASH_LABEL]: _, ...others } = selector;
  const labels = spec.template.metadata?.labels ?? {};
  if (Object.keys(others).length === 0) return `Service ${metadata.name} has no selector of its own`;
  const isMatch = Object.entries(others).every(([name, value]) => labels[name] === value);
  return isMatch ? undefined : `Service ${metadata.name} does not select the pods of the template`;
}

function otherManager(rollout: Rollout, { metadata }: Service, context: CacheReader): string | undefined {
  const manager = metadata.annotations?.[MANAGED_BY];
  if (manager === undefined || manager === rollout.metadata.name) return undefined;
  const other = context.lister<Rollout>(rollouts).get(metadata.namespace ?? '', manager);
  if (other === undefined || !serviceNames(other).includes(metadata.name!)) return undefined;
  return `Service ${metadata.name} belongs to the Rollout ${manager}`;
}

export async function switchService(
  rollout: Rollout,
  { service, hash }: { service: string; hash: string },
  client: Client,
): Promise<void> {
  const name = { namespace: rollout.metadata.namespace ?? '', name: service };
  const body = {
    metadata: { annotations: { [MANAGED_BY]: rollout.metadata.name } },
    spec: { selector: { [HASH_LABEL]: hash } },
  };
  await client.patch<Service>(services, name, { type: 'merge', body });
}

/** The Rollouts whose strategies name the Service. */
export function rolloutsOfService(service: Service, context: CacheReader): string[] {
  return context
    .lister<Rollout>(rollouts)
    .list({ namespace: service.metadata.namespace ?? '' })
    .filter((rollout) => serviceNames(rollout).includes(service.metadata.name!))
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
}
