/** DefaultBinder: puts the pod on its node by a Binding (`plugins/defaultbinder/default_binder.go`). */
import { pods } from '../../api/core/v1/pod.ts';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Client } from '../../client/client.ts';
import type { Plugin } from '../framework.ts';

interface Binding extends ApiObject {
  target: { kind: string; name: string };
}

export function defaultBinder(client: Client): Plugin {
  return {
    name: 'DefaultBinder',
    async bind({ pod }, nodeName) {
      const { namespace = '', name = '', uid } = pod.metadata;
      const binding: Binding = {
        apiVersion: 'v1',
        kind: 'Binding',
        // The uid: a new pod of the same name is another one.
        metadata: { namespace, name, ...(uid === undefined ? {} : { uid }) },
        target: { kind: 'Node', name: nodeName },
      };
      await client.create<Binding, ApiObject>(pods, binding, { name, subresource: 'binding' });
      return true;
    },
  };
}
