/** Reading labels that clients have written. */

export type Labels = Readonly<Record<string, string>>;

/** `undefined` also for names that every object inherits. */
export function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
