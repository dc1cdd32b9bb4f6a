/**
 * FlowSchema: which requests belong to which priority level (upstream: `pkg/apis/flowcontrol/validation`,
 * `ValidateFlowSchema`). Stored and checked; the server's own limit does not read them.
 */
import { deepEqual } from '../../machinery/equality.ts';
import { fieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import type { FieldError, FieldPath } from '../../machinery/field-error.ts';
import { defineResource } from '../../machinery/resource.ts';
import { invalidEach, isDns1123Label, isDns1123Subdomain } from '../../machinery/validation.ts';
import { NONE, ageColumn } from '../../table-cells.ts';
import { MANDATORY_FLOW_SCHEMAS } from './bootstrap.ts';
import type { FlowSchema, FlowSchemaSpec, PolicyRules, Subject } from './bootstrap.ts';
import { validatePolicyRules } from './flow-schema/rules-validation.ts';
import { validateFlowConditions } from './priority-level-configuration.ts';

export type { FlowSchema } from './bootstrap.ts';

const SPEC = fieldPath('spec');
const DISTINGUISHERS = ['ByNamespace', 'ByUser'];
const SUBJECT_KINDS = ['Group', 'ServiceAccount', 'User'];
const MAX_PRECEDENCE = 10_000;

export const flowSchemas = defineResource<FlowSchema>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  scope: 'Cluster',
  names: { plural: 'flowschemas', singular: 'flowschema', kind: 'FlowSchema' },
  schema: 'V1FlowSchema',
  subresources: { status: {} },
  additionalPrinterColumns: [
    {
      name: 'PriorityLevel',
      type: 'string',
      description: 'Priority level of the requests',
      cell: ({ spec }) => spec?.priorityLevelConfiguration?.name ?? '',
    },
    {
      name: 'MatchingPrecedence',
      type: 'integer',
      description: 'The lowest of those that match wins',
      cell: ({ spec }) => spec?.matchingPrecedence ?? 0,
    },
    {
      name: 'DistinguisherMethod',
      type: 'string',
      description: 'What makes requests one flow',
      cell: ({ spec }) => spec?.distinguisherMethod?.type ?? NONE,
    },
    ageColumn(),
    {
      name: 'MissingPL',
      type: 'string',
      description: 'Whether the priority level is missing',
      cell: ({ status }) => status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?',
    },
  ],
  strategy: {
    default({ spec }) {
      if (spec) spec.matchingPrecedence ||= 1000;
    },
    prepareForCreate(object) {
      object.status = {};
    },
    validate: validateFlowSchema,
    status: {
      keptMetadata: ['labels', 'annotations', 'finalizers', 'ownerReferences'],
      validateUpdate: validateFlowConditions,
    },
    hasGeneration: true,
  },
});

function validateFlowSchema(object: FlowSchema): FieldError[] {
  const { name = '' } = object.metadata;
  const spec = object.spec ?? { priorityLevelConfiguration: { name: '' } };
  const errors = [
    ...validatePrecedence(spec, name),
    ...validateDistinguisher(spec),
    ...validateLevelName(spec.priorityLevelConfiguration?.name ?? ''),
    ...(spec.rules ?? []).flatMap((rule, i) => validateRule(rule, SPEC.child('rules').index(i))),
  ];
  const mandatory = MANDATORY_FLOW_SCHEMAS.find(({ metadata }) => metadata.name === name)?.spec;
  if (mandatory === undefined || deepEqual(spec, mandatory)) return errors;
  return [...errors, invalid(SPEC, spec, `spec of '${name}' must equal the fixed value`)];
}

function validatePrecedence({ matchingPrecedence: precedence = 0 }: FlowSchemaSpec, name: string): FieldError[] {
  const path = SPEC.child('matchingPrecedence');
  if (precedence <= 0) return [invalid(path, precedence, 'must be a positive value')];
  if (precedence > MAX_PRECEDENCE) return [invalid(path, precedence, `must not be greater than ${MAX_PRECEDENCE}`)];
  if (precedence !== 1 || name === 'exempt') return [];
  return [invalid(path, precedence, "only the schema named 'exempt' may have matchingPrecedence 1")];
}

function validateDistinguisher({ distinguisherMethod: method }: FlowSchemaSpec): FieldError[] {
  if (!method || DISTINGUISHERS.includes(method.type)) return [];
  return [notSupported(SPEC.child('distinguisherMethod', 'type'), { Type: method.type ?? '' }, DISTINGUISHERS)];
}

function validateLevelName(name: string): FieldError[] {
  const path = SPEC.child('priorityLevelConfiguration', 'name');
  if (name === '') return [required(path, 'must reference a priority level')];
  return invalidEach(path, name, isDns1123Subdomain(name));
}

function validateRule(rule: PolicyRules, path: FieldPath): FieldError[] {
  const { subjects = [] } = rule;
  const subjectsPath = path.child('subjects');
  const errors =
    subjects.length === 0
      ? [required(subjectsPath, 'subjects must contain at least one value')]
      : subjects.flatMap((subject, i) => validateSubject(subject, subjectsPath.index(i)));
  return [...errors, ...validatePolicyRules(rule, path)];
}

/** Kind of a subject to the field that names it. */
const SUBJECT_FIELDS = { ServiceAccount: 'serviceAccount', User: 'user', Group: 'group' } as const;

function validateSubject(subject: Subject, path: FieldPath): FieldError[] {
  const { kind = '' } = subject;
  if (!SUBJECT_KINDS.includes(kind)) return [notSupported(path.child('kind'), kind, SUBJECT_KINDS)];
  const own = SUBJECT_FIELDS[kind as keyof typeof SUBJECT_FIELDS];
  const errors = validateNamed(subject, own, path.child(own));
  for (const [otherKind, field] of Object.entries(SUBJECT_FIELDS)) {
    if (field === own || !subject[field]) continue;
    errors.push(forbidden(path.child(field), `${field} is forbidden when subject kind is not '${otherKind}'`));
  }
  return errors;
}

function validateNamed(subject: Subject, field: 'serviceAccount' | 'user' | 'group', path: FieldPath): FieldError[] {
  const named = subject[field];
  if (!named) return [required(path, `${field} is required when subject kind is '${subject.kind}'`)];
  const { name = '' } = named;
  const errors = name === '' ? [required(path.child('name'))] : [];
  if (field !== 'serviceAccount') return errors;
  const namePath = path.child('name');
  if (name !== '' && name !== '*') errors.push(...invalidEach(namePath, name, isDns1123Subdomain(name)));
  const { namespace = '' } = named as { namespace?: string };
  const namespacePath = path.child('namespace');
  if (namespace === '') return [...errors, required(namespacePath, 'must specify namespace for service account')];
  return [...errors, ...invalidEach(namespacePath, namespace, isDns1123Label(namespace))];
}
