/**
 * Formats of names, labels, ports and values, each check giving a list of problems in Kubernetes' words
 * (apimachinery `util/validation/validation.go` and `api/validate/content`). An empty list: the value is right.
 * Required fields may be missing when validation sees an object: a missing value is the zero value, as in Go.
 * IP addresses are in `validation-ip.ts`, metadata in `object-meta.ts`.
 */
import { deepEqual } from './equality.ts';
import { duplicate, forbidden, invalid, notSupported, required, tooLong } from './field-error.ts';
import type { FieldError, FieldPath } from './field-error.ts';
import type { Condition, LabelSelector, LabelSelectorRequirement } from './meta.ts';

export { isValidIp } from './validation-ip.ts';

export const DNS_LABEL_MAX_LENGTH = 63;
export const DNS_SUBDOMAIN_MAX_LENGTH = 253;
export const ANNOTATIONS_MAX_BYTES = 256 * 1024;

/** `validation.FieldImmutableErrorMsg` */
export const FIELD_IMMUTABLE_MESSAGE = 'field is immutable';
/** `validation.IsNegativeErrorMsg` */
export const NOT_NEGATIVE_MESSAGE = 'must be greater than or equal to 0';

interface Format {
  source: string;
  pattern: RegExp;
  message: string;
  examples: readonly string[];
}

function format(source: string, message: string, examples: readonly string[] = []): Format {
  return { source, pattern: new RegExp(`^${source}$`), message, examples };
}

const DNS_LABEL_SOURCE = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const DNS_SUBDOMAIN_SOURCE = `${DNS_LABEL_SOURCE}(\\.${DNS_LABEL_SOURCE})*`;
const LABEL_KEY_SOURCE = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LOWER = 'lower case alphanumeric characters';
const ENDS = 'and must start and end with an alphanumeric character';

/** Messages and patterns of apimachinery `util/validation/validation.go` and `api/validate/content`. */
const FORMATS = {
  dnsLabel: format(DNS_LABEL_SOURCE, `a lowercase RFC 1123 label must consist of ${LOWER} or '-', ${ENDS}`, [
    'my-name',
    '123-abc',
  ]),
  dnsSubdomain: format(
    DNS_SUBDOMAIN_SOURCE,
    `a lowercase RFC 1123 subdomain must consist of ${LOWER}, '-' or '.', ${ENDS}`,
    ['example.com'],
  ),
  dns1035Label: format(
    '[a-z]([-a-z0-9]*[a-z0-9])?',
    `a DNS-1035 label must consist of ${LOWER} or '-', start with an alphabetic character, and end with an alphanumeric character`,
    ['my-name', 'abc-123'],
  ),
  wildcardSubdomain: format(
    `\\*\\.${DNS_SUBDOMAIN_SOURCE}`,
    `a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of ${LOWER}, '-' or '.' and end with an alphanumeric character`,
    ['*.example.com'],
  ),
  labelKey: format(LABEL_KEY_SOURCE, `must consist of alphanumeric characters, '-', '_' or '.', ${ENDS}`, [
    'MyName',
    'my.name',
    '123-abc',
  ]),
  labelValue: format(
    `(${LABEL_KEY_SOURCE})?`,
    `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', ${ENDS}`,
    ['MyValue', 'my_value', '12345'],
  ),
  identifier: format(
    '[A-Za-z_][A-Za-z0-9_]*',
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
    ['my_name', 'MY_NAME', 'MyName'],
  ),
  percent: format('[0-9]+%', "a valid percent string must be a numeric string followed by an ending '%'", [
    '1%',
    '93%',
  ]),
  httpHeaderName: format('[-A-Za-z0-9]+', "a valid HTTP header must consist of alphanumeric characters or '-'", [
    'X-Header-Name',
  ]),
  configMapKey: format(
    '[-._a-zA-Z0-9]+',
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    ['key.name', 'KEY_NAME', 'key-name'],
  ),
  conditionReason: format(
    '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?',
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
    ['my_name', 'MY_NAME', 'MyName', 'ReasonA,ReasonB', 'ReasonA:ReasonB'],
  ),
} as const satisfies Record<string, Format>;

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

