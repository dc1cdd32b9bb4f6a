/**
 * Whether a request fits into the quotas of its namespace, as a pure calculation on quotas that have been read
 * (apiserver `pkg/admission/plugin/resourcequota/controller.go CheckRequest`).
 */
import type { QuotaEvaluator } from '../../api/core/v1/quota/evaluator.ts';
import { requirementsOf } from '../../api/core/v1/quota/evaluator.ts';
import type { ResourceQuota } from '../../api/core/v1/quota/types.ts';
import { amountOf } from '../../api/core/v1/pod/resources.ts';
import type { ResourceAmounts } from '../../api/core/v1/pod/resources.ts';
import { ZERO_QUANTITY } from '../../api/machinery/quantity.ts';
import type { Quantity } from '../../api/machinery/quantity.ts';
import type { AdmissionAttributes } from './admission.ts';
import { refuse } from './refusal.ts';

/** A quota with what the requests that were let through so far use of it. */
export interface RunningQuota {
  quota: ResourceQuota;
  /** Only what changed. */
  used: ResourceAmounts;
}

export interface QuotaRequest {
  attributes: AdmissionAttributes;
  evaluator: QuotaEvaluator;
  nowMs: number;
}

/** What the quotas would be with the request, in the same order; those that it does not touch as they are. Throws `ApiError`. */
export function checkRequest(running: readonly RunningQuota[], request: QuotaRequest): readonly RunningQuota[] {
  const matching = running.filter(({ quota }) => matches(quota, request));
  if (matching.length === 0) return running;
  const usage = changeOfUsage(request);
  if (![...usage.values()].some((amount) => !amount.isZero())) return running;
  return running.map((one) => (matching.includes(one) ? charge(one, usage, request) : one));
}

/** Whether the quota counts the object; throws where it cannot be said how much of it. */
function matches({ metadata, spec, status }: ResourceQuota, { attributes, evaluator }: QuotaRequest): boolean {
  const object = attributes.object!;
  const names = Object.keys(status?.hard ?? {}).filter((name) => evaluator.counts(name));
  if (names.length === 0) return false;
  const isOfScopes = requirementsOf(spec).every((requirement) => evaluator.isOfScope?.(requirement, object) === true);
  if (!isOfScopes) return false;
  const missing = evaluator.missing?.(names, object) ?? '';
  if (missing !== '') refuse(attributes, `failed quota: ${metadata.name}: ${missing}`);
  const used = status?.used ?? {};
  if (names.some((name) => !Object.hasOwn(used, name)))
    refuse(attributes, `status unknown for quota: ${metadata.name}, resources: ${names.sort().join(',')}`);
  return true;
}

/** An update is charged for what it adds. */
function changeOfUsage({ attributes, evaluator, nowMs }: QuotaRequest): ResourceAmounts {
  const usage = evaluator.usage(attributes.object!, nowMs);
  const negative = [...usage].filter(([, amount]) => amount.sign() < 0).map(([name]) => name);
  if (negative.length > 0) refuse(attributes, `quota usage is negative for resource(s): ${negative.sort().join(',')}`);
  if (attributes.operation !== 'UPDATE') return usage;
  const before = evaluator.usage(attributes.oldObject!, nowMs);
  return new Map(
    [...usage].map(([name, amount]) => {
      const difference = amount.sub(before.get(name) ?? ZERO_QUANTITY);
      return [name, difference.sign() < 0 ? ZERO_QUANTITY : difference];
    }),
  );
}

function charge({ quota, used }: RunningQuota, usage: ResourceAmounts, { attributes }: QuotaRequest): RunningQuota {
  const { hard = {}, used: before } = quota.status ?? {};
  const next = new Map(used);
  const exceeded: { name: string; requested: Quantity; present: Quantity }[] = [];
  for (const [name, requested] of usage) {
    if (!Object.hasOwn(hard, name)) continue;
    const present = used.get(name) ?? amountOf(before, name);
    const sum = present.add(requested);
    if (sum.cmp(amountOf(hard, name)) > 0) exceeded.push({ name, requested, present });
    if (!requested.isZero()) next.set(name, sum);
  }
  if (exceeded.length === 0) return { quota, used: next };
  exceeded.sort((a, b) => (a.name < b.name ? -1 : 1));
  const list = (amount: (one: (typeof exceeded)[number]) => Quantity): string =>
    exceeded.map((one) => `${one.name}=${amount(one).toString()}`).join(',');
  return refuse(
    attributes,
    `exceeded quota: ${quota.metadata.name}, requested: ${list(({ requested }) => requested)}, used: ${list(({ present }) => present)}, limited: ${list(({ name }) => amountOf(hard, name))}`,
  );
}
