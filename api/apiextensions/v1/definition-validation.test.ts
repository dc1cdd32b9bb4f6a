import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import { customResourceDefinitions } from './custom-resource-definition.ts';
import { createErrors, decodedDefinition, updateErrors, withSchema } from './definition-fixture.ts';
import type { Change } from './definition-fixture.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionVersion, JsonSchemaProps } from './types.ts';

const { strategy } = customResourceDefinitions;

const LABEL =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

type Spec = CustomResourceDefinition['spec'];
type Version = CustomResourceDefinitionVersion;

const spec =
  (change: (spec: Spec) => unknown): Change =>
  (definition) =>
    void change(definition.spec);
const version = (change: (version: Version) => unknown): Change => spec(({ versions }) => change(versions[0]!));
const addVersion = (more: Partial<Version> = {}): Change =>
  spec(({ versions }) =>
    versions.push({ name: 'v2', served: true, storage: false, schema: versions[0]!.schema!, ...more }),
  );

it('passes an ordinary definition, and one of several versions', () => {
  expect(createErrors()).toEqual([]);
  expect(createErrors(addVersion())).toEqual([]);
  expect(createErrors(addVersion({ schema: { openAPIV3Schema: { type: 'object' } }, served: false }))).toEqual([]);
  expect(updateErrors(() => undefined)).toEqual([]);
});

describe('metadata.name and group', () => {
  it.each<[Change, string[]]>([
    [
      ({ metadata }) => (metadata.name = 'other.example.com'),
      ['metadata.name: Invalid value: "other.example.com": must be spec.names.plural+"."+spec.group'],
    ],
    [
      (definition) => {
        definition.spec.group = 'example';
        definition.metadata.name = 'widgets.example';
      },
      ['spec.group: Invalid value: "example": should be a domain with at least one dot'],
    ],
    [
      (definition) => {
        definition.spec.group = '';
        definition.metadata.name = 'widgets.';
      },
      ['spec.group: Required value'],
    ],
    [
      (definition) => {
        definition.spec.group = 'stable.k8s.io';
        definition.metadata.name = 'widgets.stable.k8s.io';
      },
      [
        'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
      ],
    ],
  ])('%#', (change, errors) => {
    expect(createErrors(change)).toEqual(errors);
  });
});

describe('scope and names', () => {
  it.each<[Change, string[]]>([
    [spec((s) => (s.scope = '')), ['spec.scope: Required value']],
    [
      spec((s) => (s.scope = 'Node')),
      ['spec.scope: Unsupported value: "Node": supported values: "Cluster", "Namespaced"'],
    ],
    [
      spec((s) => (s.names.kind = '')),
      ['spec.names.singular: Required value', 'spec.names.kind: Required value', 'spec.names.listKind: Required value'],
    ],
    [
      spec((s) => (s.names.kind = 'Wid_get')),
      [
        `spec.names.singular: Invalid value: "wid_get": ${LABEL}`,
        `spec.names.kind: Invalid value: "Wid_get": may have mixed case, but should otherwise match: ${LABEL}`,
        `spec.names.listKind: Invalid value: "Wid_getList": may have mixed case, but should otherwise match: ${LABEL}`,
      ],
    ],
    [
      spec((s) => (s.names.listKind = 'Widget')),
      ['spec.names.listKind: Invalid value: "Widget": kind and listKind may not be the same'],
    ],
    [
      spec((s) => Object.assign(s.names, { shortNames: ['a', 'B'], categories: ['all', '1'] })),
      [
        `spec.names.shortNames[1]: Invalid value: "B": ${LABEL}`,
        `spec.names.categories[1]: Invalid value: "1": ${LABEL}`,
      ],
    ],
  ])('%#', (change, errors) => {
    expect(createErrors(change)).toEqual(errors);
  });
});

