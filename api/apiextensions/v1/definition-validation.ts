/**
 * Validation of CustomResourceDefinitions (upstream: apiextensions-apiserver
 * `pkg/apis/apiextensions/validation/validation.go`).
 */
import { fieldPath, invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import { isDns1035Label, isDns1123Subdomain, validateImmutable } from '../../machinery/validation.ts';
import { validateApproval } from './approval.ts';
import { splitParts } from './common-parts.ts';
import { isConditionTrue } from './conditions.ts';
import { validateConversion } from './conversion-validation.ts';
import { oneError, validateNames } from './definition-parts.ts';
import { someVersionSchema, isGiven } from './schema-walk.ts';
import { newStrictness, updateStrictness } from './strictness.ts';
import type { DefinitionStrictness } from './strictness.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionNames, CustomResourceDefinitionSpec } from './types.ts';
import { validateCommonParts, validateVersion } from './version-validation.ts';
import type { SchemaChecks } from './schema-checks.ts';

const SPEC = fieldPath('spec');
const STATUS = fieldPath('status');

/** A definition may be wrong in as many places as it has; no more are told of. */
const MAX_ERRORS = 1000;

function bounded(errors: FieldError[]): FieldError[] {
  return errors.slice(0, MAX_ERRORS);
}

/** `checks` look into what schemas hold: default values, and the expressions of rules. */
export function validateDefinition(definition: CustomResourceDefinition, checks: SchemaChecks): FieldError[] {
  const { metadata, spec } = definition;
  const errors: FieldError[] = [];
  if (metadata.name !== `${spec.names.plural}.${spec.group}`) {
    errors.push(
      invalid(fieldPath('metadata', 'name'), metadata.name ?? '', 'must be spec.names.plural+"."+spec.group'),
    );
  }
  return bounded([...errors, ...validateSpec(spec, newStrictness(), checks), ...validateRest(definition)]);
}

/** What was wrong before, and was accepted then, may stay as it is. */
export function validateDefinitionUpdate(
  next: CustomResourceDefinition,
  previous: CustomResourceDefinition,
  checks: SchemaChecks,
): FieldError[] {
  return bounded([
    ...validateSpec(next.spec, updateStrictness(next, previous, checks), checks),
    ...validateFixedFields(next.spec, previous),
    ...validateRest(next, previous),
  ]);
}

export function validateDefinitionStatus({ status }: CustomResourceDefinition): FieldError[] {
  return validateNames(status?.acceptedNames ?? {}, STATUS.child('acceptedNames'));
}

function validateRest(definition: CustomResourceDefinition, previous?: CustomResourceDefinition): FieldError[] {
  return [
    ...validateDefinitionStatus(definition),
    ...validateStoredVersions(definition),
    ...validateApproval(definition, previous),
    ...validatePreserveUnknownFields(definition.spec, previous?.spec),
  ];
}

/** Names are what objects are stored under. */
function validateFixedFields(next: CustomResourceDefinitionSpec, previous: CustomResourceDefinition): FieldError[] {
  const before = previous.spec;
  const names = SPEC.child('names');
  const errors: FieldError[] = [];
  if (isConditionTrue(previous, 'Established')) {
    errors.push(...validateImmutable(next.scope, before.scope, SPEC.child('scope')));
    errors.push(...validateImmutable(next.names.kind, before.names.kind, names.child('kind')));
  }
  return [
    ...errors,
    ...validateImmutable(next.group, before.group, SPEC.child('group')),
    ...validateImmutable(next.names.plural, before.names.plural, names.child('plural')),
  ];
}

function validateStoredVersions({ spec, status }: CustomResourceDefinition): FieldError[] {
  const path = STATUS.child('storedVersions');
  const stored = status?.storedVersions ?? [];
  if (stored.length === 0) return [invalid(path, stored, 'must have at least one stored version')];
  // There is one, or something else is told as well.
  const storage = spec.versions.filter((version) => version.storage).slice(0, 2);
  const errors = storage
    .filter(({ name }) => !stored.includes(name))
    .map(({ name }) => invalid(path, stored, `must have the storage version ${name}`));
  const names = new Set(spec.versions.map(({ name }) => name));
  stored.forEach((name, i) => {
    if (names.has(name)) return;
    const detail = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
    errors.push(invalid(path.index(i), name, detail));
  });
  return errors;
}

function validatePreserveUnknownFields(
  spec: CustomResourceDefinitionSpec,
  previous?: CustomResourceDefinitionSpec,
): FieldError[] {
  if (spec.preserveUnknownFields !== true || previous?.preserveUnknownFields === true) return [];
  const detail =
    'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
  return [invalid(SPEC.child('preserveUnknownFields'), true, detail)];
}

function validateSpec(
  spec: CustomResourceDefinitionSpec,
  strictness: DefinitionStrictness,
  checks: SchemaChecks,
): FieldError[] {
  const parts = splitParts(spec);
  const versions = SPEC.child('versions');
  return [
    ...validateGroup(spec.group ?? '', SPEC.child('group')),
    ...validateScope(spec.scope, SPEC.child('scope')),
    ...validatePresence(spec, strictness),
    ...spec.versions.flatMap((version, i) => {
      const path = versions.index(i);
      const name = version.name ?? '';
      return [
        ...oneError(name, isDns1035Label(name), path.child('name')),
        ...validateVersion(version, path, { parts, index: i, strictness, checks }),
      ];
    }),
    ...validateVersionList(spec, versions),
    ...validateSpecNames(spec.names),
    ...validateCommonParts(spec, SPEC, { parts, strictness, checks }),
    ...validateStrategy(spec, strictness),
  ];
}

function validateStrategy(spec: CustomResourceDefinitionSpec, strictness: DefinitionStrictness): FieldError[] {
  const { conversion, preserveUnknownFields } = spec;
  if (!isGiven(conversion)) return [];
  const path = SPEC.child('conversion');
  const errors = validateConversion(conversion, path, strictness.conversion);
  if (conversion.strategy === 'None' || preserveUnknownFields !== true) return errors;
  const detail = 'must be None if spec.preserveUnknownFields is true';
  return [invalid(path.child('strategy'), conversion.strategy, detail), ...errors];
}

function validateGroup(group: string, path: FieldPath): FieldError[] {
  if (group === '') return [required(path)];
  const problems = isDns1123Subdomain(group);
  if (problems.length > 0) return oneError(group, problems, path);
  return group.includes('.') ? [] : [invalid(path, group, 'should be a domain with at least one dot')];
}

function validateScope(scope: string | undefined, path: FieldPath): FieldError[] {
  if (!scope) return [required(path)];
  const supported = ['Cluster', 'Namespaced'];
  return supported.includes(scope) ? [] : [notSupported(path, scope, supported)];
}

/** Every version has a schema, and defaults are not for kinds that keep whatever comes. */
function validatePresence(spec: CustomResourceDefinitionSpec, strictness: DefinitionStrictness): FieldError[] {
  const prunes = spec.preserveUnknownFields !== true;
  const errors: FieldError[] = [];
  spec.versions.forEach(({ schema, served }, i) => {
    if (isGiven(schema?.openAPIV3Schema)) return;
    const path = SPEC.child('versions').index(i).child('schema', 'openAPIV3Schema');
    if (strictness.requiresSchemas) errors.push(required(path));
    else if (prunes && served) errors.push(required(path, 'because otherwise all fields are pruned'));
  });
  if (!prunes && someVersionSchema(spec, (schema) => isGiven(schema.default))) {
    const path = SPEC.child('preserveUnknownFields');
    errors.push(invalid(path, true, 'must be false in order to use defaults in the schema'));
  }
  return errors;
}

function validateVersionList({ versions }: CustomResourceDefinitionSpec, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const names = versions.map(({ name }) => name ?? '');
  const list = versions.map(({ name, served, storage }) => ({ name, served, storage }));
  if (new Set(names).size < names.length) errors.push(invalid(path, list, 'must contain unique version names'));
  if (versions.filter(({ storage }) => storage).length !== 1) {
    errors.push(invalid(path, list, 'must have exactly one version marked as storage version'));
  }
  // Upstream's internal form has the first version's name a second time.
  const first = names[0] ?? '';
  return first === '' ? errors : [...errors, ...oneError(first, isDns1035Label(first), SPEC.child('version'))];
}

/** Names that may be missing in the status must not in the spec. */
function validateSpecNames(names: CustomResourceDefinitionNames): FieldError[] {
  const path = SPEC.child('names');
  const missing = (['plural', 'singular', 'kind', 'listKind'] as const).filter((name) => !names[name]);
  return [...missing.map((name) => required(path.child(name))), ...validateNames(names, path)];
}
