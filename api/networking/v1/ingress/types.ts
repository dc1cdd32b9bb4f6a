/** The wire types of Ingress and of its parts. */
import type { V1Ingress } from '@kubernetes/client-node';
import type { WireObject } from '../../../machinery/meta.ts';

export type Ingress = WireObject<V1Ingress>;
export type IngressSpec = NonNullable<Ingress['spec']>;
export type IngressRule = NonNullable<IngressSpec['rules']>[number];
export type HttpIngressPath = NonNullable<IngressRule['http']>['paths'][number];
export type IngressBackend = HttpIngressPath['backend'];
