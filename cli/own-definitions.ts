/** The definitions of the kinds that come with Nocher (`crds/`): made, or brought to this release, after each start. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { customResourceDefinitions } from '../api/apiextensions/v1/custom-resource-definition.ts';
import type { CustomResourceDefinition } from '../api/apiextensions/v1/types.ts';
import type { Client } from '../client/client.ts';
import { packageFolder } from './package-folder.ts';

/** Takes the fields of an earlier release back that this one no longer has: the manager is always the same. */
const FIELD_MANAGER = 'nocher';

/** In the order of their files' names. */
export function ownDefinitions(folder = join(packageFolder(), 'crds')): CustomResourceDefinition[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => parseDocument(readFileSync(join(folder, name), 'utf8')).toJS() as CustomResourceDefinition);
}

/** Applied on the server: what somebody else has added to a definition stays, what is ours is as this release says. */
export async function installOwnDefinitions(client: Client, definitions = ownDefinitions()): Promise<void> {
  for (const definition of definitions) {
    await client.patch(
      customResourceDefinitions,
      { name: definition.metadata.name! },
      { type: 'apply', body: definition, force: true, fieldManager: FIELD_MANAGER },
    );
  }
}
