/** Finalizers that keep storage while it is used (upstream: `pkg/volume/util/finalizer.go`). */

export const PVC_PROTECTION_FINALIZER = 'kubernetes.io/pvc-protection';
export const PV_PROTECTION_FINALIZER = 'kubernetes.io/pv-protection';
