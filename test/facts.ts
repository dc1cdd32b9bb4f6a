/**
 * Finds the folder of facts about upstream that some tests compare with. Where it is absent they are skipped, by name.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The path of `name` in the folder of facts (`NOCHER_FACTS`, or `../shared/data` beside the checkout or above it). */
export function findFacts(name: string): string | undefined {
  const given = process.env['NOCHER_FACTS'];
  if (given !== undefined) return existsSync(join(given, name)) ? join(given, name) : undefined;
  const start = fileURLToPath(new URL('..', import.meta.url));
  for (let folder = dirname(start); folder !== dirname(folder); folder = dirname(folder)) {
    const candidate = join(folder, 'shared/data', name);
    if (existsSync(candidate)) return candidate;
  }
  return undefined;
}
