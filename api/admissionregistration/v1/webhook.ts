/**
 * What validating and mutating webhooks have in common: defaults and validation (upstream:
 * `pkg/apis/admissionregistration/validation/validation.go`, `pkg/apis/admissionregistration/v1/defaults.go`).
 */
import type { V1MutatingWebhook } from '@kubernetes/client-node';
import { deepEqual } from '../../machinery/equality.ts';
import { duplicate, fieldPath, invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import type { ApiObject, Wire } from '../../machinery/meta.ts';
import type { PrinterColumn, Strategy } from '../../machinery/resource.ts';
import { isDns1035Label, isDns1123Subdomain, validateLabelSelector } from '../../machinery/validation.ts';
import { ageColumn } from '../../table-cells.ts';
import { ExpressionCompiler } from './expressions.ts';
import { listOf } from './group.ts';
import {
  defaultRules,
  FAILURE_POLICIES,
  MATCH_POLICIES,
  REINVOCATION_POLICIES,
  validateMatchConditions,
  validateRules,
} from './rule-validation.ts';
import { validateClientConfig } from './webhook-client-config.ts';

/** A webhook of either kind; `reinvocationPolicy` is of mutating ones only. */
export type Webhook = Wire<V1MutatingWebhook>;

export type WebhookConfiguration = ApiObject & { webhooks?: Webhook[] };

const SIDE_EFFECTS = ['None', 'NoneOnDryRun', 'Some', 'Unknown'];
const NO_SIDE_EFFECTS = ['None', 'NoneOnDryRun'];
export const REVIEW_VERSIONS = ['v1', 'v1beta1'];
const WEBHOOKS = fieldPath('webhooks');
const COMPILER = new ExpressionCompiler({ hasParams: false });

/** What an update may go on doing because the stored object did. */
interface Allowances {
  sideEffects: boolean;
  unknownReviewVersions: boolean;
  sameNames: boolean;
  invalidLabelValues: boolean;
  /** The match conditions are as they were. */
  knownMatchConditions: boolean;
}

const NEW: Allowances = {
  sideEffects: false,
  unknownReviewVersions: false,
  sameNames: false,
  invalidLabelValues: false,
  knownMatchConditions: false,
};

export function webhookStrategy<T extends WebhookConfiguration>(type: 'validating' | 'mutating'): Strategy<T> {
  return {
    default(configuration) {
      for (const webhook of listOf(configuration.webhooks)) if (webhook) defaultWebhook(webhook, type);
    },
    prepareForUpdate(next, previous) {
      if (!deepEqual(next.webhooks, previous.webhooks))
        next.metadata.generation = (previous.metadata.generation ?? 0) + 1;
    },
    validate: ({ webhooks }) => validateWebhooks(webhooks, NEW),
    validateUpdate: (next, previous) => validateWebhooks(next.webhooks, allowancesOf(next, previous)),
    allowUnconditionalUpdate: false,
    hasGeneration: true,
  };
}

export function webhookColumns<T extends WebhookConfiguration>(): PrinterColumn<T>[] {
  return [
    {
      name: 'Webhooks',
      type: 'integer',
      description: 'Webhooks in this configuration',
      cell: ({ webhooks }) => listOf(webhooks).length,
    },
    ageColumn(),
  ];
}

function defaultWebhook(webhook: Webhook, type: 'validating' | 'mutating'): void {
  webhook.failurePolicy ??= 'Fail';
  webhook.matchPolicy ??= 'Equivalent';
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= 10;
  if (type === 'mutating') webhook.reinvocationPolicy ??= 'Never';
  defaultRules(webhook.rules);
  if (webhook.clientConfig?.service) webhook.clientConfig.service.port ??= 443;
}

function allowancesOf(next: WebhookConfiguration, previous: WebhookConfiguration): Allowances {
  const before = listOf(previous.webhooks);
  const names = before.map((webhook) => webhook?.name);
  return {
    sideEffects: !before.every((webhook) => NO_SIDE_EFFECTS.includes(webhook?.sideEffects)),
    unknownReviewVersions: before.some((webhook) => {
      const versions = listOf(webhook?.admissionReviewVersions);
      return versions.length > 0 && !versions.some((version) => REVIEW_VERSIONS.includes(version));
    }),
    sameNames: new Set(names).size < names.length,
    invalidLabelValues: before.some((webhook) => selectorErrors(webhook, WEBHOOKS, false).length > 0),
    knownMatchConditions: deepEqual(
      listOf(next.webhooks).map((webhook) => webhook?.matchConditions),
      before.map((webhook) => webhook?.matchConditions),
    ),
  };
}

function validateWebhooks(webhooks: readonly Webhook[] | undefined, allowed: Allowances): FieldError[] {
  const names = new Set<string>();
  return listOf(webhooks).flatMap((webhook, i) => {
    const path = WEBHOOKS.index(i);
    const errors = [
      ...validateWebhook(webhook ?? {}, path, allowed),
      ...validateReviewVersions(
        listOf(webhook?.admissionReviewVersions),
        path.child('admissionReviewVersions'),
        allowed.unknownReviewVersions,
      ),
    ];
    const name = webhook?.name ?? '';
    if (!allowed.sameNames && names.has(name)) errors.push(duplicate(path.child('name'), name));
    if (name !== '') names.add(name);
    return errors;
  });
}

function validateWebhook(webhook: Webhook, path: FieldPath, allowed: Allowances): FieldError[] {
  const errors = [
    ...validateFullName(webhook.name ?? '', path.child('name')),
    ...validateRules(webhook.rules, path.child('rules')),
  ];
  const choice = (name: 'failurePolicy' | 'matchPolicy' | 'reinvocationPolicy', supported: readonly string[]): void => {
    const value = webhook[name];
    if (value !== undefined && !supported.includes(value))
      errors.push(notSupported(path.child(name), value, supported));
  };
  choice('failurePolicy', FAILURE_POLICIES);
  choice('matchPolicy', MATCH_POLICIES);
  errors.push(...validateSideEffects(webhook.sideEffects, path.child('sideEffects'), allowed.sideEffects));
  const { timeoutSeconds } = webhook;
  if (timeoutSeconds !== undefined && (timeoutSeconds > 30 || timeoutSeconds < 1)) {
    errors.push(
      invalid(path.child('timeoutSeconds'), timeoutSeconds, 'the timeout value must be between 1 and 30 seconds'),
    );
  }
  errors.push(...selectorErrors(webhook, path, allowed.invalidLabelValues));
  choice('reinvocationPolicy', REINVOCATION_POLICIES);
  errors.push(...validateClientConfig(webhook.clientConfig, path.child('clientConfig')));
  if (allowed.knownMatchConditions) return errors;
  return [...errors, ...validateMatchConditions(webhook.matchConditions, path.child('matchConditions'), COMPILER)];
}

function validateSideEffects(value: string | undefined, path: FieldPath, allowsSome: boolean): FieldError[] {
  const supported = allowsSome ? SIDE_EFFECTS : NO_SIDE_EFFECTS;
  if (value === undefined) return [required(path, `must specify one of ${supported.join(', ')}`)];
  return supported.includes(value) ? [] : [notSupported(path, value, supported)];
}

function selectorErrors(webhook: Webhook, path: FieldPath, allowInvalidLabelValue: boolean): FieldError[] {
  return (['namespaceSelector', 'objectSelector'] as const).flatMap((name) =>
    validateLabelSelector(webhook?.[name] as never, path.child(name), { allowInvalidLabelValue }),
  );
}

/** `validation.IsFullyQualifiedName` */
function validateFullName(name: string, path: FieldPath): FieldError[] {
  if (name === '') return [required(path)];
  const problems = isDns1123Subdomain(name);
  if (problems.length > 0) return [invalid(path, name, problems.join(','))];
  return name.split('.').length < 3
    ? [invalid(path, name, 'should be a domain with at least three segments separated by dots')]
    : [];
}

function validateReviewVersions(versions: readonly string[], path: FieldPath, allowsUnknown: boolean): FieldError[] {
  const known = REVIEW_VERSIONS.join(', ');
  if (versions.length === 0) return [required(path, `must specify one of ${known}`)];
  const seen = new Set<string>();
  const errors = versions.flatMap((version, i) => {
    if (seen.has(version)) return [invalid(path.index(i), version, 'duplicate version')];
    seen.add(version);
    return isDns1035Label(version).map((problem) => invalid(path.index(i), version, problem));
  });
  if (!allowsUnknown && !versions.some((version) => REVIEW_VERSIONS.includes(version)))
    errors.push(invalid(path, versions, `must include at least one of ${known}`));
  return errors;
}
