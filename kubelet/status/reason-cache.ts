/** Why containers that should run do not: kept per pod until they start (upstream `pkg/kubelet/reason_cache.go`). */
export interface StartFailure {
  /** `CrashLoopBackOff`, `ErrImagePull`, `CreateContainerConfigError`, … */
  reason: string;
  message: string;
}

/** By container name. */
export type StartFailures = ReadonlyMap<string, StartFailure>;
