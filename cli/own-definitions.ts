/** The definitions of the kinds that come with Nocher (`crds/`): made, or brought to this release, after each start. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { customResourceDefinitions } from '../api/apiextensions/v1/custom-resource-definition.ts';
import type { CustomResourceDefinition } from '../api/apiextensions/v1/types.ts';
import { isNotFound } from '../api/machinery/errors.ts';
import type { Client } from '../client/client.ts';
import { packageFolder } from './package-folder.ts';

/** Takes the fields of an earlier release back that this one no longer has: the manager is always the same. */
const FIELD_MANAGER = 'nocher';
/** What was applied last, so that a start with nothing new costs one read. */
const DIGEST = 'nocher.io/definition-digest';

/** In the order of their files' names; from the build, or from the files where they are newer. */
export async function ownDefinitions(root = packageFolder()): Promise<CustomResourceDefinition[]> {
  const folder = join(root, 'crds');
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => join(folder, name));
  const built = join(root, 'dist', 'generated', 'definitions.json');
  const newestMs = Math.max(...files.map((file) => statSync(file).mtimeMs));
  if (existsSync(built) && statSync(built).mtimeMs >= newestMs)
    return JSON.parse(readFileSync(built, 'utf8')) as CustomResourceDefinition[];
  const { parse } = await import('yaml');
  return files.map((file) => parse(readFileSync(file, 'utf8')) as CustomResourceDefinition);
}

/**
 * Applied on the server where this release's differs from what was applied last: what somebody else has added to a
 * definition stays, and what is ours is as this release says.
 */
export async function installOwnDefinitions(
  client: Client,
  definitions?: readonly CustomResourceDefinition[],
): Promise<void> {
  for (const definition of definitions ?? (await ownDefinitions())) {
    const digest = createHash('sha256').update(JSON.stringify(definition)).digest('hex').slice(0, 16);
    const name = { name: definition.metadata.name! };
    if ((await digestOf(client, name)) === digest) continue;
    const annotations = { ...definition.metadata.annotations, [DIGEST]: digest };
    const body = { ...definition, metadata: { ...definition.metadata, annotations } };
    const options = { force: true, fieldManager: FIELD_MANAGER };
    await client.patch(customResourceDefinitions, name, { type: 'apply', body, ...options });
  }
}

async function digestOf(client: Client, name: { name: string }): Promise<string | undefined> {
  try {
    const { metadata } = await client.get<CustomResourceDefinition>(customResourceDefinitions, name);
    return metadata.annotations?.[DIGEST];
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
