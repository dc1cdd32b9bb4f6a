/** The mutations of one policy: JSON patches and apply configurations (apiserver `pkg/admission/plugin/policy/mutating/patch`). */
import { listOf } from '../../../api/admissionregistration/v1/group.ts';
import type { MutatingAdmissionPolicy } from '../../../api/admissionregistration/v1/mutating-admission-policy.ts';
import type { ApiObject } from '../../../api/machinery/meta.ts';
import { formOf, partOf } from '../../../api/managed-fields/compare.ts';
import { mergeValues } from '../../../api/managed-fields/merge.ts';
import type { Shape } from '../../../api/managed-fields/shape.ts';
import { rootShape } from '../../../api/managed-fields/shape.ts';
import { applyJsonPatch } from '../../../api/patch/json-patch.ts';
import { cloneJson } from '../../../api/patch/json-value.ts';
import type { SchemaTable } from '../../../api/schema/schema.ts';
import type { AdmissionAttributes } from '../admission.ts';
import type { CompiledText } from '../expressions/compiled-expression.ts';
import { compiledExpression, ExpressionFailure } from '../expressions/compiled-expression.ts';
import { withVariables } from '../expressions/request-activation.ts';
import { valueAsJson } from '../expressions/value-json.ts';
import type { MatchedResource } from '../matching/request-matcher.ts';
import type { PolicyProgram } from './policy-program.ts';

export interface MutationProgram {
  schemas: SchemaTable;
  mutations: readonly { type: 'jsonPatch' | 'applyConfiguration'; expression: CompiledText }[];
}

export interface MutationInput {
  program: PolicyProgram;
  base: Readonly<Record<string, unknown>>;
  object: ApiObject;
  matched: MatchedResource;
  attributes: AdmissionAttributes;
}

export function mutationProgram(
  { spec }: MutatingAdmissionPolicy,
  { compiler }: PolicyProgram,
  schemas: SchemaTable,
): MutationProgram {
  const mutations = listOf(spec.mutations).map(({ patchType, jsonPatch, applyConfiguration }) => {
    const type = patchType === 'JSONPatch' ? ('jsonPatch' as const) : ('applyConfiguration' as const);
    const text = (type === 'jsonPatch' ? jsonPatch : applyConfiguration)?.expression ?? '';
    return { type, expression: compiledExpression(compiler, text, type) };
  });
  return { schemas, mutations };
}

/** A copy of the object with all mutations, each of which sees what the one before has made. Throws ExpressionFailure. */
export function mutated({ mutations, schemas }: MutationProgram, input: MutationInput): unknown {
  const { program, base, matched, attributes } = input;
  let object = cloneJson(input.object) as unknown;
  for (const { type, expression } of mutations) {
    // Variables may read the object: they are computed again.
    const evaluation = program.evaluation(withVariables(base, { object }));
    const value = valueAsJson(expression.evaluate(evaluation.activation, evaluation.budget));
    const schema = attributes.form?.schema ?? matched.resource.schema;
    object = type === 'jsonPatch' ? patched(object, value) : merged(object, value, { schemas, schema });
  }
  return object;
}

function patched(object: unknown, operations: unknown): unknown {
  try {
    return applyJsonPatch(cloneJson(object), operations);
  } catch (error) {
    throw new ExpressionFailure(`JSON Patch: ${(error as Error).message}`);
  }
}

function merged(
  object: unknown,
  configuration: unknown,
  { schemas, schema }: { schemas: SchemaTable; schema: string },
): unknown {
  const shape = rootShape(schemas, schema);
  const atomics = atomicPaths(shape, configuration, '');
  if (atomics.length > 0) {
    const problem = `may not mutate atomic arrays, maps or structs: ${atomics.join(', ')}`;
    throw new ExpressionFailure(`error applying patch: invalid ApplyConfiguration: ${problem}`);
  }
  return cloneJson(mergeValues(shape, object, configuration));
}

/** Where the configuration would replace a whole that nobody can own in parts, and lose what it does not repeat. */
function atomicPaths(shape: Shape | undefined, value: unknown, path: string): string[] {
  if (shape === undefined || typeof value !== 'object' || value === null) return [];
  const form = formOf(shape, value);
  if (form === 'leaf') return [path];
  if (Array.isArray(value)) return value.flatMap((item, i) => atomicPaths(shape.element, item, `${path}[${i}]`));
  return Object.entries(value).flatMap(([name, part]) => atomicPaths(partOf(shape, name), part, `${path}.${name}`));
}
