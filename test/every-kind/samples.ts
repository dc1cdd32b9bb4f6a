/**
 * The samples: for each kind the least that a user would apply, in `samples/<group>.<version>.<plural>.yaml`. A comment
 * `# change: <JSON>` is a merge patch that changes the spec, `# second: <JSON>` what makes a second object of it where
 * another name is not enough. A status in the sample is written through `/status`; the other ways must ignore it.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { ApiObject } from '../../api/machinery/meta.ts';
import type { Resource } from '../../api/machinery/resource.ts';

export type Json = Record<string, unknown>;

export interface SampleObject extends ApiObject {
  spec?: unknown;
  status?: Json;
}

export interface Sample {
  object: SampleObject;
  /** Undefined: nothing in the spec may change, or there is none. */
  change: Json | undefined;
  second: SampleObject;
}

const FOLDER = fileURLToPath(new URL('samples', import.meta.url));

export function sampleName({ group, version, names }: Resource): string {
  return `${group === '' ? 'core' : group}.${version}.${names.plural}`;
}

export function sampleNames(): string[] {
  return readdirSync(FOLDER).map((file) => file.replace(/\.yaml$/, ''));
}

/** Throws when there is none. */
export function sampleOf(resource: Resource): Sample {
  const file = join(FOLDER, `${sampleName(resource)}.yaml`);
  if (!existsSync(file)) throw new Error(`test/every-kind/samples has no ${sampleName(resource)}.yaml`);
  const text = readFileSync(file, 'utf8');
  const object = parse(text) as SampleObject;
  const comment = (word: string): Json | undefined => {
    const line = new RegExp(`^# ${word}: (.*)$`, 'm').exec(text);
    return line === null ? undefined : (JSON.parse(line[1]!) as Json);
  };
  const other = comment('second') ?? { metadata: { name: `${object.metadata?.name ?? ''}-two` } };
  return {
    object,
    change: comment('change'),
    second: merge(object as unknown as Json, other) as unknown as SampleObject,
  };
}

/** RFC 7396, for what tests want of it. */
export function merge(target: Json, patch: Json): Json {
  const merged: Json = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    merged[key] = isObject ? merge((merged[key] ?? {}) as Json, value as Json) : value;
  }
  return merged;
}
