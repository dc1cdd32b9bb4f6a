/** `componentstatuses`: answered from what this process knows of the control plane's parts, which run in it. */
import type { ComponentStatus } from '../../../api/core/v1/component-status.ts';
import * as errors from '../../../api/machinery/errors.ts';
import { pathName } from '../../request-info.ts';
import { objectResponse } from '../../responses.ts';
import type { VerbHandler } from '../../router.ts';
import type { VerbDependencies } from '../../verbs/dependencies.ts';

type Check = (dependencies: VerbDependencies) => Promise<void> | void;

/** Each throws when its part is not well. What runs in this process is as well as the answer is. */
const CHECKS: Readonly<Record<string, Check>> = {
  'controller-manager': () => undefined,
  scheduler: () => undefined,
  'etcd-0': ({ watchCache }) => watchCache.freshen(),
};

async function statusOf(name: string, dependencies: VerbDependencies): Promise<ComponentStatus> {
  const head = { kind: 'ComponentStatus', apiVersion: 'v1', metadata: { name } };
  try {
    await CHECKS[name]!(dependencies);
    return { ...head, conditions: [{ type: 'Healthy', status: 'True', message: 'ok' }] };
  } catch (error) {
    return { ...head, conditions: [{ type: 'Healthy', status: 'False', error: String(error) }] };
  }
}

const get: VerbHandler = async (context, kind, dependencies) => {
  const name = pathName(context.info);
  if (!Object.hasOwn(CHECKS, name)) throw errors.notFound(kind.groupResource, name);
  return objectResponse(await statusOf(name, dependencies));
};

const list: VerbHandler = async (_context, _kind, dependencies) => {
  const items = await Promise.all(Object.keys(CHECKS).map((name) => statusOf(name, dependencies)));
  return objectResponse({ kind: 'ComponentStatusList', apiVersion: 'v1', metadata: {}, items });
};

export const componentStatuses: Record<string, VerbHandler> = { get, list };
