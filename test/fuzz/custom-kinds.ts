/** Custom kinds that are there in every run: rules, anything, numbers that may be text, embedded objects, versions. */

type Json = Record<string, unknown>;

export interface CustomKind {
  definition: Json;
  plural: string;
  kind: string;
  versions: readonly string[];
  hasStatus: boolean;
  sample: Json;
}

const GROUP = 'fuzz.example.com';

function custom(kind: string, schema: Json, more: { spec: Json; version?: Json; versions?: Json[] }): CustomKind {
  const plural = `${kind.toLowerCase()}s`;
  const openAPIV3Schema = {
    type: 'object',
    ...schema,
  };
  const first = {
    name: 'v1',
    served: true,
    storage: true,
    schema: { openAPIV3Schema },
    ...more.version,
  };
  const others = (more.versions ?? []).map((version) => ({ ...first, storage: false, ...version }));
  return {
    plural,
    kind,
    versions: ['v1', ...others.map(({ name }) => String((name as string | undefined) ?? 'v1'))],
    hasStatus: more.version?.['subresources'] !== undefined,
    sample: { apiVersion: `${GROUP}/v1`, kind, metadata: { name: 'sample' }, spec: more.spec },
    definition: {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.${GROUP}` },
      spec: {
        group: GROUP,
        scope: 'Namespaced',
        names: { plural, kind },
        versions: [first, ...others],
      },
    },
  };
}

const RULED = {
  properties: {
    spec: {
      type: 'object',
      required: ['size'],
      properties: {
        size: { type: 'integer', minimum: 0, maximum: 10, default: 1 },
        name: { type: 'string', maxLength: 64, pattern: '^(a+)+$|^[a-z]*$' },
        replicas: { type: 'integer', format: 'int32' },
        color: { type: 'string', enum: ['red', 'green'], default: 'red' },
        ports: {
          type: 'array',
          maxItems: 20,
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name', 'protocol'],
          items: {
            type: 'object',
            required: ['name'],
            properties: {
              name: { type: 'string', maxLength: 20 },
              protocol: { type: 'string', default: 'TCP', maxLength: 20 },
              port: { type: 'integer' },
            },
            'x-kubernetes-validations': [
              { rule: 'self.name != self.protocol', messageExpression: '"bad " + self.name' },
            ],
          },
        },
        tags: {
          type: 'array',
          maxItems: 30,
          'x-kubernetes-list-type': 'set',
          items: { type: 'string', maxLength: 30 },
        },
        limits: { type: 'object', maxProperties: 10, additionalProperties: { type: 'string', maxLength: 30 } },
        note: { type: 'string', nullable: true },
      },
      'x-kubernetes-validations': [
        { rule: '!has(self.replicas) || self.replicas >= 0', message: 'replicas must not be negative' },
        { rule: '!has(self.tags) || self.tags.all(a, self.tags.exists(b, a == b))' },
        { rule: 'self.color == oldSelf.color', reason: 'FieldValueForbidden', fieldPath: '.color' },
      ],
    },
    status: { type: 'object', properties: { replicas: { type: 'integer' }, selector: { type: 'string' } } },
  },
};

const MIXED = {
  properties: {
    spec: {
      type: 'object',
      properties: {
        port: { 'x-kubernetes-int-or-string': true },
        template: {
          type: 'object',
          'x-kubernetes-embedded-resource': true,
          'x-kubernetes-preserve-unknown-fields': true,
        },
        when: { type: 'string', format: 'date-time' },
        address: { type: 'string', format: 'ipv4' },
        id: { type: 'string', format: 'uuid' },
        data: { type: 'string', format: 'byte' },
        ratio: { type: 'number', multipleOf: 0.1 },
        either: {
          type: 'object',
          properties: { a: { type: 'string' }, b: { type: 'string' } },
          oneOf: [{ required: ['a'] }, { required: ['b'] }],
        },
        matrix: { type: 'array', items: { type: 'array', items: { type: 'number' } }, uniqueItems: false },
        atom: { type: 'object', 'x-kubernetes-map-type': 'atomic', additionalProperties: { type: 'integer' } },
      },
    },
  },
};

const columns = [
  { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
  { name: 'Any', type: 'string', jsonPath: '.spec.ports[*].name' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
];

const scale = {
  specReplicasPath: '.spec.replicas',
  statusReplicasPath: '.status.replicas',
  labelSelectorPath: '.status.selector',
};

export const CUSTOM_GROUP = GROUP;

export const customKinds: readonly CustomKind[] = [
  custom('Ruled', RULED, {
    spec: {
      size: 2,
      name: 'aaa',
      replicas: 1,
      ports: [{ name: 'http', port: 80 }],
      tags: ['a', 'b'],
      limits: { cpu: '1' },
    },
    version: {
      subresources: { status: {}, scale },
      additionalPrinterColumns: columns,
      selectableFields: [{ jsonPath: '.spec.color' }, { jsonPath: '.spec.size' }],
    },
    versions: [
      { name: 'v1beta1', deprecated: true },
      { name: 'v2', subresources: {}, selectableFields: [] },
    ],
  }),
  custom(
    'Loose',
    { 'x-kubernetes-preserve-unknown-fields': true },
    { spec: { anything: [1, 'a', { b: null }], more: { a: { b: 1.5 } } } },
  ),
  custom('Mixed', MIXED, {
    spec: {
      port: '80%',
      template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', labels: { a: 'b' } }, spec: { any: 1 } },
      when: '2026-01-01T00:00:00Z',
      address: '1.2.3.4',
      data: 'YQ==',
      ratio: 0.5,
      either: { a: 'x' },
      matrix: [[1, 2], []],
      atom: { a: 1 },
    },
  }),
];
