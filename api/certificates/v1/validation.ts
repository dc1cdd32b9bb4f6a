/** Validation of certificate requests (`pkg/apis/certificates/validation/validation.go`). */
import { validateSignerName } from '../../core/v1/pod/validate-projected.ts';
import { deepEqual } from '../../machinery/equality.ts';
import { duplicate, fieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import { certificateProblem, parseCertificateRequest } from './pem.ts';
import type { CertificateSigningRequest, RequestCondition } from './types.ts';

const SPEC = fieldPath('spec');
const CERTIFICATE = fieldPath('status', 'certificate');
const CONDITIONS = fieldPath('status', 'conditions');
const LEGACY_SIGNER = 'kubernetes.io/legacy-unknown';
const MIN_SECONDS = 600;

/** `certificates.KeyUsage`, in Go's order of strings. */
const USAGES = [
  ...['any', 'cert sign', 'client auth', 'code signing', 'content commitment', 'crl sign', 'data encipherment'],
  ...['decipher only', 'digital signature', 'email protection', 'encipher only', 'ipsec end system', 'ipsec tunnel'],
  ...['ipsec user', 'key agreement', 'key encipherment', 'microsoft sgc', 'netscape sgc', 'ocsp signing', 's/mime'],
  ...['server auth', 'signing', 'timestamping'],
];
const DECISIONS = ['Approved', 'Denied'];
const LASTING = [...DECISIONS, 'Failed'];

/** What only some subresources may do. */
export interface RequestUpdateRights {
  maySetApproval?: boolean;
  maySetCertificate?: boolean;
}

/** What `previous` had already is let be. */
export function validateRequest(
  next: CertificateSigningRequest,
  previous: CertificateSigningRequest | undefined,
): FieldError[] {
  const { request = '', usages, signerName = '', expirationSeconds: seconds } = next.spec;
  const problem = requestProblem(request);
  const errors = problem === '' ? [] : [invalid(SPEC.child('request'), request, problem)];
  errors.push(...validateUsages(usages ?? [], previous?.spec.usages ?? []));
  errors.push(...validateSigner(signerName, previous?.spec.signerName));
  if (seconds !== undefined && seconds < MIN_SECONDS) {
    const detail = 'may not specify a duration less than 600 seconds (10 minutes)';
    errors.push(invalid(SPEC.child('expirationSeconds'), seconds, detail));
  }
  errors.push(...validateConditions(conditionsOf(next), conditionsOf(previous)));
  return [...errors, ...validateCertificate(certificateOf(next), certificateOf(previous))];
}

const conditionsOf = (request: CertificateSigningRequest | undefined): RequestCondition[] =>
  request?.status?.conditions ?? [];
const certificateOf = (request: CertificateSigningRequest | undefined): string => request?.status?.certificate ?? '';

function validateSigner(name: string, before: string | undefined): FieldError[] {
  const path = SPEC.child('signerName');
  if (name !== LEGACY_SIGNER || before === LEGACY_SIGNER) return validateSignerName(name, path);
  return [invalid(path, name, 'the legacy signerName is not allowed via this API version')];
}

function validateCertificate(certificate: string, before: string): FieldError[] {
  const problem = certificate === before ? '' : certificateProblem(certificate);
  return problem === '' ? [] : [invalid(CERTIFICATE, '<certificate data>', problem)];
}

function requestProblem(request: string): string {
  try {
    return parseCertificateRequest(request).signatureProblem;
  } catch (error) {
    return (error as Error).message;
  }
}

function validateUsages(usages: readonly string[], before: readonly string[]): FieldError[] {
  const path = SPEC.child('usages');
  if (usages.length === 0) return [required(path)];
  const errors: FieldError[] = [];
  if (before.every((usage) => USAGES.includes(usage))) {
    for (const [i, usage] of usages.entries())
      if (!USAGES.includes(usage)) errors.push(notSupported(path.index(i), usage, USAGES));
  }
  if (new Set(before).size === before.length) {
    for (const [i, usage] of usages.entries())
      if (usages.indexOf(usage) < i) errors.push(duplicate(path.index(i), usage));
  }
  return errors;
}

function validateConditions(
  conditions: readonly RequestCondition[],
  before: readonly RequestCondition[],
): FieldError[] {
  const typesBefore = before.map(({ type }) => type);
  const allowsBoth = DECISIONS.every((type) => typesBefore.includes(type));
  const allowsDuplicates = new Set(typesBefore).size < typesBefore.length;
  const seen = new Set<string>();
  return conditions.flatMap((condition, i) => {
    const path = CONDITIONS.index(i);
    const { type = '' } = condition;
    const errors = type === '' && !typesBefore.includes('') ? [required(path.child('type'))] : [];
    errors.push(...validateStatus(condition, path.child('status')));
    const other = DECISIONS.includes(type) ? DECISIONS.find((one) => one !== type)! : undefined;
    if (!allowsBoth && other !== undefined && seen.has(other))
      errors.push(invalid(path.child('type'), type, 'Approved and Denied conditions are mutually exclusive'));
    if (!allowsDuplicates && seen.has(type)) errors.push(duplicate(path.child('type'), type));
    seen.add(type);
    return errors;
  });
}

function validateStatus({ type, status }: RequestCondition, path: FieldPath): FieldError[] {
  const allowed = LASTING.includes(type) ? ['True'] : ['False', 'True', 'Unknown'];
  if (!status) return [required(path)];
  return allowed.includes(status) ? [] : [notSupported(path, status, allowed)];
}

/** Decisions stay, and are made by `/approval` alone; a certificate is set once, by `/status`. */
export function validateRequestUpdate(
  next: CertificateSigningRequest,
  previous: CertificateSigningRequest,
  rights: RequestUpdateRights,
): FieldError[] {
  const errors = validateRequest(next, previous);
  for (const type of LASTING) {
    if (ofType(next, type).length < ofType(previous, type).length)
      errors.push(forbidden(CONDITIONS, `updates may not remove a condition of type ${JSON.stringify(type)}`));
  }
  if (rights.maySetApproval !== true) errors.push(...validateDecisionsKept(next, previous));
  const before = certificateOf(previous);
  if (certificateOf(next) === before) return errors;
  if (rights.maySetCertificate !== true) errors.push(forbidden(CERTIFICATE, 'updates may not set certificate content'));
  else if (before !== '') errors.push(forbidden(CERTIFICATE, 'updates may not modify existing certificate content'));
  return errors;
}

function validateDecisionsKept(next: CertificateSigningRequest, previous: CertificateSigningRequest): FieldError[] {
  return DECISIONS.flatMap((type) => {
    const [after, before] = [ofType(next, type), ofType(previous, type)];
    const subject = `a condition of type ${JSON.stringify(type)}`;
    if (after.length > before.length) return [forbidden(CONDITIONS, `updates may not add ${subject}`)];
    if (after.length < before.length || deepEqual(after, before)) return [];
    return [forbidden(CONDITIONS, `updates may not modify ${subject}`)];
  });
}

function ofType(request: CertificateSigningRequest, wanted: string): RequestCondition[] {
  return conditionsOf(request).filter(({ type }) => type === wanted);
}
