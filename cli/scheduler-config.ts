/**
 * `--scheduler-config`: reads the scheduler's configuration file, and says what is wrong with it in one go. What the
 * cluster goes by stays in the data folder for `nocher why`: the file may change meanwhile.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { parse, YAMLParseError } from 'yaml';
import type { SchedulerConfiguration } from '../scheduler/configuration.ts';
import { ConfigurationError, readConfiguration } from '../scheduler/configuration.ts';
import type { SchedulerProfile } from '../scheduler/profile.ts';
import { DEFAULT_PROFILES } from '../scheduler/profile.ts';
import { UsageError } from './config.ts';
import type { DataFolder } from './data-folder.ts';

const MAX_BYTES = 1024 * 1024;

/** What a cluster is about to go by; without a file, upstream's defaults. Throws `UsageError`. */
export function takeSchedulerConfig(path: string | undefined, folder: DataFolder): SchedulerConfiguration | undefined {
  const kept = keptFile(folder);
  rmSync(kept, { force: true });
  if (path === undefined) return undefined;
  const { document, configuration } = readSchedulerConfig(path);
  writeFileSync(kept, JSON.stringify(withoutTls(document)), { mode: 0o600 });
  return configuration;
}

/** Of the cluster that was started last. */
export function keptProfiles(folder: DataFolder): readonly SchedulerProfile[] {
  const kept = keptFile(folder);
  return existsSync(kept) ? readSchedulerConfig(kept).configuration.profiles : DEFAULT_PROFILES;
}

function keptFile(folder: DataFolder): string {
  return folder.file('run', 'scheduler.json');
}

/** Keys stay where they are, and files of certificates may go. The document is one that was found right. */
function withoutTls(document: unknown): unknown {
  const { extenders, ...rest } = document as { extenders?: { tlsConfig?: unknown }[] | null };
  return { ...rest, extenders: (extenders ?? []).map(({ tlsConfig: _, ...extender }) => extender) };
}

/** Of a YAML or JSON file. Throws `UsageError`. */
export function readSchedulerConfig(path: string): { document: unknown; configuration: SchedulerConfiguration } {
  const problem = (text: string): UsageError => new UsageError(`--scheduler-config: ${path}: ${text}`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw problem((error as Error).message.split(',')[0]!);
  }
  if (text.length > MAX_BYTES) throw problem('is larger than 1 MiB');
  try {
    const document: unknown = parse(text, { maxAliasCount: 0 });
    return { document, configuration: readConfiguration(document) };
  } catch (error) {
    if (error instanceof ConfigurationError) throw problem(error.message);
    if (error instanceof YAMLParseError) throw problem(error.message.split('\n')[0]!);
    // Aliases, which a small file can blow up with.
    throw problem((error as Error).message);
  }
}
