/**
 * Validation of a pod's DNS, host names and ports of the host (`pkg/apis/core/validation/validation.go
 * validatePodDNSConfig` and others).
 */
import { forbidden, invalid, required, tooLong } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import {
  DNS_SUBDOMAIN_MAX_LENGTH,
  invalidEach,
  isDns1123Label,
  isDns1123Subdomain,
  isValidIp,
  maxLengthMessage,
  regexMessage,
} from '../../../machinery/validation.ts';
import type { PodSpec } from './types.ts';

const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARACTERS = 2048;
const MAX_HOSTNAME_OVERRIDE = 64;

export function validateDnsConfig({ dnsConfig, dnsPolicy }: PodSpec, path: FieldPath): FieldError[] {
  if (dnsPolicy === 'None') {
    if (!dnsConfig) return [required(path, 'must provide `dnsConfig` when `dnsPolicy` is None')];
    const detail = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
    if (!dnsConfig.nameservers?.length) return [required(path.child('nameservers'), detail)];
  }
  if (!dnsConfig) return [];
  const { nameservers = [], searches = [], options = [] } = dnsConfig;
  const errors: FieldError[] = [];
  if (nameservers.length > MAX_NAMESERVERS) {
    errors.push(
      invalid(path.child('nameservers'), nameservers, `must not have more than ${MAX_NAMESERVERS} nameservers`),
    );
  }
  for (const [i, address] of nameservers.entries())
    errors.push(...isValidIp(path.child('nameservers').index(i), address));
  errors.push(...validateSearches(searches, path.child('searches')));
  for (const [i, { name }] of options.entries()) {
    if (!name) errors.push(required(path.child('options').index(i), 'must not be empty'));
  }
  return errors;
}

function validateSearches(searches: readonly string[], path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  if (searches.length > MAX_SEARCHES) {
    errors.push(invalid(path, searches, `must not have more than ${MAX_SEARCHES} search paths`));
  }
  if (searches.join(' ').length > MAX_SEARCH_CHARACTERS) {
    const detail = `must not have more than ${MAX_SEARCH_CHARACTERS} characters (including spaces) in the search list`;
    errors.push(invalid(path, searches, detail));
  }
  for (const [i, search] of searches.entries()) {
    // A lone dot is the root.
    if (search !== '.') errors.push(...invalidEach(path.index(i), search, searchProblems(search.replace(/\.$/, ''))));
  }
  return errors;
}

/** As a DNS subdomain, with underscores (`IsDNS1123SubdomainWithUnderscore`). */
const SEARCH_LABEL_SOURCE = '[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?';
const SEARCH_SOURCE = `${SEARCH_LABEL_SOURCE}(\\.${SEARCH_LABEL_SOURCE})*`;
const SEARCH = new RegExp(`^${SEARCH_SOURCE}$`);
const SEARCH_MESSAGE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', " +
  'and must start and end with an alphanumeric character';

function searchProblems(search: string): string[] {
  if (search.length > DNS_SUBDOMAIN_MAX_LENGTH) return [maxLengthMessage(DNS_SUBDOMAIN_MAX_LENGTH)];
  return SEARCH.test(search) ? [] : [regexMessage(SEARCH_MESSAGE, SEARCH_SOURCE, ['example.com'])];
}

export function validateHostNames(spec: PodSpec, path: FieldPath): FieldError[] {
  const { hostname, subdomain, hostnameOverride } = spec;
  const errors: FieldError[] = [];
  if (hostname) errors.push(...invalidEach(path.child('hostname'), hostname, isDns1123Label(hostname)));
  if (subdomain) errors.push(...invalidEach(path.child('subdomain'), subdomain, isDns1123Label(subdomain)));
  if (hostnameOverride != null) errors.push(...validateHostnameOverride(spec, hostnameOverride, path));
  for (const [i, { ip = '', hostnames = [] }] of (spec.hostAliases ?? []).entries()) {
    const aliasPath = path.child('hostAliases').index(i);
    errors.push(...isValidIp(aliasPath.child('ip'), ip));
    for (const [j, name] of hostnames.entries()) {
      errors.push(...invalidEach(aliasPath.child('hostnames').index(j), name, isDns1123Subdomain(name)));
    }
  }
  return errors;
}

function validateHostnameOverride(spec: PodSpec, name: string, path: FieldPath): FieldError[] {
  const namePath = path.child('hostnameOverride');
  const errors = invalidEach(namePath, name, isDns1123Subdomain(name));
  if (name.length > MAX_HOSTNAME_OVERRIDE) errors.push(tooLong(namePath, MAX_HOSTNAME_OVERRIDE));
  if (spec.setHostnameAsFQDN === true)
    errors.push(forbidden(namePath, 'may not be specified when setHostnameAsFQDN is true'));
  if (spec.hostNetwork === true) errors.push(forbidden(namePath, 'may not be specified when hostNetwork is true'));
  return errors;
}

/** `validatePodHostNetworkDeps`: a template may leave `hostPort` open, a pod may not. */
export function validateHostNetworkPorts(spec: PodSpec, path: FieldPath, isPod: boolean): FieldError[] {
  if (spec.hostNetwork !== true) return [];
  return (spec.containers ?? []).flatMap(({ ports = [] }, i) =>
    ports.flatMap(({ hostPort = 0, containerPort }, j) => {
      if ((!isPod && hostPort === 0) || hostPort === containerPort) return [];
      const portPath = path.child('containers').index(i).child('ports').index(j).child('hostPort');
      return [invalid(portPath, hostPort, 'must match `containerPort` when `hostNetwork` is true')];
    }),
  );
}
