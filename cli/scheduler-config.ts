/** `--scheduler-config`: reads the scheduler's configuration file, and says what is wrong with it in one go. */
import { readFileSync } from 'node:fs';
import { parse, YAMLParseError } from 'yaml';
import type { SchedulerConfiguration } from '../scheduler/configuration.ts';
import { ConfigurationError, readConfiguration } from '../scheduler/configuration.ts';
import { UsageError } from './config.ts';

const MAX_BYTES = 1024 * 1024;

/** Of a YAML or JSON file. Throws `UsageError`. */
export function readSchedulerConfig(path: string): SchedulerConfiguration {
  const problem = (text: string): UsageError => new UsageError(`--scheduler-config: ${path}: ${text}`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw problem((error as Error).message.split(',')[0]!);
  }
  if (text.length > MAX_BYTES) throw problem('is larger than 1 MiB');
  try {
    return readConfiguration(parse(text, { maxAliasCount: 0 }));
  } catch (error) {
    if (error instanceof ConfigurationError) throw problem(error.message);
    if (error instanceof YAMLParseError) throw problem(error.message.split('\n')[0]!);
    // Aliases, which a small file can blow up with.
    throw problem((error as Error).message);
  }
}
