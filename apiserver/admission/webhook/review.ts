/**
 * AdmissionReview, in v1 and v1beta1: what a webhook is asked and what it may answer (apiserver
 * `pkg/admission/plugin/webhook/request/admissionreview.go`).
 */
import type { ApiObject } from '../../../api/machinery/meta.ts';
import type { Status } from '../../../api/machinery/errors.ts';
import type { AdmissionAttributes } from '../admission.ts';
import { requestFields } from '../expressions/request-fields.ts';
import type { MatchedResource } from '../matching/request-matcher.ts';

type ReviewVersion = 'v1' | 'v1beta1';

export interface ReviewSubject {
  attributes: AdmissionAttributes;
  matched: MatchedResource;
  /** In the version that the webhook wants. */
  object: ApiObject | undefined;
  oldObject: ApiObject | undefined;
}

export interface ReviewResponse {
  allowed: boolean;
  status: Partial<Status> | undefined;
  /** Base64 of a JSON patch; `''`: none. */
  patch: string;
  patchType: string;
  warnings: readonly string[];
  auditAnnotations: Readonly<Record<string, string>>;
}

/** The first version that both sides know. */
export function reviewVersion(accepted: readonly string[]): ReviewVersion | undefined {
  return accepted.find((version): version is ReviewVersion => version === 'v1' || version === 'v1beta1');
}

export function reviewRequest(subject: ReviewSubject, { uid, version }: { uid: string; version: string }): object {
  const { attributes, matched, object, oldObject } = subject;
  return {
    kind: 'AdmissionReview',
    apiVersion: `admission.k8s.io/${version}`,
    request: {
      uid,
      ...requestFields(attributes, matched),
      object: shown(attributes, object),
      oldObject: oldObject ?? null,
    },
  };
}

/** Options have been given metadata to be objects; the webhook shall not see that. */
function shown({ operation }: AdmissionAttributes, object: ApiObject | undefined): object | null {
  if (object === undefined) return null;
  if (operation !== 'CONNECT') return object;
  const { metadata: _metadata, ...options } = object;
  return options;
}

/** Throws an Error that says what is wrong with the answer. */
export function readReview(
  answer: unknown,
  { uid, version, mutating }: { uid: string; version: ReviewVersion; mutating: boolean },
): ReviewResponse {
  const { kind, apiVersion, response } = recordOf(answer) as Record<string, unknown>;
  if (!isRecord(response)) throw new Error('webhook response was absent');
  const { allowed, status, patch = '', patchType, warnings, auditAnnotations } = response;
  if (version === 'v1') {
    if (response['uid'] !== uid) {
      const got = JSON.stringify(typeof response['uid'] === 'string' ? response['uid'] : '');
      throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${got}`);
    }
    checkKind(kind, apiVersion);
    checkPatch({ patch: textOf(patch), patchType, mutating });
  }
  return {
    allowed: allowed === true,
    status: isRecord(status) ? (status as Partial<Status>) : undefined,
    patch: mutating ? textOf(patch) : '',
    patchType: version === 'v1' ? textOf(patchType) : 'JSONPatch',
    warnings: Array.isArray(warnings) ? warnings.filter((one): one is string => typeof one === 'string') : [],
    auditAnnotations: Object.fromEntries(
      Object.entries(recordOf(auditAnnotations)).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string',
      ),
    ),
  };
}

function checkKind(kind: unknown, apiVersion: unknown): void {
  if (kind === 'AdmissionReview' && apiVersion === 'admission.k8s.io/v1') return;
  const got = `${textOf(apiVersion).includes('/') || textOf(apiVersion) === '' ? '' : '/'}${textOf(apiVersion) || '/'}`;
  throw new Error(
    `expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${got}, Kind=${textOf(kind)}`,
  );
}

function checkPatch({ patch, patchType, mutating }: { patch: string; patchType: unknown; mutating: boolean }): void {
  const hasType = patchType !== undefined && patchType !== null;
  if (!mutating) {
    if (patch !== '') throw new Error('validating webhook may not return response.patch');
    if (hasType) throw new Error('validating webhook may not return response.patchType');
    return;
  }
  if (patch !== '' && !hasType) throw new Error('webhook returned response.patch but not response.patchType');
  if (patch === '' && hasType) throw new Error('webhook returned response.patchType but not response.patch');
  if (patchType === '') throw new Error('webhook returned invalid response.patchType of ""');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function recordOf(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