describe('versions', () => {
  it.each<[Change, string[]]>([
    [
      spec((s) => (s.versions = [])),
      [
        'spec.versions: Invalid value: []: must have exactly one version marked as storage version',
        'status.storedVersions: Invalid value: []: must have at least one stored version',
      ],
    ],
    [
      version((v) => (v.name = 'V1')),
      [`spec.versions[0].name: Invalid value: "V1": ${LABEL}`, `spec.version: Invalid value: "V1": ${LABEL}`],
    ],
    [
      addVersion({ name: 'v1' }),
      [
        'spec.versions: Invalid value: [{"name":"v1","served":true,"storage":true},{"name":"v1","served":true,"storage":false}]: must contain unique version names',
      ],
    ],
    [
      addVersion({ storage: true }),
      [
        'spec.versions: Invalid value: [{"name":"v1","served":true,"storage":true},{"name":"v2","served":true,"storage":true}]: must have exactly one version marked as storage version',
        'status.storedVersions: Invalid value: ["v1"]: must have the storage version v2',
      ],
    ],
    [version((v) => delete v.schema), ['spec.versions[0].schema.openAPIV3Schema: Required value']],
    [addVersion({ schema: {} }), ['spec.versions[1].schema.openAPIV3Schema: Required value']],
    [
      version((v) => (v.deprecationWarning = 'soon')),
      ['spec.versions[0].deprecationWarning: Invalid value: "soon": can only be set for deprecated versions'],
    ],
    [version((v) => Object.assign(v, { deprecated: true, deprecationWarning: 'übler “Text”' })), []],
    [
      version((v) => Object.assign(v, { deprecated: true, deprecationWarning: '' })),
      ['spec.versions[0].deprecationWarning: Invalid value: "": must not be an empty string'],
    ],
    [
      version((v) => Object.assign(v, { deprecated: true, deprecationWarning: `é\n${'a'.repeat(254)}` })),
      [
        `spec.versions[0].deprecationWarning: Invalid value: "é\\n${'a'.repeat(254)}": must be <= 256 characters long`,
        `spec.versions[0].deprecationWarning: Invalid value: "é\\n${'a'.repeat(254)}": must only contain printable UTF-8 characters; non-printable character found at index 2`,
      ],
    ],
    [
      spec((s) => (s.preserveUnknownFields = true)),
      [
        'spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
      ],
    ],
  ])('%#', (change, errors) => {
    expect(createErrors(change)).toEqual(errors);
  });

  it('are named in messages unless they have everything in common', () => {
    const wrong = { openAPIV3Schema: { type: 'string' } };
    const atRoot = 'Invalid value: "string": must be object at the root';
    expect(createErrors(version((v) => (v.schema = wrong)))).toEqual([
      `spec.validation.openAPIV3Schema.type: ${atRoot}`,
    ]);
    expect(createErrors(addVersion({ schema: wrong }))).toEqual([
      `spec.versions[1].schema.openAPIV3Schema.type: ${atRoot}`,
    ]);
  });
});

