import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import type { StrategyContext } from '../../machinery/resource.ts';
import { customResourceDefinitions } from './custom-resource-definition.ts';
import type { CustomResourceDefinition } from './types.ts';

const context: StrategyContext = { user: { name: 'u', groups: [] }, nowMs: 0, dryRun: false };
const { strategy } = customResourceDefinitions;

function decoded(change: (spec: CustomResourceDefinition['spec']) => void = () => undefined): CustomResourceDefinition {
  const definition = parse(`
    metadata: {name: widgets.example.com}
    spec:
      group: example.com
      scope: Namespaced
      names: {plural: widgets, kind: Widget}
      versions:
        - {name: v1beta1, served: true, storage: false, schema: {openAPIV3Schema: {type: object}}}
        - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}`) as CustomResourceDefinition;
  change(definition.spec);
  strategy.default!(definition);
  return definition;
}

describe('default()', () => {
  it('derives names, converts nothing, and lists the storage version', () => {
    const { spec, status } = decoded();
    expect(spec.names).toEqual({ plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' });
    expect(spec.conversion).toEqual({ strategy: 'None' });
    expect(status).toEqual({ storedVersions: ['v1'] });
    expect(decoded((s) => (s.names.singular = 'wid')).spec.names.singular).toBe('wid');
  });

  it('gives the service of a conversion webhook its port', () => {
    const webhook = { conversionReviewVersions: ['v1'], clientConfig: { service: { name: 's', namespace: 'n' } } };
    const { spec } = decoded((s) => (s.conversion = { strategy: 'Webhook', webhook }));
    expect(spec.conversion!.webhook!.clientConfig!.service!.port).toBe(443);
  });

  it('bears a definition without anything', () => {
    const bare = { metadata: {} } as CustomResourceDefinition;
    strategy.default!(bare);
    expect(bare.spec.versions).toEqual([]);
    expect(bare.spec.names.singular).toBe('');
    expect(bare.spec.names.listKind).toBeUndefined();
  });
});

describe('status', () => {
  it('starts empty but for the stored version, whatever the client sent', () => {
    const definition = decoded();
    definition.status = { storedVersions: ['v9'], conditions: [{ type: 'Established', status: 'True' }] };
    strategy.prepareForCreate!(definition, context);
    expect(definition.status).toEqual({
      acceptedNames: { plural: '', kind: '' },
      conditions: [],
      storedVersions: ['v1'],
    });
  });

  it('is kept by an update of the spec, which adds a new storage version', () => {
    const previous = decoded();
    previous.status = { storedVersions: ['v1'], acceptedNames: { plural: 'widgets', kind: 'Widget' } };
    const next = decoded((s) => s.versions.forEach((version) => (version.storage = version.name === 'v1beta1')));
    strategy.prepareForUpdate!(next, previous, context);
    expect(next.status).toEqual({
      storedVersions: ['v1', 'v1beta1'],
      acceptedNames: { plural: 'widgets', kind: 'Widget' },
    });
    expect(previous.status.storedVersions).toEqual(['v1']);
  });

  it('changes alone when it is written, without observed generations', () => {
    const previous = decoded();
    const next = decoded((s) => (s.group = 'other.com'));
    next.status = {
      observedGeneration: 2,
      conditions: [{ type: 'Established', status: 'True', observedGeneration: 2 }],
      storedVersions: ['v1'],
    };
    strategy.status!.prepareForUpdate!(next, previous, context);
    expect(next.spec.group).toBe('example.com');
    expect(next.status).toEqual({
      conditions: [{ type: 'Established', status: 'True' }],
      storedVersions: ['v1'],
    });
  });
});

describe('columns', () => {
  it('show when the definition was created', () => {
    const { additionalPrinterColumns: columns } = customResourceDefinitions;
    expect(columns.map(({ name }) => name)).toEqual(['Created At']);
    const definition = decoded();
    definition.metadata.creationTimestamp = '2026-01-02T03:04:05Z';
    expect(columns[0]!.cell(definition, 0)).toBe('2026-01-02T03:04:05Z');
  });
});
