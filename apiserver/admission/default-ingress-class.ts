/**
 * DefaultIngressClass: an Ingress that names no class gets the one that is marked as default; of several, the newest
 * (upstream `plugin/pkg/admission/network/defaultingressclass/admission.go`).
 */
import type { IngressClass } from '../../api/networking/v1/ingress-class.ts';
import { IS_DEFAULT_CLASS_ANNOTATION } from '../../api/networking/v1/ingress-class.ts';
import type { Ingress } from '../../api/networking/v1/ingress.ts';
import { INGRESS_CLASS_ANNOTATION } from '../../api/networking/v1/ingress/validation.ts';
import type { Lister } from '../../api/machinery/handler.ts';
import type { AdmissionPlugin } from './admission.ts';

const GROUPS = ['networking.k8s.io', 'extensions'];

export function defaultIngressClass(classes: Lister<IngressClass>): AdmissionPlugin {
  return {
    name: 'DefaultIngressClass',
    mutate({ operation, resource, subresource, object }) {
      if (operation !== 'CREATE' || subresource !== '' || resource.names.plural !== 'ingresses') return;
      if (!GROUPS.includes(resource.group)) return;
      const { metadata, spec } = object as Ingress;
      // The annotation names a class in the older way.
      if (spec == null || spec.ingressClassName !== undefined) return;
      if (metadata.annotations?.[INGRESS_CLASS_ANNOTATION] !== undefined) return;
      const name = nameOfDefault(classes);
      if (name !== undefined) spec.ingressClassName = name;
    },
  };
}

/** The newest, and of several made in one second the first by name. */
function nameOfDefault(classes: Lister<IngressClass>): string | undefined {
  const marked = classes
    .list()
    .filter(({ metadata }) => metadata.annotations?.[IS_DEFAULT_CLASS_ANNOTATION] === 'true')
    .map(({ metadata: { name = '', creationTimestamp } }) => ({ name, made: creationTimestamp ?? '' }));
  marked.sort((a, b) => (a.made === b.made ? (a.name < b.name ? -1 : 1) : a.made < b.made ? 1 : -1));
  return marked[0]?.name;
}
