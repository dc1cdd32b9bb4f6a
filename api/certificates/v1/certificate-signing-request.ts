/**
 * CertificateSigningRequest: a request for a certificate, who makes it, and what has been decided about it
 * (upstream: `pkg/registry/certificates/certificates/strategy.go`). `/approval` is served by the registry.
 */
import { humanDuration } from '../../machinery/duration.ts';
import { defineResource } from '../../machinery/resource.ts';
import type { StrategyContext } from '../../machinery/resource.ts';
import { ageColumn, NONE } from '../../table-cells.ts';
import { validateRequest, validateRequestUpdate } from './validation.ts';
import type { CertificateSigningRequest, RequestCondition } from './types.ts';

export type { CertificateSigningRequest } from './types.ts';

export const certificateSigningRequests = defineResource<CertificateSigningRequest>({
  group: 'certificates.k8s.io',
  version: 'v1',
  scope: 'Cluster',
  names: {
    plural: 'certificatesigningrequests',
    singular: 'certificatesigningrequest',
    kind: 'CertificateSigningRequest',
    shortNames: ['csr'],
  },
  schema: 'V1CertificateSigningRequest',
  subresources: { status: {} },
  additionalPrinterColumns: [
    ageColumn(),
    {
      name: 'SignerName',
      type: 'string',
      description: 'Who is to sign',
      cell: ({ spec }) => spec?.signerName || NONE,
    },
    { name: 'Requestor', type: 'string', description: 'Who asked', cell: ({ spec }) => spec?.username ?? '' },
    {
      name: 'RequestedDuration',
      type: 'string',
      description: 'How long the certificate shall be good',
      cell: ({ spec }) => (spec?.expirationSeconds == null ? NONE : humanDuration(spec.expirationSeconds * 1000)),
    },
    { name: 'Condition', type: 'string', description: 'What has been decided', cell: conditionCell },
  ],
  selectableFields: { 'spec.signerName': ({ spec }) => spec?.signerName ?? '' },
  strategy: {
    // Whatever can stand in a path.
    validateName: () => [],
    default(request) {
      request.spec ??= { request: '', signerName: '' };
    },
    prepareForCreate(request, { user }) {
      const { username: _name, uid: _uid, groups: _groups, extra: _extra, ...spec } = request.spec;
      request.spec = {
        ...spec,
        username: user.name,
        ...(user.uid ? { uid: user.uid } : {}),
        ...(user.groups.length > 0 ? { groups: [...user.groups] } : {}),
        ...(user.extra && Object.keys(user.extra).length > 0 ? { extra: copyOf(user.extra) } : {}),
      };
      request.status = {};
    },
    prepareForUpdate(next, previous) {
      next.spec = previous.spec;
    },
    validate: (request) => validateRequest(request, undefined),
    validateUpdate: (next, previous) => validateRequestUpdate(next, previous, {}),
    status: {
      prepareForUpdate: stampConditions,
      validateUpdate: (next, previous) => validateRequestUpdate(next, previous, { maySetCertificate: true }),
    },
    hasGeneration: false,
  },
});

/** How `/approval` changes a request: its conditions alone. */
export const approvalUpdate = {
  prepareForUpdate(
    next: CertificateSigningRequest,
    previous: CertificateSigningRequest,
    context: StrategyContext,
  ): void {
    next.spec = previous.spec;
    const conditions = next.status?.conditions;
    next.status = { ...previous.status, ...(conditions === undefined ? {} : { conditions }) };
    if (conditions === undefined) delete next.status.conditions;
    stampConditions(next, previous, context);
  },
  validateUpdate: (next: CertificateSigningRequest, previous: CertificateSigningRequest) =>
    validateRequestUpdate(next, previous, { maySetApproval: true }),
};

function copyOf(extra: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]]));
}

/** Says when a condition came about, unless the writer does (`populateConditionTimestamps`). */
function stampConditions(
  next: CertificateSigningRequest,
  previous: CertificateSigningRequest,
  { nowMs }: StrategyContext,
): void {
  const conditions = next.status?.conditions;
  if (conditions === undefined) return;
  const now = new Date(nowMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
  next.status = { ...next.status, conditions: conditions.map((one) => stamped(one, previous.status?.conditions, now)) };
}

function stamped(
  condition: RequestCondition,
  before: readonly RequestCondition[] | undefined,
  now: string,
): RequestCondition {
  const same = before?.find(({ type, status }) => type === condition.type && status === condition.status);
  return {
    ...condition,
    lastUpdateTime: condition.lastUpdateTime ?? now,
    lastTransitionTime: condition.lastTransitionTime ?? same?.lastTransitionTime ?? now,
  };
}

/** `Approved,Issued` */
function conditionCell({ status }: CertificateSigningRequest): string {
  const has = (type: string): boolean => status?.conditions?.some((condition) => condition.type === type) === true;
  const words = [has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending'];
  if (has('Failed')) words.push('Failed');
  if (status?.certificate) words.push('Issued');
  return words.join(',');
}
