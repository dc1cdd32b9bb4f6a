import { describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { GoField } from '../../test/go-types.ts';
import { readGoTypes } from '../../test/go-types.ts';
import { definitionName } from './definitions.ts';
import type { Schema } from './schema.ts';
import { loadSchemaTable } from './table.ts';
import { whenEmpty } from './zero-values.ts';

const table = loadSchemaTable();
const kubectl = fileURLToPath(new URL('../../dist/kubectl/35/kubectl', import.meta.url));
const withKubectl = existsSync(kubectl) ? it : it.skip;

describe('whenEmpty()', () => {
  it.each([
    ['V1PodSpec.hostNetwork', 'scalar', false, 'omitted'],
    ['V1PodSpec.nodeName', 'scalar', false, 'omitted'],
    ['V1Endpoint.nodeName', 'scalar', false, undefined],
    ['V1DeploymentSpec.replicas', 'scalar', false, undefined],
    ['V1DeploymentStatus.replicas', 'scalar', false, 'omitted'],
    ['V1ReplicaSetStatus.replicas', 'scalar', true, 'written'],
    ['V1ContainerStatus.ready', 'scalar', true, 'written'],
    ['V1EndpointConditions.ready', 'scalar', false, undefined],
    ['V1RoleRef.apiGroup', 'scalar', false, 'written'],
    ['V1Container.resources', 'struct', false, 'written'],
    ['V1PodSpec.resources', 'struct', false, undefined],
    ['V1PodSpec.securityContext', 'struct', false, undefined],
    ['V1PodSpec.volumes', 'container', false, 'omitted'],
    ['V1PodSpec.containers', 'container', true, undefined],
    ['V1Role.rules', 'container', false, undefined],
    ['V1PodCondition.lastProbeTime', 'time', false, 'written'],
    ['V1PodStatus.startTime', 'time', false, undefined],
    ['V1ObjectMeta.creationTimestamp', 'time', false, undefined],
    ['V1ManagedFieldsEntry.time', 'time', false, undefined],
    ['V1ControllerRevision.data', 'other', false, undefined],
  ] as const)('of %s, a %s', (key, kind, required, expected) => {
    const [model = '', name = ''] = key.split('.');
    expect(whenEmpty({ model, name, kind, required })).toBe(expected);
  });

  withKubectl('agrees with every field of the types in kubectl 1.35', () => {
    const types = readGoTypes(kubectl);
    const wrong: string[] = [];
    let compared = 0;
    for (const model of table.names()) {
      const fields = fieldsOf(types, goName(model));
      for (const [name, schema] of Object.entries(table.get(model)?.properties ?? {})) {
        const field = fields.get(name);
        if (field === undefined || HAVE_NO_RULE.has(schema.ref ?? '')) continue;
        compared++;
        const expected = expectedOf(field, schema);
        if (schema.whenEmpty !== expected) wrong.push(`${model}.${name}: ${schema.whenEmpty}, not ${expected}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(2500);
  });
});

/** Values with forms of their own. */
const HAVE_NO_RULE = new Set([
  'Quantity',
  'IntOrString',
  'RawExtension',
  'FieldsV1',
  'JSON',
  'EmptyObject',
  'CustomResourceSubresourceStatus',
]);

function expectedOf({ kind, json }: GoField, { ref }: Schema): Schema['whenEmpty'] {
  const omits = json.includes('omitempty');
  if (kind === 'pointer') return undefined;
  if (ref === 'Time' || ref === 'MicroTime') return json.includes('omitzero') ? undefined : 'written';
  if (kind === 'struct') return 'written';
  if (omits) return 'omitted';
  return kind === 'container' ? undefined : 'written';
}

/** `V1PodSpec` is `k8s.io/api/core/v1.PodSpec` in Go. */
function goName(model: string): string {
  const parts = (definitionName(model) ?? '').split('.');
  return `k8s.io/${parts.slice(2, -1).join('/')}.${parts.at(-1)}`;
}

/** By JSON's names, those of embedded structs included. */
function fieldsOf(types: ReadonlyMap<string, GoField[]>, name: string): Map<string, GoField> {
  const fields = new Map<string, GoField>();
  for (const field of types.get(name) ?? []) {
    if (field.json[0] !== '' || !field.embedded) {
      fields.set(field.json[0] === '' ? field.name : field.json[0]!, field);
      continue;
    }
    const [alias = '', inner = ''] = field.type.split('.');
    const own = name.slice(0, name.lastIndexOf('.'));
    const isMeta = ['TypeMeta', 'ObjectMeta', 'ListMeta'].includes(inner);
    // What another package lends (`time.Time`) is not followed.
    if (!isMeta && !own.endsWith(`/${alias}`)) continue;
    const owner = isMeta ? 'k8s.io/apimachinery/pkg/apis/meta/v1' : own;
    for (const [key, value] of fieldsOf(types, `${owner}.${inner}`)) fields.set(key, value);
  }
  return fields;
}
