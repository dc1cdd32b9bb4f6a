/**
 * How objects get from one version to another (upstream: apiextensions-apiserver
 * `pkg/apis/apiextensions/validation/validation.go`, `validateCustomResourceConversion`).
 */
import { fieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import { invalidEach, isDns1035Label } from '../../machinery/validation.ts';
import { validateCaBundle, validateWebhookAddress } from '../../machinery/webhook-client-config.ts';
import { isConditionTrue } from './conditions.ts';
import { isGiven } from './schema-walk.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionSpec } from './types.ts';

type Conversion = NonNullable<CustomResourceDefinitionSpec['conversion']>;
type ClientConfig = NonNullable<NonNullable<Conversion['webhook']>['clientConfig']>;

/** ConversionReview versions that the server speaks. */
const REVIEW_VERSIONS = ['v1', 'v1beta1'];

export interface ConversionStrictness {
  requiresKnownReviewVersion: boolean;
  allowsInvalidCaBundle: boolean;
}

/** Rules for a new definition, or for one that has stood before. */
export function conversionStrictness(previous?: CustomResourceDefinition): ConversionStrictness {
  if (previous === undefined) return { requiresKnownReviewVersion: true, allowsInvalidCaBundle: true };
  const webhook = previous.spec.conversion?.webhook;
  const versions = webhook?.conversionReviewVersions ?? [];
  const bundle = webhook?.clientConfig?.caBundle ?? '';
  const hadInvalidBundle = bundle !== '' && validateCaBundle(bundle, fieldPath('caBundle')).length > 0;
  return {
    requiresKnownReviewVersion: versions.length === 0 || versions.some((version) => REVIEW_VERSIONS.includes(version)),
    allowsInvalidCaBundle: !isConditionTrue(previous, 'Established') || hadInvalidBundle,
  };
}

/** Paths are those of upstream's internal form, which has the webhook's parts beside the strategy. */
export function validateConversion(
  conversion: Conversion,
  path: FieldPath,
  strictness: ConversionStrictness,
): FieldError[] {
  const { strategy, webhook } = conversion;
  const errors = validateStrategy(strategy, path.child('strategy'));
  const clientConfig = webhook?.clientConfig;
  const versions = webhook?.conversionReviewVersions ?? [];
  const clientPath = path.child('webhookClientConfig');
  const versionsPath = path.child('conversionReviewVersions');
  if (strategy === 'Webhook') {
    if (isGiven(clientConfig)) errors.push(...validateClientConfig(clientConfig, clientPath, strictness));
    else errors.push(required(clientPath, 'required when strategy is set to Webhook'));
    return [...errors, ...validateReviewVersions(versions, versionsPath, strictness)];
  }
  const detail = 'should not be set when strategy is not set to Webhook';
  if (isGiven(clientConfig)) errors.push(forbidden(clientPath, detail));
  if (versions.length > 0) errors.push(forbidden(versionsPath, detail));
  return errors;
}

function validateStrategy(strategy: string | undefined, path: FieldPath): FieldError[] {
  if (!strategy) return [required(path)];
  const supported = ['None', 'Webhook'];
  return supported.includes(strategy) ? [] : [notSupported(path, strategy, supported)];
}

function validateClientConfig(
  config: ClientConfig,
  path: FieldPath,
  { allowsInvalidCaBundle }: ConversionStrictness,
): FieldError[] {
  const { caBundle } = config;
  const errors = validateWebhookAddress(config, path);
  if (caBundle && !allowsInvalidCaBundle) errors.push(...validateCaBundle(caBundle, path.child('caBundle')));
  return errors;
}

function validateReviewVersions(
  versions: readonly string[],
  path: FieldPath,
  { requiresKnownReviewVersion }: ConversionStrictness,
): FieldError[] {
  if (versions.length === 0) return [required(path)];
  const seen = new Set<string>();
  const errors = versions.flatMap((version, i) => {
    if (seen.has(version)) return [invalid(path.index(i), version, 'duplicate version')];
    seen.add(version);
    return invalidEach(path.index(i), version, isDns1035Label(version));
  });
  if (requiresKnownReviewVersion && !REVIEW_VERSIONS.some((version) => seen.has(version))) {
    errors.push(invalid(path, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`));
  }
  return errors;
}
