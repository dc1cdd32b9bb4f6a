/** What an Ingress must satisfy (upstream: `pkg/apis/networking/validation/validation.go`, `ValidateIngress…`). */
import { fieldPath, invalid, notSupported, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { isValidIp, parseIp } from '../../../machinery/validation-ip.ts';
import {
  invalidEach,
  isDns1123Label,
  isDns1123Subdomain,
  isValidPortName,
  isValidPortNum,
  isWildcardDns1123Subdomain,
} from '../../../machinery/validation.ts';
import { validateReference } from '../ingress-class.ts';
import type { HttpIngressPath, Ingress, IngressBackend, IngressRule, IngressSpec } from './types.ts';

export const INGRESS_CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

const SPEC = fieldPath('spec');
const RULES = SPEC.child('rules');
const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];
const INVALID_SEQUENCES = ['//', '/./', '/../', '%2f', '%2F'];
const INVALID_SUFFIXES = ['/..', '/.'];
const NOT_AN_IP_MESSAGE = 'must be a DNS name, not an IP address';

/** What an Ingress may keep because it was stored before the rule was made. */
interface Exceptions {
  secretNames?: boolean;
  wildcardHostRules?: boolean;
}

export function validateIngress(ingress: Ingress): FieldError[] {
  const errors = validateSpec(ingress.spec ?? {}, {});
  const { ingressClassName } = ingress.spec ?? {};
  const annotation = ingress.metadata.annotations?.[INGRESS_CLASS_ANNOTATION];
  if (annotation === undefined || ingressClassName === undefined || annotation === ingressClassName) return errors;
  const path = fieldPath('annotations').child(INGRESS_CLASS_ANNOTATION);
  return [...errors, invalid(path, annotation, 'must match `ingressClassName` when both are specified')];
}

export function validateIngressUpdate(next: Ingress, previous: Ingress): FieldError[] {
  const { rules = [], tls = [] } = previous.spec ?? {};
  return validateSpec(next.spec ?? {}, {
    secretNames: tls.some(({ secretName = '' }) => secretName !== '' && isDns1123Subdomain(secretName).length > 0),
    wildcardHostRules: rules.some(
      (rule) => (rule.host ?? '').includes('*') && validateRuleValue(rule, RULES).length > 0,
    ),
  });
}

export function validateIngressStatus({ status }: Ingress): FieldError[] {
  const path = fieldPath('status', 'loadBalancer', 'ingress');
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip = '', hostname = '' }, i) => {
    const errors = ip === '' ? [] : isValidIp(path.index(i).child('ip'), ip);
    if (hostname === '') return errors;
    const hostPath = path.index(i).child('hostname');
    errors.push(...invalidEach(hostPath, hostname, isDns1123Subdomain(hostname)));
    if (parseIp(hostname) !== undefined) errors.push(invalid(hostPath, hostname, NOT_AN_IP_MESSAGE));
    return errors;
  });
}

function validateSpec(spec: IngressSpec, exceptions: Exceptions): FieldError[] {
  const { rules = [], defaultBackend, ingressClassName } = spec;
  const errors: FieldError[] = [];
  if (rules.length === 0 && !defaultBackend) {
    errors.push(invalid(SPEC, spec.rules ?? null, 'either `defaultBackend` or `rules` must be specified'));
  }
  if (defaultBackend) errors.push(...validateBackend(defaultBackend, SPEC.child('defaultBackend')));
  rules.forEach((rule, i) => errors.push(...validateRule(rule, RULES.index(i), exceptions)));
  errors.push(...validateTls(spec, exceptions));
  if (ingressClassName === undefined) return errors;
  const path = SPEC.child('ingressClassName');
  return [...errors, ...invalidEach(path, ingressClassName, isDns1123Subdomain(ingressClassName))];
}

