/** Ingress in its first group, which kept the form of `networking.k8s.io/v1beta1`. */
import { oldIngresses } from '../../networking/v1beta1/ingress.ts';

export const extensionsIngresses = oldIngresses('extensions', 'ExtensionsV1beta1Ingress');
