/** `/version`: the API level that is served, and this program's own version behind a `+`. */
import type { Endpoint } from './request-context.ts';
import { rawJsonResponse } from './responses.ts';

interface Build {
  commit: string;
  treeState: 'clean' | 'dirty';
  /** RFC 3339: when the commit was made, so that the same sources give the same program. */
  date: string;
}

/** Put in by bin/build.mjs; a run from the sources has none. */
declare const NOCHER_BUILD: Build | undefined;

const NO_BUILD: Build = { commit: 'unknown', treeState: 'dirty', date: '1970-01-01T00:00:00Z' };
const build = typeof NOCHER_BUILD === 'undefined' ? NO_BUILD : NOCHER_BUILD;

export const KUBERNETES_MINOR = '36';
export const GIT_VERSION = `v1.${KUBERNETES_MINOR}.0+nocher.1`;

export const versionEndpoint: Endpoint = () =>
  rawJsonResponse({
    major: '1',
    minor: KUBERNETES_MINOR,
    emulationMajor: '1',
    emulationMinor: KUBERNETES_MINOR,
    minCompatibilityMajor: '1',
    minCompatibilityMinor: String(Number(KUBERNETES_MINOR) - 1),
    gitVersion: GIT_VERSION,
    gitCommit: build.commit,
    gitTreeState: build.treeState,
    buildDate: build.date,
    goVersion: `node ${process.version}`,
    compiler: 'v8',
    platform: `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  });
