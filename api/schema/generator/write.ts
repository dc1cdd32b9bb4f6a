/**
 * Reads the client package's models from disk and writes the generated files; knows when they are out of date.
 */
import { mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateSchemas } from './generate.ts';
import { readModel, readModelNames } from './model-text.ts';
import type { Model } from './model-text.ts';
import { withOlderModels } from './older.ts';

const CHECKOUT = fileURLToPath(new URL('../../..', import.meta.url));
const MODELS = join(CHECKOUT, 'node_modules/@kubernetes/client-node/dist/gen/models');
const OUTPUT = join(CHECKOUT, 'dist/generated');

/** Reads every model in use, and makes the older ones; throws on text that it does not know. */
export function readModels(folder: string = MODELS): Model[] {
  const names = readModelNames(readFileSync(join(folder, 'all.d.ts'), 'utf8'));
  const models = names.map((name) =>
    readModel(name, {
      script: readFileSync(join(folder, `${name}.js`), 'utf8'),
      declaration: readFileSync(join(folder, `${name}.d.ts`), 'utf8'),
    }),
  );
  return withOlderModels(models);
}

/** Writes `schema.json` and `descriptions.json`; readers never see half a file. */
export function writeGenerated(folder: string = OUTPUT): { models: number; folder: string } {
  const models = readModels();
  const { schemas, descriptions } = generateSchemas(models);
  mkdirSync(folder, { recursive: true });
  writeWhole(join(folder, 'descriptions.json'), descriptions);
  writeWhole(join(folder, 'schema.json'), schemas);
  return { models: models.length, folder };
}

/** Whether the generated files are missing or older than the package or this generator. */
export function isGeneratedStale(folder: string = OUTPUT): boolean {
  const written = [join(folder, 'schema.json'), join(folder, 'descriptions.json')].map(modifiedMs);
  return Math.min(...written) < Math.max(...inputs().map(modifiedMs));
}

/** Files that the output depends on. */
function inputs(): string[] {
  const here = dirname(fileURLToPath(import.meta.url));
  const tables = ['definitions.ts', 'markers.ts', 'older-models.ts', 'scalars.ts'].map((name) =>
    join(here, '..', name),
  );
  const generator = readdirSync(here).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  return [...tables, ...generator.map((name) => join(here, name)), join(CHECKOUT, 'package-lock.json')];
}

function modifiedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function writeWhole(path: string, value: unknown): void {
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, JSON.stringify(value));
  renameSync(draft, path);
}
