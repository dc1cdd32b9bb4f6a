// Caches of the objects that the operator looks at, which tell of each change.
import { CustomObjectsApi, makeInformer } from '@kubernetes/client-node';

const RETRY_MS = 1000;

export const GROUP = 'examples.nocher.io';
export const VERSION = 'v1';
export const PLURAL = 'greetings';

/** All Greetings. */
export function greetingInformer(kubeConfig) {
  const api = kubeConfig.makeApiClient(CustomObjectsApi);
  const list = () => api.listClusterCustomObject({ group: GROUP, version: VERSION, plural: PLURAL });
  return makeInformer(kubeConfig, `/apis/${GROUP}/${VERSION}/${PLURAL}`, list);
}

/** The Deployments with a label. */
export function deploymentInformer(kubeConfig, labelSelector) {
  const api = kubeConfig.makeApiClient(CustomObjectsApi);
  const list = () =>
    api.listClusterCustomObject({ group: 'apps', version: 'v1', plural: 'deployments', labelSelector });
  return makeInformer(kubeConfig, '/apis/apps/v1/deployments', list, labelSelector);
}

/** Starts an informer that starts again after errors until `signal`. Resolves when its cache is filled. */
export async function runInformer(informer, onChange, signal) {
  for (const verb of ['add', 'update', 'delete']) informer.on(verb, onChange);
  let timer;
  const start = () => informer.start().catch(retry);
  const retry = (error) => {
    if (signal.aborted) return;
    console.error(`a watch ended: ${error?.message ?? error}; again in ${RETRY_MS} ms`);
    clearTimeout(timer);
    timer = setTimeout(start, RETRY_MS);
  };
  informer.on('error', retry);
  signal.addEventListener('abort', () => {
    clearTimeout(timer);
    void informer.stop();
  });
  await start();
}
