/** Definitions for tests, as a server has them after decoding and defaulting. */
import { parse } from 'yaml';
import { formatFieldError } from '../../machinery/field-error.ts';
import type { StrategyContext } from '../../machinery/resource.ts';
import { customResourceDefinitions } from './custom-resource-definition.ts';
import type { CustomResourceDefinition, JsonSchemaProps } from './types.ts';

const { strategy } = customResourceDefinitions;
const context: StrategyContext = { user: { name: 'u', groups: [] }, nowMs: 0, dryRun: false };

export type Change = (definition: CustomResourceDefinition) => void;

/** An accepted Widget with one version, v1. `change` happens before defaults. */
export function decodedDefinition(change: Change = () => undefined): CustomResourceDefinition {
  const definition = parse(`
    metadata: {name: widgets.example.com}
    spec:
      group: example.com
      scope: Namespaced
      names: {plural: widgets, kind: Widget, shortNames: [wd], categories: [all]}
      versions:
        - name: v1
          served: true
          storage: true
          schema:
            openAPIV3Schema:
              type: object
              properties:
                spec:
                  type: object
                  properties: {replicas: {type: integer}, color: {type: string, enum: [red, blue]}}`) as CustomResourceDefinition;
  change(definition);
  strategy.default!(definition);
  strategy.prepareForCreate!(definition, context);
  return definition;
}

export function createErrors(change?: Change): string[] {
  return strategy.validate!(decodedDefinition(change)).map(formatFieldError);
}

/** `previous` is established, and changed as both are by `before`. */
export function updateErrors(change: Change, before: Change = () => undefined): string[] {
  const previous = decodedDefinition(before);
  previous.status!.conditions = [{ type: 'Established', status: 'True' }];
  const next = decodedDefinition((definition) => {
    before(definition);
    change(definition);
  });
  strategy.prepareForUpdate!(next, previous, context);
  return strategy.validateUpdate!(next, previous).map(formatFieldError);
}

export const SCHEMA_PATH = 'spec.validation.openAPIV3Schema';

/** Problems of a schema that is the only version's, without the path to it. */
export function schemaErrors(openAPIV3Schema: JsonSchemaProps): string[] {
  return createErrors(withSchema(openAPIV3Schema)).map((error) => error.replace(`${SCHEMA_PATH}.`, ''));
}

/** Problems of a field `spec.x`, without the path to it. */
export function fieldErrors(x: JsonSchemaProps): string[] {
  const errors = schemaErrors({ type: 'object', properties: { spec: { type: 'object', properties: { x } } } });
  return errors.map((error) => error.replace('properties[spec].properties[x].', ''));
}

export function withSchema(openAPIV3Schema: JsonSchemaProps): Change {
  return ({ spec }) => (spec.versions[0]!.schema = { openAPIV3Schema });
}