function byteLength(value: string): number {
  return Buffer.byteLength(value, 'utf8');
}

/** `… (e.g. 'a',  or 'b', regex used for validation is '…')`: the doubled spaces are upstream's (`RegexError`). */
export function regexMessage(message: string, source: string, examples: readonly string[] = []): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${source}')`;
  const list = examples.map((example) => `'${example}', `).join(' or ');
  return `${message} (e.g. ${list}regex used for validation is '${source}')`;
}

/** `MaxLenError` of `util/validation`, and of `api/validate/content`, which checks labels and speaks of bytes. */
export function maxLengthMessage(length: number, unit: 'characters' | 'bytes' = 'characters'): string {
  return `must be no more than ${length} ${unit}`;
}

/** `validation.InclusiveRangeError` */
export function rangeMessage(low: number, high: number): string {
  return `must be between ${low} and ${high}, inclusive`;
}

function formatProblems(value: string, { pattern, message, source, examples }: Format): string[] {
  return pattern.test(value) ? [] : [regexMessage(message, source, examples)];
}

function lengthProblems(value: string, max: number, unit?: 'characters' | 'bytes'): string[] {
  return byteLength(value) > max ? [maxLengthMessage(max, unit)] : [];
}

export function isDns1123Label(value: string): string[] {
  const problems = lengthProblems(value, DNS_LABEL_MAX_LENGTH);
  if (FORMATS.dnsLabel.pattern.test(value)) return problems;
  // A valid subdomain that is not a label has dots; upstream says just that.
  if (FORMATS.dnsSubdomain.pattern.test(value)) return [...problems, 'must not contain dots'];
  return [...problems, ...formatProblems(value, FORMATS.dnsLabel)];
}

export function isDns1123Subdomain(value: string): string[] {
  return [...lengthProblems(value, DNS_SUBDOMAIN_MAX_LENGTH), ...formatProblems(value, FORMATS.dnsSubdomain)];
}

export function isWildcardDns1123Subdomain(value: string): string[] {
  return [...lengthProblems(value, DNS_SUBDOMAIN_MAX_LENGTH), ...formatProblems(value, FORMATS.wildcardSubdomain)];
}

export function isDns1035Label(value: string): string[] {
  return [...lengthProblems(value, DNS_LABEL_MAX_LENGTH), ...formatProblems(value, FORMATS.dns1035Label)];
}

