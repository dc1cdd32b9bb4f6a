/**
 * Order of resourceVersions (comparable since Kubernetes 1.35, apimachinery `util/resourceversion`): decimal numbers
 * without leading zeros, compared without converting, since they may exceed a double.
 */

/** Negative, zero or positive. The empty version is before every other. */
export function compareResourceVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

export function laterResourceVersion(a: string, b: string): string {
  return compareResourceVersions(a, b) >= 0 ? a : b;
}
