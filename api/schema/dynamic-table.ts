/** A schema table to which custom kinds add theirs while the server runs. */
import type { Schema, SchemaTable } from './schema.ts';

export interface DynamicSchemaTable extends SchemaTable {
  /** Names are used once: whoever keeps what is derived from a schema need not be told of changes. */
  set(name: string, schema: Schema): void;
  delete(name: string): void;
}

/** `base` answers for names that were not added. */
export function createDynamicTable(base: SchemaTable): DynamicSchemaTable {
  const added = new Map<string, Schema>();
  const get = (name: string): Schema | undefined => added.get(name) ?? base.get(name);
  return {
    get,
    resolve: (schema) =>
      schema.ref !== undefined && added.has(schema.ref) ? added.get(schema.ref)! : base.resolve(schema),
    names: () => [...base.names(), ...added.keys()],
    set: (name, schema) => void added.set(name, schema),
    delete: (name) => void added.delete(name),
  };
}