/** A label key: an optional DNS subdomain and `/`, then a name of at most 63 bytes (`content.IsLabelKey`). */
export function isQualifiedName(value: string): string[] {
  const { message, source, examples } = FORMATS.labelKey;
  const parts = value.split('/');
  if (parts.length > 2) {
    const text = regexMessage(message, source, examples);
    return [`a valid label key ${text} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const problems: string[] = [];
  if (parts.length === 2) {
    if (parts[0] === '') problems.push('prefix part must be non-empty');
    else problems.push(...labelPrefixProblems(parts[0]!).map((problem) => `prefix part ${problem}`));
  }
  const name = parts.at(-1)!;
  if (name === '') problems.push('name part must be non-empty');
  else problems.push(...lengthProblems(name, DNS_LABEL_MAX_LENGTH, 'bytes').map((problem) => `name part ${problem}`));
  problems.push(...formatProblems(name, FORMATS.labelKey).map((problem) => `name part ${problem}`));
  return problems;
}

function labelPrefixProblems(prefix: string): string[] {
  return [
    ...lengthProblems(prefix, DNS_SUBDOMAIN_MAX_LENGTH, 'bytes'),
    ...formatProblems(prefix, FORMATS.dnsSubdomain),
  ];
}

export function isValidLabelValue(value: string): string[] {
  return [...lengthProblems(value, DNS_LABEL_MAX_LENGTH, 'bytes'), ...formatProblems(value, FORMATS.labelValue)];
}

export function isCIdentifier(value: string): string[] {
  return formatProblems(value, FORMATS.identifier);
}

/** Any printable ASCII but `=` (`validation.IsRelaxedEnvVarName`, the rule since 1.34). */
export function isEnvVarName(value: string): string[] {
  if (value === '') return ['environment variable name must be non-empty'];
  if (PRINTABLE_ASCII.test(value) && !value.includes('=')) return [];
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

export function isHttpHeaderName(value: string): string[] {
  return formatProblems(value, FORMATS.httpHeaderName);
}

export function isValidPercent(value: string): string[] {
  return formatProblems(value, FORMATS.percent);
}

/** A key of a ConfigMap or Secret. */
export function isConfigMapKey(value: string): string[] {
  return [
    ...lengthProblems(value, DNS_SUBDOMAIN_MAX_LENGTH),
    ...formatProblems(value, FORMATS.configMapKey),
    ...parentFolderProblems(value),
  ];
}

function parentFolderProblems(value: string): string[] {
  if (value === '.') return ["must not be '.'"];
  if (value === '..') return ["must not be '..'"];
  return value.startsWith('..') ? ["must not start with '..'"] : [];
}

export function isInRange(value: number, low: number, high: number): string[] {
  return value >= low && value <= high ? [] : [rangeMessage(low, high)];
}

export function isValidPortNum(port: number): string[] {
  return isInRange(port, 1, 65535);
}

export function isValidUserId(id: number): string[] {
  return isInRange(id, 0, 0xffffffff);
}

export function isValidGroupId(id: number): string[] {
  return isInRange(id, 0, 0xffffffff);
}

export function isValidPortName(name: string): string[] {
  const problems = lengthProblems(name, 15);
  if (!/^[-a-z0-9]+$/.test(name))
    problems.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(name)) problems.push('must contain at least one letter (a-z)');
  if (name.includes('--')) problems.push('must not contain consecutive hyphens');
  if (name.startsWith('-') || name.endsWith('-')) problems.push('must not begin or end with a hyphen');
  return problems;
}

/** Validator of `metadata.name` after generation: with `prefix` a trailing `-` is allowed (`maskTrailingDash`). */
export function nameValidator(check: (name: string) => string[]): (name: string, prefix: boolean) => string[] {
  return (name, prefix) => check(prefix && name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name);
}

export const validateDnsSubdomainName = nameValidator(isDns1123Subdomain);
export const validateDnsLabelName = nameValidator(isDns1123Label);
export const validateDns1035LabelName = nameValidator(isDns1035Label);

/** Names that only must be usable as one segment of a path (apimachinery `api/validation/path/name.go`). */
export function validatePathSegmentName(name: string, prefix: boolean): string[] {
  if (!prefix && (name === '.' || name === '..')) return [`may not be '${name}'`];
  return ['/', '%']
    .filter((character) => name.includes(character))
    .map((character) => `may not contain '${character}'`);
}

/** One `Invalid value` per problem. */
export function invalidEach(path: FieldPath, value: unknown, problems: readonly string[]): FieldError[] {
  return problems.map((problem) => invalid(path, value, problem));
}

export function validateLabels(labels: Readonly<Record<string, string>> | undefined, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels ?? {})) {
    errors.push(...invalidEach(path, key, isQualifiedName(key)));
    errors.push(...invalidEach(path, value, isValidLabelValue(value)));
  }
  return errors;
}

const HTTP_PATH_SOURCE = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const HTTP_PATH = new RegExp(`^${HTTP_PATH_SOURCE}$`);

/** `acme.io/foo`: a domain, then characters that a path may have (`validation.IsDomainPrefixedPath`). */
export function validateDomainPrefixedPath(value: string, path: FieldPath): FieldError[] {
  if (value === '') return [required(path)];
  const slash = value.indexOf('/');
  if (slash <= 0 || slash === value.length - 1)
    return [invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const host = value.slice(0, slash);
  const rest = value.slice(slash + 1);
  const errors = invalidEach(path, host, isDns1123Subdomain(host));
  if (!HTTP_PATH.test(rest)) errors.push(invalid(path, rest, regexMessage('Invalid path', HTTP_PATH_SOURCE)));
  return errors;
}

/** Keys are qualified names in any case; all keys and values together take at most 256 KiB. */
export function validateAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = [];
  let total = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    errors.push(...invalidEach(path, key, isQualifiedName(key.toLowerCase())));
    total += byteLength(key) + byteLength(value);
  }
  if (total > ANNOTATIONS_MAX_BYTES) errors.push(tooLong(path, ANNOTATIONS_MAX_BYTES));
  return errors;
}

export interface LabelSelectorOptions {
  /** For selectors that were stored before values were checked. */
  allowInvalidLabelValue?: boolean;
}

export function validateLabelSelector(
  selector: LabelSelector | undefined,
  path: FieldPath,
  options: LabelSelectorOptions = {},
): FieldError[] {
  if (selector === undefined || selector === null) return [];
  const errors = validateLabels(selector.matchLabels, path.child('matchLabels'));
  (selector.matchExpressions ?? []).forEach((requirement, i) => {
    const requirementPath = path.child('matchExpressions').index(i);
    errors.push(...validateRequirement(requirement, requirementPath));
    if (options.allowInvalidLabelValue === true) return;
    (requirement.values ?? []).forEach((value, j) =>
      errors.push(...invalidEach(requirementPath.child('values').index(j), value, isValidLabelValue(value))),
    );
  });
  return errors;
}

function validateRequirement(
  { key = '', operator = '', values }: LabelSelectorRequirement,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = [];
  const count = values?.length ?? 0;
  if (operator === 'In' || operator === 'NotIn') {
    if (count === 0)
      errors.push(required(path.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (count > 0) {
      errors.push(
        forbidden(path.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      );
    }
  } else {
    errors.push(invalid(path.child('operator'), operator, 'not a valid selector operator'));
  }
  errors.push(...invalidEach(path.child('key'), key, isQualifiedName(key)));
  return errors;
}

/** Absent counts as 0. */
export function validateNonNegative(value: number | undefined | null, path: FieldPath): FieldError[] {
  return (value ?? 0) < 0 ? [invalid(path, value, NOT_NEGATIVE_MESSAGE)] : [];
}

/** Equal by Go's semantic equality (`apiequality.Semantic`), or `field is immutable`. */
export function validateImmutable(next: unknown, previous: unknown, path: FieldPath): FieldError[] {
  return deepEqual(next, previous) ? [] : [invalid(path, next ?? null, FIELD_IMMUTABLE_MESSAGE)];
}

/** Conditions of type `metav1.Condition` (`metav1 validation.ValidateConditions`). */
export function validateConditions(conditions: readonly Condition[] | undefined, path: FieldPath): FieldError[] {
  const seen = new Set<string>();
  return (conditions ?? []).flatMap((condition, i) => {
    const conditionPath = path.index(i);
    const errors = seen.has(condition.type) ? [duplicate(conditionPath.child('type'), condition.type)] : [];
    seen.add(condition.type);
    return [...errors, ...validateCondition(condition, conditionPath)];
  });
}

function validateCondition(condition: Condition, path: FieldPath): FieldError[] {
  const errors = invalidEach(path.child('type'), condition.type ?? '', isQualifiedName(condition.type ?? ''));
  const statuses = ['False', 'True', 'Unknown'];
  if (!statuses.includes(condition.status))
    errors.push(notSupported(path.child('status'), condition.status ?? '', statuses));
  if ((condition.observedGeneration ?? 0) < 0) {
    errors.push(
      invalid(path.child('observedGeneration'), condition.observedGeneration, 'must be greater than or equal to zero'),
    );
  }
  if (!condition.lastTransitionTime) errors.push(required(path.child('lastTransitionTime'), 'must be set'));
  if (!condition.reason) {
    errors.push(required(path.child('reason'), 'must be set'));
  } else {
    errors.push(
      ...invalidEach(path.child('reason'), condition.reason, formatProblems(condition.reason, FORMATS.conditionReason)),
    );
    if (byteLength(condition.reason) > 1024) errors.push(tooLong(path.child('reason'), 1024));
  }
  if (byteLength(condition.message ?? '') > 32 * 1024) errors.push(tooLong(path.child('message'), 32 * 1024));
  return errors;
}
