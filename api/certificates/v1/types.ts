/** Wire types of certificate requests. */
import type {
  V1CertificateSigningRequest,
  V1CertificateSigningRequestCondition,
  V1CertificateSigningRequestSpec,
} from '@kubernetes/client-node';
import type { Wire, WireObject } from '../../machinery/meta.ts';

export type RequestCondition = Wire<V1CertificateSigningRequestCondition>;

/** A decoded request: defaulting has seen to it that `spec` is there. */
export type CertificateSigningRequest = Omit<WireObject<V1CertificateSigningRequest>, 'spec'> & {
  spec: Wire<V1CertificateSigningRequestSpec>;
};