function validateTls({ tls = [] }: IngressSpec, exceptions: Exceptions): FieldError[] {
  return tls.flatMap(({ hosts = [], secretName = '' }, i) => {
    const path = SPEC.child('tls').index(i);
    const errors = hosts.flatMap((host, k) =>
      invalidEach(
        path.child('hosts').index(k),
        host,
        host.includes('*') ? isWildcardDns1123Subdomain(host) : isDns1123Subdomain(host),
      ),
    );
    if (secretName === '' || exceptions.secretNames === true) return errors;
    return [...errors, ...invalidEach(path.child('secretName'), secretName, isDns1123Subdomain(secretName))];
  });
}

function validateRule(rule: IngressRule, path: FieldPath, exceptions: Exceptions): FieldError[] {
  const { host = '' } = rule;
  const hostPath = path.child('host');
  const isWildcard = host.includes('*');
  const errors: FieldError[] = [];
  if (host !== '') {
    if (parseIp(host) !== undefined) errors.push(invalid(hostPath, host, NOT_AN_IP_MESSAGE));
    const problems = isWildcard ? isWildcardDns1123Subdomain(host) : isDns1123Subdomain(host);
    errors.push(...invalidEach(hostPath, host, problems));
  }
  if (isWildcard && exceptions.wildcardHostRules === true) return errors;
  return [...errors, ...validateRuleValue(rule, path)];
}

function validateRuleValue({ http }: IngressRule, path: FieldPath): FieldError[] {
  if (!http) return [];
  const pathsPath = path.child('http', 'paths');
  const { paths = [] } = http;
  if (paths.length === 0) return [required(pathsPath)];
  return paths.flatMap((one, i) => validateHttpPath(one, pathsPath.index(i)));
}

function validateHttpPath(one: HttpIngressPath, path: FieldPath): FieldError[] {
  const { pathType, path: text = '', backend } = one;
  const typePath = path.child('pathType');
  // Upstream's type is a pointer; a missing one comes without the backend's problems.
  if (pathType === undefined) return [required(typePath, 'pathType must be specified')];
  const errors = PATH_TYPES.includes(pathType)
    ? validatePathText(text, pathType, path.child('path'))
    : [notSupported(typePath, pathType, PATH_TYPES)];
  return [...errors, ...validateBackend(backend ?? {}, path.child('backend'))];
}

function validatePathText(text: string, pathType: string, path: FieldPath): FieldError[] {
  const isFree = pathType === 'ImplementationSpecific';
  const errors: FieldError[] = [];
  if (!text.startsWith('/') && !(isFree && text === '')) errors.push(invalid(path, text, 'must be an absolute path'));
  if (isFree) return errors;
  for (const sequence of INVALID_SEQUENCES) {
    if (text.includes(sequence)) errors.push(invalid(path, text, `must not contain '${sequence}'`));
  }
  for (const suffix of INVALID_SUFFIXES) {
    if (text.endsWith(suffix)) errors.push(invalid(path, text, `cannot end with '${suffix}'`));
  }
  return errors;
}

function validateBackend({ resource, service }: IngressBackend, path: FieldPath): FieldError[] {
  if (resource && service) return [invalid(path, '', 'cannot set both resource and service backends')];
  if (resource) return validateReference(resource, path.child('resource'));
  if (!service) return [invalid(path, '', 'resource or service backend is required')];
  const { name = '', port = {} } = service;
  const namePath = path.child('service', 'name');
  const errors = name === '' ? [required(namePath)] : invalidEach(namePath, name, isDns1123Label(name));
  return [...errors, ...validateServicePort(port, path)];
}

function validateServicePort({ name = '', number = 0 }: { name?: string; number?: number }, path: FieldPath) {
  const portPath = path.child('service', 'port');
  if (name !== '' && number !== 0) return [invalid(path, '', 'cannot set both port name & port number')];
  if (name !== '') return invalidEach(portPath.child('name'), name, isValidPortName(name));
  if (number !== 0) return invalidEach(portPath.child('number'), number, isValidPortNum(number));
  return [required(path, 'port name or number is required')];
}
