/** `/version`: the API level that is served, and this program's own version behind a `+`. */
import type { Endpoint } from './request-context.ts';
import { objectResponse } from './responses.ts';

export const KUBERNETES_MINOR = '36';
export const GIT_VERSION = `v1.${KUBERNETES_MINOR}.0+nocher.1`;

export const versionEndpoint: Endpoint = () =>
  objectResponse({
    major: '1',
    minor: KUBERNETES_MINOR,
    emulationMajor: '1',
    emulationMinor: KUBERNETES_MINOR,
    minCompatibilityMajor: '1',
    minCompatibilityMinor: String(Number(KUBERNETES_MINOR) - 1),
    gitVersion: GIT_VERSION,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '2026-11-21T00:00:00Z',
    goVersion: `node ${process.version}`,
    compiler: 'v8',
    platform: `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  });
