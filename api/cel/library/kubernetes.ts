/**
 * The libraries that Kubernetes v1.36 adds to the standard one, in the order of
 * `k8s.io/apiserver/pkg/cel/environment/base.go`.
 */
import type { Library } from '../declarations.ts';

export const KUBERNETES_LIBRARIES: readonly Library[] = [];
