/** NamespaceLifecycle: nothing is created in a namespace that is missing or going (upstream `plugin/namespace/lifecycle`). */
import type { Lister } from '../../api/machinery/handler.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import * as errors from '../../api/machinery/errors.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './admission.ts';

/** Namespaces that always exist. */
const IMMORTAL = new Set(['default', 'kube-system', 'kube-public']);

export function namespaceLifecycle(namespaces: Lister): AdmissionPlugin {
  const check = (attributes: AdmissionAttributes): void => {
    const { operation, resource, name } = attributes;
    if (resource.names.plural === 'namespaces' && resource.group === '') {
      if (operation === 'DELETE' && IMMORTAL.has(name))
        throw errors.forbiddenError({ group: '', resource: 'namespaces' }, name, 'this namespace may not be deleted');
      return;
    }
    if (operation === 'CREATE' && resource.scope === 'Namespaced')
      checkCreation(attributes, namespaces.get('', attributes.namespace));
  };
  // First of all, as upstream: nobody else has a say about what cannot be. And last: a webhook takes its time.
  return { name: 'NamespaceLifecycle', mutate: check, validate: check };
}

function checkCreation({ resource, name, namespace, object }: AdmissionAttributes, found: ApiObject | undefined): void {
  if (found === undefined) throw errors.notFound({ group: '', resource: 'namespaces' }, namespace);
  if (found.metadata.deletionTimestamp === undefined) return;
  const shown = name === '' ? (object?.metadata.generateName ?? '') : name;
  const group = { group: resource.group, resource: resource.names.plural };
  const refusal = errors.forbiddenError(
    group,
    shown,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
  );
  refusal.status.details!.causes = [
    {
      reason: 'NamespaceTerminating',
      message: `namespace ${namespace} is being terminated`,
      field: 'metadata.namespace',
    },
  ];
  throw refusal;
}
