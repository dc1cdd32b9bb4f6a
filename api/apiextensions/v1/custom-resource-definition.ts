/**
 * CustomResourceDefinition: a kind that a client adds (upstream: apiextensions-apiserver
 * `pkg/registry/customresourcedefinition/strategy.go`, `pkg/apis/apiextensions/v1/defaults.go`).
 */
import { defineResource } from '../../machinery/resource.ts';
import { setCondition } from './conditions.ts';
import { hasUnprunedDefaults, validateDefaults } from './default-values.ts';
import { DELETION_PENDING } from './finalization.ts';
import { validateDefinition, validateDefinitionStatus, validateDefinitionUpdate } from './definition-validation.ts';
import { warnOfFormats } from './format-warnings.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionNames, CustomResourceDefinitionSpec } from './types.ts';
import { ruleCompiler } from './rule-compiler.ts';
import type { SchemaChecks } from './schema-checks.ts';

/** Keeps a deleted definition until its objects are gone; put there when the definition is deleted. */
export const CUSTOM_RESOURCE_CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

/** What other modules know of the contents of schemas. */
const CHECKS: SchemaChecks = { defaults: validateDefaults, hasUnprunedDefaults, rules: ruleCompiler };

type Status = NonNullable<CustomResourceDefinition['status']>;

export const customResourceDefinitions = defineResource<CustomResourceDefinition>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  scope: 'Cluster',
  names: {
    plural: 'customresourcedefinitions',
    singular: 'customresourcedefinition',
    kind: 'CustomResourceDefinition',
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
  },
  schema: 'V1CustomResourceDefinition',
  storagePrefix: 'apiextensions.k8s.io/customresourcedefinitions',
  subresources: { status: {} },
  additionalPrinterColumns: [
    {
      name: 'Created At',
      type: 'date',
      description: 'When the definition was created',
      cell: ({ metadata }) => metadata.creationTimestamp ?? '',
    },
  ],
  strategy: {
    default: defaultDefinition,
    prepareForCreate(definition) {
      definition.status = { acceptedNames: { plural: '', kind: '' }, conditions: [], storedVersions: [] };
      addStorageVersion(definition);
    },
    prepareForUpdate(next, previous) {
      next.status = structuredClone(previous.status ?? {});
      addStorageVersion(next);
    },
    validate: (definition) => validateDefinition(definition, CHECKS),
    validateUpdate: (next, previous) => validateDefinitionUpdate(next, previous, CHECKS),
    warnings: warnOfFormats,
    allowUnconditionalUpdate: false,
    allowsPlainFinalizers: true,
    beginDeletion,
    status: { prepareForUpdate: prepareStatusUpdate, validateUpdate: validateDefinitionStatus },
  },
});

/** Its objects go first. */
function beginDeletion(definition: CustomResourceDefinition, nowMs: number): void {
  const { metadata } = definition;
  const finalizers = metadata.finalizers ?? [];
  if (!finalizers.includes(CUSTOM_RESOURCE_CLEANUP_FINALIZER))
    metadata.finalizers = [...finalizers, CUSTOM_RESOURCE_CLEANUP_FINALIZER];
  setCondition(definition, DELETION_PENDING, new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z'));
}

/** `SetDefaults_CustomResourceDefinition` and `SetDefaults_ServiceReference`. */
function defaultDefinition(definition: CustomResourceDefinition): void {
  const spec = (definition.spec ??= {} as CustomResourceDefinitionSpec);
  spec.versions ??= [];
  defaultNames((spec.names ??= {} as CustomResourceDefinitionNames));
  spec.conversion ??= { strategy: 'None' };
  const service = spec.conversion.webhook?.clientConfig?.service;
  if (service) service.port ??= 443;
  const status: Status = (definition.status ??= {});
  if ((status.storedVersions ?? []).length === 0) addStorageVersion(definition);
}

function defaultNames(names: CustomResourceDefinitionNames): void {
  const kind = names.kind ?? '';
  names.singular ||= kind.toLowerCase();
  if (kind !== '') names.listKind ||= `${kind}List`;
}

/** A version that objects are stored in stays listed until a client takes it out of the status. */
function addStorageVersion({ spec, status = {} }: CustomResourceDefinition): void {
  const storage = spec.versions.find((version) => version.storage)?.name;
  const stored = (status.storedVersions ??= []);
  if (storage !== undefined && !stored.includes(storage)) stored.push(storage);
}

/** Metadata may change with the status: that is how the finalizer goes. */
function prepareStatusUpdate(next: CustomResourceDefinition, previous: CustomResourceDefinition): void {
  next.spec = structuredClone(previous.spec);
  // Feature gate CRDObservedGenerationTracking, off by default.
  const { status } = next;
  delete status?.observedGeneration;
  for (const condition of status?.conditions ?? []) delete condition.observedGeneration;
}
