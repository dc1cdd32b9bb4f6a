/**
 * How a command that ran over a stream ended, as it is told on the error stream (upstream
 * `k8s.io/kubelet/pkg/cri/streaming/remotecommand/exec.go` and `attach.go`).
 */
import { ApiError } from '../../api/machinery/errors.ts';

export interface CommandStatus {
  metadata: object;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: { causes: { reason: string; message: string }[] };
  code?: number;
}

/** `NonZeroExitCode`, with the code as a cause. */
export function statusOfExit(exitCode: number | undefined): CommandStatus {
  if (exitCode === undefined || exitCode === 0) return { metadata: {}, status: 'Success' };
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}

/** What was not found is told as upstream's API server tells of a kubelet that refuses the connection. */
export function statusOfError(error: unknown): CommandStatus {
  const what = error instanceof ApiError ? 'unable to upgrade connection' : 'error executing command in container';
  const cause = `${what}: ${(error as Error).message}`;
  const details = { causes: [{ reason: '', message: cause }] };
  return {
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: ${cause}`,
    reason: 'InternalError',
    details,
    code: 500,
  };
}

/** What goes onto the error stream: before its fourth version the protocol had plain text, and nothing for success. */
export function statusMessage(protocol: string, status: CommandStatus): Buffer {
  if (protocol === 'v4.channel.k8s.io' || protocol === 'v5.channel.k8s.io') return Buffer.from(JSON.stringify(status));
  return Buffer.from(status.status === 'Success' ? '' : (status.message ?? ''));
}
