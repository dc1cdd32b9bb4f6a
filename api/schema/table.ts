/**
 * The schema table of the built-in kinds, as the build generated it. Reading happens when asked, never on import.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Schema, SchemaTable } from './schema.ts';

/** Model to field to text; the field `''` is the model itself. */
export type Descriptions = Readonly<Record<string, Readonly<Record<string, string>>>>;

/**
 * Reads the generated table from `folder`, by default the one beside the running program or in its checkout.
 * Throws when it was not generated. Costs some 10 ms: load it once and pass it on.
 */
export function loadSchemaTable(folder: string = findGenerated()): SchemaTable {
  return createSchemaTable(JSON.parse(readFileSync(join(folder, 'schema.json'), 'utf8')) as Record<string, Schema>);
}

/** The texts for OpenAPI and `kubectl explain`; a megabyte, so only when somebody asks. */
export function loadDescriptions(folder: string = findGenerated()): Descriptions {
  return JSON.parse(readFileSync(join(folder, 'descriptions.json'), 'utf8')) as Descriptions;
}

/** A table over schemas by name; `base` answers for names (and refs) that `schemas` does not have. */
export function createSchemaTable(schemas: Readonly<Record<string, Schema>>, base?: SchemaTable): SchemaTable {
  const own = new Map(Object.entries(schemas));
  const get = (name: string): Schema | undefined => own.get(name) ?? base?.get(name);
  return {
    get,
    resolve(schema) {
      let current = schema;
      for (let steps = 0; current.ref !== undefined; steps++) {
        const target = get(current.ref);
        if (target === undefined || steps > 16) throw new Error(`schema ${current.ref} is not in the table`);
        current = target;
      }
      return current;
    },
    names: () => [...new Set([...own.keys(), ...(base?.names() ?? [])])],
  };
}

/** Upward from this file, which in a release is the bundle itself. */
function findGenerated(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    for (const candidate of [join(folder, 'generated'), join(folder, 'dist/generated')]) {
      if (existsSync(join(candidate, 'schema.json'))) return candidate;
    }
    if (folder === dirname(folder)) break;
  }
  throw new Error(`no generated/schema.json above ${start}: run bin/generate-schema.ts`);
}
