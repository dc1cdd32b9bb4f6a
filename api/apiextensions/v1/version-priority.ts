/** The order of versions in discovery (apimachinery `version.CompareKubeAwareVersionStrings`). */

const VERSION = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/;
const STABILITY: Readonly<Record<string, number>> = { alpha: 0, beta: 1, '': 2 };

/** Most stable first, then newest: `v2 v1 v11beta2 v10beta3 v3beta1 v12alpha1 foo1 foo10`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [VERSION.exec(a), VERSION.exec(b)];
  if (left === null || right === null) {
    if (left === right) return a < b ? -1 : a > b ? 1 : 0;
    return left === null ? 1 : -1;
  }
  const ranks = [left, right].map(([, major, stability = '', minor = '0']) => [
    STABILITY[stability]!,
    Number(major),
    Number(minor),
  ]);
  for (let i = 0; i < 3; i++) if (ranks[0]![i] !== ranks[1]![i]) return ranks[1]![i]! - ranks[0]![i]!;
  return 0;
}

export function byVersionPriority(a: { name: string }, b: { name: string }): number {
  return compareVersions(a.name, b.name);
}
