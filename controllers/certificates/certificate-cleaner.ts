/**
 * Deletes certificate requests that nobody needs any more (upstream `pkg/controller/certificates/cleaner`), when their
 * time comes rather than once an hour.
 */
import { certificateSigningRequests } from '../../api/certificates/v1/certificate-signing-request.ts';
import { certificateEndMs } from '../../api/certificates/v1/pem.ts';
import type { CertificateSigningRequest, RequestCondition } from '../../api/certificates/v1/types.ts';
import { isConflict, isNotFound } from '../../api/machinery/errors.ts';
import { defineController } from '../../client/controller.ts';
import { conditionsOfType } from './request-conditions.ts';

const HOUR_MS = 3_600_000;
const APPROVED_MS = HOUR_MS;
const DENIED_MS = HOUR_MS;
const PENDING_MS = 24 * HOUR_MS;

/** Acts as the certificate controller. */
export const certificateCleaner = defineController<CertificateSigningRequest>({
  name: 'certificate-controller',
  for: certificateSigningRequests,
  writes: [certificateSigningRequests],
  async reconcile({ name }, { lister, client, now }) {
    const request = lister<CertificateSigningRequest>(certificateSigningRequests).get('', name);
    if (request === undefined || request.metadata.deletionTimestamp !== undefined) return undefined;
    const dueMs = cleanUpAtMs(request);
    if (dueMs === Infinity) return undefined;
    // As upstream: not yet in the very moment that a time is over.
    const leftMs = dueMs - now() + 1;
    if (leftMs > 0) return { requeueAfterMs: Math.min(leftMs, PENDING_MS) };
    const { uid = '', resourceVersion = '' } = request.metadata;
    try {
      // Of this version: a decision that the cache does not show yet gives it more time.
      await client.delete(certificateSigningRequests, { name }, { preconditions: { uid, resourceVersion } });
    } catch (error) {
      // Gone, or changed: then it comes again.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
    return undefined;
  },
});

/** When a request may go; `Infinity` for one that waits for something else than time. */
export function cleanUpAtMs(request: CertificateSigningRequest): number {
  const certificate = request.status?.certificate ?? '';
  const approvals = certificate === '' ? [] : conditionsOfType(request, 'Approved');
  const isPending = (request.status?.conditions ?? []).length === 0;
  return Math.min(
    ...approvals.map((condition) => updatedMs(condition) + APPROVED_MS),
    ...approvals.map(() => certificateEndMs(certificate)),
    ...['Denied', 'Failed'].flatMap((type) => conditionsOfType(request, type)).map((one) => updatedMs(one) + DENIED_MS),
    isPending ? timeMs(request.metadata.creationTimestamp) + PENDING_MS : Infinity,
  );
}

function updatedMs({ lastUpdateTime }: RequestCondition): number {
  return timeMs(lastUpdateTime);
}

function timeMs(time: string | null | undefined): number {
  const ms = Date.parse(time ?? '');
  return Number.isFinite(ms) ? ms : Infinity;
}
