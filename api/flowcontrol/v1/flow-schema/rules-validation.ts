/** The rules of a FlowSchema: which requests they match (upstream: `ValidateFlowSchemaResourcePolicyRule` and others). */
import { invalid, notSupported, required } from '../../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../../machinery/field-error.ts';
import { invalidEach, isDns1123Label } from '../../../machinery/validation.ts';
import type { PolicyRules } from '../bootstrap.ts';

type ResourceRule = NonNullable<PolicyRules['resourceRules']>[number];
type NonResourceRule = NonNullable<PolicyRules['nonResourceRules']>[number];

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];
const NAMESPACE_INTRO = "each member of this list must be '*' or a DNS-1123 label; ";

export function validatePolicyRules(
  { resourceRules = [], nonResourceRules = [] }: PolicyRules,
  path: FieldPath,
): FieldError[] {
  if (resourceRules.length === 0 && nonResourceRules.length === 0) {
    return [required(path, 'at least one of resourceRules and nonResourceRules has to be non-empty')];
  }
  return [
    ...resourceRules.flatMap((rule, i) => validateResourceRule(rule, path.child('resourceRules').index(i))),
    ...nonResourceRules.flatMap((rule, i) => validateNonResourceRule(rule, path.child('nonResourceRules').index(i))),
  ];
}

/** True when `*` stands beside others. */
const isMixed = (values: readonly string[]): boolean => values.length > 1 && values.includes('*');

function validateVerbs(verbs: readonly string[], path: FieldPath): FieldError[] {
  if (verbs.length === 0) return [required(path, 'verbs must contain at least one value')];
  if (isMixed(verbs)) return [invalid(path, verbs, "if '*' is present, must not specify other verbs")];
  if (verbs[0] === '*' || verbs.every((verb) => VERBS.includes(verb))) return [];
  return [notSupported(path, verbs, VERBS)];
}

function validateList(values: readonly string[], path: FieldPath, words: { missing: string; others: string }) {
  if (values.length === 0) return [required(path, words.missing)];
  return isMixed(values) ? [invalid(path, values, `if '*' is present, must not specify other ${words.others}`)] : [];
}

function validateResourceRule(rule: ResourceRule, path: FieldPath): FieldError[] {
  const { verbs = [], apiGroups = [], resources = [] } = rule;
  return [
    ...validateVerbs(verbs, path.child('verbs')),
    ...validateList(apiGroups, path.child('apiGroups'), {
      missing: 'resource rules must supply at least one api group',
      others: 'api groups',
    }),
    ...validateList(resources, path.child('resources'), {
      missing: 'resource rules must supply at least one resource',
      others: 'resources',
    }),
    ...validateNamespaces(rule, path.child('namespaces')),
  ];
}

function validateNamespaces({ namespaces = [], clusterScope }: ResourceRule, path: FieldPath): FieldError[] {
  if (namespaces.length === 0) {
    const detail = 'resource rules that are not cluster scoped must supply at least one namespace';
    return clusterScope === true ? [] : [required(path, detail)];
  }
  if (isMixed(namespaces)) return [invalid(path, namespaces, "if '*' is present, must not specify other namespaces")];
  if (namespaces[0] === '*') return [];
  return namespaces.flatMap((namespace, i) =>
    invalidEach(
      path.index(i),
      namespace,
      isDns1123Label(namespace).map((problem) => NAMESPACE_INTRO + problem),
    ),
  );
}

function validateNonResourceRule({ verbs = [], nonResourceURLs: urls = [] }: NonResourceRule, path: FieldPath) {
  const errors = validateVerbs(verbs, path.child('verbs'));
  const urlsPath = path.child('nonResourceURLs');
  if (urls.length === 0) return [...errors, required(urlsPath, 'nonResourceURLs must contain at least one value')];
  if (isMixed(urls)) {
    return [...errors, invalid(urlsPath, urls, "if '*' is present, must not specify other non-resource URLs")];
  }
  if (urls[0] === '*') return errors;
  return [
    ...errors,
    ...urls.flatMap((url, i) => {
      const problem = urlProblem(url);
      return problem === undefined ? [] : [invalid(urlsPath.index(i), url, problem)];
    }),
  ];
}

/** `ValidateNonResourceURLPath` */
function urlProblem(url: string): string | undefined {
  if (url === '') return 'must not be empty';
  if (url === '/') return undefined;
  if (!url.startsWith('/')) return 'must start with slash';
  if (url.includes(' ')) return 'must not contain white-space';
  if (url.includes('//')) return 'must not contain double slash';
  const wildcards = url.split('*').length - 1;
  const isSuffix = wildcards === 1 && url.endsWith('/*');
  return wildcards > 0 && !isSuffix ? 'wildcard can only do suffix matching' : undefined;
}