describe('subresources and columns', () => {
  const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' };

  it.each<[Change, string[]]>([
    [version((v) => (v.subresources = { status: {}, scale })), []],
    [version((v) => (v.subresources = { scale: { ...scale, labelSelectorPath: '.status.selector' } })), []],
    [
      version((v) => (v.subresources = { scale: { specReplicasPath: '', statusReplicasPath: '' } })),
      [
        'spec.subresources.scale.specReplicasPath: Required value',
        'spec.subresources.scale.statusReplicasPath: Required value',
      ],
    ],
    [
      version(
        (v) =>
          (v.subresources = {
            scale: { specReplicasPath: 'spec.a', statusReplicasPath: '.spec.a', labelSelectorPath: '.metadata.a' },
          }),
      ),
      [
        'spec.subresources.scale.specReplicasPath: Invalid value: "spec.a": must be a simple json path starting with .',
        'spec.subresources.scale.statusReplicasPath: Invalid value: ".spec.a": should be a json path under .status',
        'spec.subresources.scale.labelSelectorPath: Invalid value: ".metadata.a": should be a json path under either .spec or .status',
      ],
    ],
    [
      addVersion({ subresources: { scale: { ...scale, specReplicasPath: '' } } }),
      ['spec.versions[1].subresources.scale.specReplicasPath: Required value'],
    ],
    [version((v) => (v.additionalPrinterColumns = [{ name: 'A', type: 'date', format: 'int32', jsonPath: '.a' }])), []],
    [
      version(
        (v) => (v.additionalPrinterColumns = [{} as never, { name: 'A', type: 'x', format: 'y', jsonPath: 'z' }]),
      ),
      [
        'spec.additionalPrinterColumns[0].name: Required value',
        'spec.additionalPrinterColumns[0].type: Required value: must be one of boolean,date,integer,number,string',
        'spec.additionalPrinterColumns[0].JSONPath: Required value',
        'spec.additionalPrinterColumns[1].type: Invalid value: "x": must be one of boolean,date,integer,number,string',
        'spec.additionalPrinterColumns[1].format: Invalid value: "y": must be one of byte,date,date-time,double,float,int32,int64,password',
        'spec.additionalPrinterColumns[1].JSONPath: Invalid value: "z": must be a simple json path starting with .',
      ],
    ],
  ])('%#', (change, errors) => {
    expect(createErrors(change)).toEqual(errors);
  });

  it('limit the root of the schema to what can be said of a status', () => {
    const rooted = (schema: JsonSchemaProps): string[] =>
      createErrors((definition) => {
        withSchema({ type: 'object', ...schema })(definition);
        definition.spec.versions[0]!.subresources = { status: {} };
      });
    const allowed =
      'only [Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations] fields are allowed at the root of the schema if the status subresource is enabled';
    expect(rooted({ description: 'd', required: ['spec'], properties: { spec: { type: 'object' } } })).toEqual([]);
    expect(rooted({ maxProperties: 0 })).toEqual([
      `spec.validation.openAPIV3Schema: Invalid value: {"maxProperties":0}: ${allowed}`,
    ]);
    expect(rooted({ type: 'string' })[0]).toBe(
      'spec.validation.openAPIV3Schema.type: Invalid value: "string": only "object" is allowed as the type at the root of the schema if the status subresource is enabled',
    );
  });
});

describe('selectable fields', () => {
  const fields = (...paths: string[]): Change =>
    version((v) => {
      v.selectableFields = paths.map((jsonPath) => ({ jsonPath }));
      const properties: Record<string, JsonSchemaProps> = { list: { type: 'array', items: { type: 'string' } } };
      for (let i = 0; i < 12; i++) properties[`f${i}`] = { type: 'string' };
      const spec = { type: 'object', properties };
      v.schema!.openAPIV3Schema = {
        type: 'object',
        properties: { spec, metadata: { type: 'object', properties: { name: { type: 'string' } } } },
      };
    });
  const many = Array.from({ length: 9 }, (_, i) => `.spec.f${i}`);

  it.each<[string[], string[]]>([
    [['.spec.f1', '.spec.f2'], []],
    [[''], ['[0].jsonPath: Required value']],
    [
      ['.spec.gone', 'spec', '.', ".spec['f1']", '.spec.f1.x'],
      [
        '[0].jsonPath: Invalid value: ".spec.gone": is an invalid path: does not refer to a valid field',
        '[1].jsonPath: Invalid value: "spec": is an invalid path: expected [ or . but got: spec',
        '[2].jsonPath: Invalid value: ".": is an invalid path: unexpected end of JSON path',
        '[3].jsonPath: Invalid value: ".spec[\'f1\']": is an invalid path: array notation is not allowed',
        '[4].jsonPath: Invalid value: ".spec.f1.x": is an invalid path: does not refer to a valid field',
      ],
    ],
    [
      ['.spec.list', '.metadata.name', '.spec.f1', '.spec.f1'],
      [
        '[0].jsonPath: Invalid value: ".spec.list": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
        '[1].jsonPath: Invalid value: ".metadata.name": must not point to fields in metadata',
        '[3].jsonPath: Duplicate value: ".spec.f1"',
      ],
    ],
    [many, [': Too many: 9: must have at most 8 items']],
  ])('%j', (paths, errors) => {
    expect(createErrors(fields(...paths))).toEqual(errors.map((error) => `spec.selectableFields${error}`));
  });

  it('may stay too many', () => {
    const relabel: Change = ({ metadata }) => (metadata.labels = { a: 'b' });
    expect(updateErrors(relabel, fields(...many))).toEqual([]);
    expect(updateErrors(fields(...many, '.spec.f10'), fields(...many))).toHaveLength(1);
  });
});

