/** Binding: puts a pod on a node; asked, not stored (upstream: `pkg/registry/core/pod/storage`, `LegacyBindingREST`). */
import type { V1Binding } from '@kubernetes/client-node';
import type { WireObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';

export type Binding = WireObject<V1Binding>;

export const bindings = defineResource<Binding>({
  group: '',
  version: 'v1',
  scope: 'Namespaced',
  names: { plural: 'bindings', singular: 'binding', kind: 'Binding' },
  schema: 'V1Binding',
  verbs: ['create'],
});
