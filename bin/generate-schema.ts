/**
 * Writes `dist/generated/{schema,descriptions}.json` from the pinned client package.
 * `--if-stale` does nothing when they are newer than everything they are made from.
 */
import { isGeneratedStale, writeGenerated } from '../api/schema/generator/write.ts';

if (!process.argv.includes('--if-stale') || isGeneratedStale()) {
  const { models, folder } = writeGenerated();
  process.stdout.write(`${models} models in ${folder}\n`);
}
