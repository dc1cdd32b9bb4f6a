/**
 * Why a container could not be started: `reason` is shown as its waiting state (upstream `pkg/kubelet/kuberuntime`).
 */
export class StartError extends Error {
  readonly reason: string;
  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartError';
    this.reason = reason;
  }
}