describe('conversion', () => {
  const service = { name: 'hook', namespace: 'default', path: '/convert' };
  const convert = (webhook: unknown, strategyName = 'Webhook'): Change =>
    spec((s) => (s.conversion = { strategy: strategyName, webhook: webhook as never }));

  it.each<[Change, string[]]>([
    [convert({ conversionReviewVersions: ['v1'], clientConfig: { service } }), []],
    [convert({ conversionReviewVersions: ['v7', 'v1beta1'], clientConfig: { url: 'https://a/b' } }), []],
    [convert(undefined, ''), ['strategy: Required value']],
    [convert(undefined, 'Magic'), ['strategy: Unsupported value: "Magic": supported values: "None", "Webhook"']],
    [
      convert(undefined),
      [
        'webhookClientConfig: Required value: required when strategy is set to Webhook',
        'conversionReviewVersions: Required value',
      ],
    ],
    [
      convert({ conversionReviewVersions: ['v1'], clientConfig: { service } }, 'None'),
      [
        'webhookClientConfig: Forbidden: should not be set when strategy is not set to Webhook',
        'conversionReviewVersions: Forbidden: should not be set when strategy is not set to Webhook',
      ],
    ],
    [
      convert({ conversionReviewVersions: ['v2', 'v2', 'V3'], clientConfig: {} }),
      [
        'webhookClientConfig: Required value: exactly one of url or service is required',
        'conversionReviewVersions[1]: Invalid value: "v2": duplicate version',
        `conversionReviewVersions[2]: Invalid value: "V3": ${LABEL}`,
        'conversionReviewVersions: Invalid value: ["v2","v2","V3"]: must include at least one of v1, v1beta1',
      ],
    ],
    [
      convert({ conversionReviewVersions: ['v1'], clientConfig: { service, url: 'https://a' } }),
      ['webhookClientConfig: Required value: exactly one of url or service is required'],
    ],
    // A bundle is checked once the kind is in use.
    [convert({ conversionReviewVersions: ['v1'], clientConfig: { service, caBundle: 'Cg==' } }), []],
  ])('%#', (change, errors) => {
    expect(createErrors(change)).toEqual(errors.map((error) => `spec.conversion.${error}`));
  });

  it('of an established kind gets no bundle that cannot be read, unless it had one', () => {
    const withBundle = (caBundle: string): Change =>
      convert({ conversionReviewVersions: ['v1'], clientConfig: { service, caBundle } });
    expect(updateErrors(withBundle('Cg=='))).toEqual([
      'spec.conversion.webhookClientConfig.caBundle: Invalid value: "Cg==": unable to load root certificates: unable to parse bytes as PEM block',
    ]);
    expect(updateErrors(withBundle('Cgo='), withBundle('Cg=='))).toEqual([]);
  });

  it('keeps review versions that nobody knows', () => {
    const withVersion = (name: string): Change =>
      convert({ conversionReviewVersions: [name], clientConfig: { service } });
    expect(updateErrors(withVersion('v8'), withVersion('v7'))).toEqual([]);
    expect(updateErrors(withVersion('v8'), withVersion('v1'))).toHaveLength(1);
  });
});

