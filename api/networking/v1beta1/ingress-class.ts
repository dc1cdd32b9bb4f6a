/** IngressClass in the version of 1.18 to 1.21; the fields are those of `networking.k8s.io/v1`, as which it is stored. */
import type { ApiObject } from '../../machinery/meta.ts';
import { defineResource } from '../../machinery/resource.ts';
import type { ObjectView } from '../../machinery/resource.ts';
import { viewStrategy } from '../../machinery/view-strategy.ts';
import { ingressClasses } from '../v1/ingress-class.ts';
import type { IngressClass } from '../v1/ingress-class.ts';

const view: ObjectView<IngressClass> = {
  toStored: (object) => withVersion(object, 'networking.k8s.io/v1'),
  fromStored: (object) => withVersion(object, 'networking.k8s.io/v1beta1'),
};

export const ingressClassesV1beta1 = defineResource<IngressClass>({
  group: 'networking.k8s.io',
  version: 'v1beta1',
  scope: 'Cluster',
  names: ingressClasses.names,
  schema: 'NetworkingV1beta1IngressClass',
  storagePrefix: ingressClasses.storagePrefix,
  view,
  additionalPrinterColumns: ingressClasses.additionalPrinterColumns,
  strategy: viewStrategy(ingressClasses, { view }),
  deprecationWarning:
    'networking.k8s.io/v1beta1 IngressClass is deprecated in v1.19+, unavailable in v1.22+; ' +
    'use networking.k8s.io/v1 IngressClass',
});

function withVersion(object: ApiObject, apiVersion: string): ApiObject {
  return object.apiVersion === undefined ? { ...object } : { ...object, apiVersion };
}
