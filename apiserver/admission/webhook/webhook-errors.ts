/** What a client reads when a webhook refuses or fails (apiserver `pkg/admission/plugin/webhook/errors/statuserror.go`). */
import type { Status } from '../../../api/machinery/errors.ts';
import * as errors from '../../../api/machinery/errors.ts';

/** The webhook could not be asked, or its answer is none: its failure policy decides. */
export class WebhookFailure extends Error {
  override readonly name = 'WebhookFailure';

  constructor(webhook: string, reason: string) {
    super(`failed calling webhook ${JSON.stringify(webhook)}: ${reason}`);
  }
}

/** The webhook said no; code and reason are its own where it gave some. */
export function rejection(webhook: string, status: Partial<Status> | undefined): errors.ApiError {
  const { message = '', reason = '', code = 0, details } = status ?? {};
  const denied = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  const why = text(message) || text(reason);
  return new errors.ApiError({
    code: typeof code === 'number' && code >= 400 && code < 600 ? code : 400,
    message: why === '' ? `${denied} without explanation` : `${denied}: ${why}`,
    ...(text(reason) === '' ? {} : { reason: text(reason) }),
    ...(typeof details === 'object' && details !== null ? { details } : {}),
  });
}

export function dryRunUnsupported(webhook: string): errors.ApiError {
  return errors.badRequest(`admission webhook ${JSON.stringify(webhook)} does not support dry run`);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