describe('an update', () => {
  it('keeps what objects are stored under', () => {
    const rename = spec((s) => {
      s.group = 'other.com';
      s.scope = 'Cluster';
      s.names.plural = 'wodgets';
      s.names.kind = 'Wodget';
    });
    expect(updateErrors(rename)).toEqual([
      'spec.scope: Invalid value: "Cluster": field is immutable',
      'spec.names.kind: Invalid value: "Wodget": field is immutable',
      'spec.group: Invalid value: "other.com": field is immutable',
      'spec.names.plural: Invalid value: "wodgets": field is immutable',
    ]);
    const next = decodedDefinition(rename);
    expect(strategy.validateUpdate!(next, decodedDefinition()).map(({ field }) => field)).toEqual([
      'spec.group',
      'spec.names.plural',
    ]);
  });

  it('keeps versions that objects may be stored in', () => {
    const rename = version((v) => (v.name = 'v2'));
    expect(updateErrors(rename)).toEqual([
      'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions',
    ]);
  });

  it('leaves definitions from before their rules alone', () => {
    const noSchema = version((v) => delete v.schema);
    expect(updateErrors(() => undefined, noSchema)).toEqual([
      'spec.versions[0].schema.openAPIV3Schema: Required value: because otherwise all fields are pruned',
    ]);
    const keepsAll: Change = (definition) => {
      noSchema(definition);
      definition.spec.preserveUnknownFields = true;
    };
    expect(updateErrors(() => undefined, keepsAll)).toEqual([]);
    const unapproved: Change = (definition) => {
      definition.spec.group = 'a.k8s.io';
      definition.metadata.name = 'widgets.a.k8s.io';
    };
    expect(updateErrors(() => undefined, unapproved)).toEqual([]);
  });

  it('may not start to keep unknown fields', () => {
    expect(updateErrors(spec((s) => (s.preserveUnknownFields = true)))).toHaveLength(1);
    const defaulted = withSchema({ type: 'object', properties: { a: { type: 'string', default: 'b' } } });
    const keeps = spec((s) => (s.preserveUnknownFields = true));
    expect(updateErrors(defaulted, keeps)).toEqual([
      'spec.preserveUnknownFields: Invalid value: true: must be false in order to use defaults in the schema',
    ]);
    const webhook = { conversionReviewVersions: ['v1'], clientConfig: { url: 'https://a' } };
    expect(
      updateErrors(
        spec((s) => (s.conversion = { strategy: 'Webhook', webhook })),
        keeps,
      ),
    ).toEqual([
      'spec.conversion.strategy: Invalid value: "Webhook": must be None if spec.preserveUnknownFields is true',
    ]);
  });

  it('of the status checks accepted names', () => {
    const next = decodedDefinition();
    next.status!.acceptedNames = { plural: 'A', kind: 'K', listKind: 'K' };
    next.status!.storedVersions = [];
    expect(strategy.status!.validateUpdate!(next, next).map(formatFieldError)).toEqual([
      `status.acceptedNames.plural: Invalid value: "A": ${LABEL}`,
      'status.acceptedNames.listKind: Invalid value: "K": kind and listKind may not be the same',
    ]);
  });
});

describe('warnings', () => {
  it('tell of formats that say nothing, once', () => {
    const formats = (...list: [string, string][]): Change =>
      withSchema({
        type: 'object',
        properties: Object.fromEntries(list.map(([type, format], i) => [`f${i}`, { type, format }])),
      });
    const change = formats(
      ['string', 'date-time'],
      ['string', 'x'],
      ['string', 'x'],
      ['integer', 'int32'],
      ['number', 'y'],
    );
    expect(strategy.warnings!(decodedDefinition(change), undefined)).toEqual([
      'unrecognized format "x"',
      'unrecognized format "y"',
    ]);
    const previous = decodedDefinition(formats(['string', 'x']));
    expect(strategy.warnings!(decodedDefinition(change), previous)).toEqual(['unrecognized format "y"']);
  });
});
