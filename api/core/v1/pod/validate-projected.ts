/** Validation of projected volumes (`pkg/apis/core/validation/validation.go validateProjectedVolumeSource`). */
import { forbidden, invalid, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { isDns1123Subdomain, invalidEach, validateLabelSelector } from '../../../machinery/validation.ts';
import { validateRequiredEnum } from './enums.ts';
import type { Volume } from './types.ts';
import { validateFileMode, validateLocalNonReservedPath } from './validate-paths.ts';
import { validateDownwardApiFile, validateKeyToPath } from './volume-files.ts';

type Projected = NonNullable<Volume['projected']>;
type Projection = NonNullable<Projected['sources']>[number];

const DUPLICATE_PATHS = 'conflicting duplicate paths';

/** Upstream reports duplicate paths, and some fields of tokens, at the volume and not at the source. */
export function validateProjected(projected: Projected, path: FieldPath): FieldError[] {
  const errors = validateFileMode(projected.defaultMode, path.child('defaultMode'));
  const taken = new Set<string>();
  const take = (file: string | undefined, shown: string | undefined): void => {
    if (!file) return;
    if (taken.has(file)) errors.push(invalid(path, shown ?? '', DUPLICATE_PATHS));
    taken.add(file);
  };
  for (const [i, source] of (projected.sources ?? []).entries()) {
    const sourcePath = path.child('sources').index(i);
    errors.push(...validateKeys(source, sourcePath));
    for (const reference of [source.secret, source.configMap]) {
      for (const item of reference?.items ?? []) take(item.path, reference?.name);
    }
    for (const file of source.downwardAPI?.items ?? []) {
      errors.push(...validateDownwardApiFile(file, sourcePath.child('downwardAPI')));
      take(file.path, file.path);
    }
    errors.push(...validateToken(source.serviceAccountToken, sourcePath.child('serviceAccountToken'), path));
    errors.push(...validateTrustBundle(source.clusterTrustBundle, sourcePath.child('clusterTrustBundlePEM')));
    take(source.clusterTrustBundle?.path, source.clusterTrustBundle?.path);
    errors.push(...validatePodCertificate(source.podCertificate, sourcePath.child('podCertificate')));
    for (const file of certificateFiles(source.podCertificate)) take(file, file);
    if (Object.values(source).filter((part) => part != null).length > 1) {
      errors.push(forbidden(sourcePath, 'may not specify more than 1 volume type'));
    }
  }
  return errors;
}

function validateKeys(source: Projection, path: FieldPath): FieldError[] {
  return (['secret', 'configMap'] as const).flatMap((field) => {
    const reference = source[field];
    if (!reference) return [];
    const errors = reference.name ? [] : [required(path.child(field, 'name'))];
    const itemsPath = path.child(field, 'items');
    return [...errors, ...(reference.items ?? []).flatMap((item, i) => validateKeyToPath(item, itemsPath.index(i)))];
  });
}

const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;

function validateToken(token: Projection['serviceAccountToken'], path: FieldPath, volumePath: FieldPath): FieldError[] {
  if (!token) return [];
  const { expirationSeconds = 0 } = token;
  const errors: FieldError[] = [];
  const secondsPath = path.child('expirationSeconds');
  if (expirationSeconds < MIN_TOKEN_SECONDS) {
    errors.push(invalid(secondsPath, expirationSeconds, 'may not specify a duration less than 10 minutes'));
  }
  if (expirationSeconds > MAX_TOKEN_SECONDS) {
    errors.push(invalid(secondsPath, expirationSeconds, 'may not specify a duration larger than 2^32 seconds'));
  }
  const filePath = volumePath.child('path');
  if (!token.path) errors.push(required(filePath));
  else errors.push(...validateLocalNonReservedPath(token.path, filePath));
  return errors;
}

function validateTrustBundle(bundle: Projection['clusterTrustBundle'], path: FieldPath): FieldError[] {
  if (!bundle) return [];
  const errors = validateBundleChoice(bundle, path);
  if (!bundle.path) errors.push(required(path.child('path')));
  errors.push(...validateLocalNonReservedPath(bundle.path ?? '', path.child('path')));
  return errors;
}

function validateBundleChoice(bundle: NonNullable<Projection['clusterTrustBundle']>, path: FieldPath): FieldError[] {
  const { name, signerName, labelSelector } = bundle;
  if (name != null && signerName != null) return [invalid(path, bundle, 'only one of name and signerName may be used')];
  if (name != null) {
    const errors = name === '' ? [required(path.child('name'), 'must be a valid object name')] : [];
    const problems = isDns1123Subdomain(name.split(':').at(-1)!).map(
      (text) => `not a valid clustertrustbundlename: ${text}`,
    );
    errors.push(...invalidEach(path.child('name'), name, problems));
    if (labelSelector) {
      errors.push(
        invalid(path.child('labelSelector'), labelSelector, 'labelSelector must be unset if name is specified'),
      );
    }
    return errors;
  }
  if (signerName == null) return [required(path, 'either name or signerName must be specified')];
  const errors = signerName === '' ? [required(path.child('signerName'), 'must be a valid signer name')] : [];
  errors.push(...validateSignerName(signerName, path.child('signerName')));
  errors.push(...validateLabelSelector(labelSelector, path.child('labelSelector')));
  return errors;
}

/** `ValidateSignerName`: `<domain>/<path>` */
export function validateSignerName(name: string, path: FieldPath): FieldError[] {
  if (name === '') return [required(path)];
  const [domain, signer, ...rest] = name.split('/') as [string, string | undefined, ...string[]];
  if (signer === undefined || rest.length > 0) {
    return [invalid(path, name, 'must be a fully qualified domain and path of the form "example.com/signer-name"')];
  }
  const problems = isDns1123Subdomain(domain).map((text) => `validating label ${JSON.stringify(domain)}: ${text}`);
  if (!domain.includes('.')) problems.push('should be a domain with at least two segments separated by dots');
  problems.push(...isDns1123Subdomain(signer).map((text) => `validating label ${JSON.stringify(signer)}: ${text}`));
  return invalidEach(path, name, problems);
}

const MIN_CERTIFICATE_SECONDS = 3600;
const MAX_CERTIFICATE_SECONDS = 91 * 86_400;

type PodCertificate = Projection['podCertificate'];

function certificateFiles(certificate: PodCertificate): string[] {
  const { credentialBundlePath, keyPath, certificateChainPath } = certificate ?? {};
  return [credentialBundlePath, keyPath, certificateChainPath].filter((file): file is string => !!file);
}

function validatePodCertificate(certificate: PodCertificate, path: FieldPath): FieldError[] {
  if (!certificate) return [];
  const errors = validateSignerName(certificate.signerName ?? '', path.child('signerName'));
  errors.push(...validateRequiredEnum('podCertificateKeyType', certificate.keyType, path.child('keyType')));
  const seconds = certificate.maxExpirationSeconds;
  if (seconds != null && (seconds < MIN_CERTIFICATE_SECONDS || seconds > MAX_CERTIFICATE_SECONDS)) {
    const detail = `must be between ${MIN_CERTIFICATE_SECONDS} and ${MAX_CERTIFICATE_SECONDS}`;
    errors.push(invalid(path.child('maxExpirationSeconds'), seconds, detail));
  }
  if (certificateFiles(certificate).length === 0) {
    errors.push(required(path, 'specify at least one of credentialBundlePath, keyPath, and certificateChainPath'));
  }
  for (const field of ['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const) {
    const file = certificate[field];
    if (file) errors.push(...validateLocalNonReservedPath(file, path.child(field)));
  }
  return errors;
}
