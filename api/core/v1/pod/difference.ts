/** A short account of how two values differ, for error messages (upstream prints `cmp.Diff`, which is Go's syntax). */
import { deepEqual } from '../../../machinery/equality.ts';

const MAX_ENTRIES = 10;
const MAX_VALUE_LENGTH = 200;

interface Entry {
  path: string;
  before: unknown;
  after: unknown;
}

/** One entry per changed field below `path`: `path:` then `-` the old and `+` the new value, cut to a readable size. */
export function describeDifference(before: unknown, after: unknown, path: string): string {
  const entries: Entry[] = [];
  collect({ path, before, after }, entries);
  const shown = entries.slice(0, MAX_ENTRIES).map(format);
  if (entries.length > MAX_ENTRIES) shown.push(`  ... and ${entries.length - MAX_ENTRIES} more\n`);
  return shown.join('');
}

function collect({ path, before, after }: Entry, entries: Entry[]): void {
  if (deepEqual(before, after)) return;
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    for (const [i, value] of before.entries())
      collect({ path: `${path}[${i}]`, before: value, after: after[i] }, entries);
  } else if (isPlain(before) && isPlain(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    for (const key of [...keys].sort())
      collect({ path: `${path}.${key}`, before: before[key], after: after[key] }, entries);
  } else {
    entries.push({ path, before, after });
  }
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function format({ path, before, after }: Entry): string {
  return `  ${path}:\n-   ${show(before)}\n+   ${show(after)}\n`;
}

function show(value: unknown): string {
  const text = value === undefined ? 'nil' : JSON.stringify(value);
  return text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)}...` : text;
}
