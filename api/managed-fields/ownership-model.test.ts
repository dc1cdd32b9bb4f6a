import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ApiError } from '../machinery/errors.ts';
import type { ApiObject, ManagedFieldsEntry } from '../machinery/meta.ts';
import type { Schema } from '../schema/schema.ts';
import { loadSchemaTable } from '../schema/table.ts';
import { applyPatch } from './apply.ts';
import { fieldsOf } from './compare.ts';
import type { FieldSet } from './field-set.ts';
import { isMember, rootDifference } from './field-set.ts';
import { recordUpdate } from './managed-fields.ts';
import type { ModelObject } from './ownership-model.ts';
import { OwnershipModel, sorted } from './ownership-model.ts';
import { rootShape } from './shape.ts';

const table = loadSchemaTable();
const time = '2024-01-01T00:00:00Z';
const apiVersion = 'x/v1';
const text: Schema = { type: 'string' };
const schema: Schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        plain: text,
        atomic: { type: 'array', items: text },
        struct: { type: 'object', properties: { x: text, y: text } },
        map: { type: 'object', additionalProperties: text },
        set: { type: 'array', items: text, listType: 'set' },
        list: {
          type: 'array',
          listType: 'map',
          listMapKeys: ['name'],
          items: { type: 'object', properties: { name: text, v: text, w: text } },
        },
      },
    },
  },
};
const kind = { apiVersion, schema, table };

const value = fc.constantFrom('1', '2');
const names = fc.constantFrom('a', 'b', 'c');
const objects: fc.Arbitrary<ModelObject> = fc.record(
  {
    plain: value,
    atomic: fc.array(value, { minLength: 1, maxLength: 2 }),
    struct: fc.record({ x: value, y: value }, { requiredKeys: [] }),
    map: fc.dictionary(names, value, { noNullPrototype: true }),
    set: fc.uniqueArray(names, { minLength: 1 }),
    list: fc.uniqueArray(fc.record({ name: names, v: value, w: value }, { requiredKeys: ['name'] }), {
      selector: (item) => item.name,
      minLength: 1,
    }),
  },
  { requiredKeys: [] },
);

interface Step {
  verb: 'apply' | 'force' | 'update';
  manager: string;
  object: ModelObject;
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({ verb: fc.constantFrom('apply', 'force', 'update'), manager: names, object: objects.map(withoutEmpty) }),
  { minLength: 1, maxLength: 8 },
);

/** The model has no containers without contents. */
function withoutEmpty({ struct = {}, map = {}, ...rest }: ModelObject): ModelObject {
  return {
    ...rest,
    ...(Object.keys(struct).length > 0 ? { struct } : {}),
    ...(Object.keys(map).length > 0 ? { map } : {}),
  };
}

class Subject {
  object: ApiObject & { spec?: ModelObject } = { metadata: { name: 'x' } };
  entries: ManagedFieldsEntry[] = [];
  #exists = false;

  /** Whether it was refused. */
  apply(manager: string, spec: ModelObject, force: boolean): boolean {
    const applied = configuration(spec);
    const rest = { live: this.object, applied, managedFields: this.entries, manager, force, time };
    try {
      const result = applyPatch({ ...kind, ...rest });
      this.object = result.object;
      this.entries = result.managedFields;
      this.#exists = true;
      return false;
    } catch (error) {
      if (error instanceof ApiError && error.code === 409) return true;
      throw error;
    }
  }

  update(manager: string, spec: ModelObject): void {
    const next = configuration(spec);
    const previous = this.#exists && this.entries.length > 0 ? this.object : undefined;
    this.entries = recordUpdate({
      ...kind,
      previous,
      next,
      managedFields: this.entries,
      manager,
      time,
    });
    this.object = next;
    this.#exists = true;
  }

  /** Who holds what, in the model's words. */
  holders(): Map<string, Set<string>> {
    const holders = new Map<string, Set<string>>();
    for (const { manager, operation, fieldsV1 } of this.entries) {
      const spec = (fieldsV1 as FieldSet)['f:spec'] ?? {};
      for (const path of pathsOf(spec))
        holders.set(path, (holders.get(path) ?? new Set()).add(`${operation} ${manager}`));
    }
    return holders;
  }
}

const configuration = (spec: ModelObject): ApiObject & { spec?: ModelObject } => ({
  metadata: { name: 'x' },
  ...(Object.keys(spec).length > 0 ? { spec: structuredClone(spec) } : {}),
});

function pathsOf(node: FieldSet, prefix = ''): string[] {
  return Object.entries(node).flatMap(([element, child]) => {
    if (element === '.') return [];
    const rest = element.slice(2);
    const name = element.startsWith('f:')
      ? rest
      : element.startsWith('v:')
        ? (JSON.parse(rest) as string)
        : (JSON.parse(rest) as { name: string }).name;
    const path = `${prefix}${name}`;
    return [...(isMember(child) ? [path] : []), ...pathsOf(child, `${path} `)];
  });
}

describe('ownership of fields, over random applies and updates by several managers', () => {
  it('is what the model says, and so is the object', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const subject = new Subject();
        const model = new OwnershipModel();
        for (const { verb, manager, object } of sequence) {
          if (verb === 'update') {
            subject.update(manager, object);
            model.update(`Update ${manager}`, object);
          } else {
            const isRefused = subject.apply(manager, object, verb === 'force');
            expect(isRefused).toBe(model.apply(`Apply ${manager}`, object, verb === 'force').size > 0);
          }
          expect(sorted(subject.object.spec ?? {})).toEqual(sorted(model.object()));
          expect(subject.holders()).toEqual(model.holders);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('names nothing that is not there, and applying again changes nothing', () => {
    const shape = rootShape(table, schema);
    fc.assert(
      fc.property(steps, objects.map(withoutEmpty), (sequence, last) => {
        const subject = new Subject();
        for (const { verb, manager, object } of sequence) {
          if (verb === 'update') subject.update(manager, object);
          else subject.apply(manager, object, verb === 'force');
        }
        subject.apply('a', last, true);
        const before = structuredClone([subject.object, subject.entries]);
        expect(subject.apply('a', last, false)).toBe(false);
        expect([subject.object, subject.entries]).toEqual(before);
        const present = fieldsOf(shape, subject.object) ?? {};
        for (const { operation, fieldsV1 } of subject.entries) {
          const absent = rootDifference(fieldsV1 as FieldSet, present) ?? {};
          if (operation === 'Apply') expect(absent).toEqual({});
        }
      }),
      { numRuns: 150 },
    );
  });
});
