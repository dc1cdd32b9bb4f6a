// Runs of jest, each with its report in dist/test.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { failedFiles, failures, withSecondAttempt } from './attempts.mjs';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
export const say = (text) => process.stdout.write(`${text}\n`);

/** More failed files than this are no accident of a busy machine. */
const MOST_FILES_AGAIN = 5;
/** What failed, and passed at its second attempt. */
export const passedLater = [];

export function run(command, args, environment = {}) {
  const env = { ...process.env, ...environment };
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', env }).status === 0;
}

/** Runs a suite, and once more those of its files in which a test failed. Gives its report. */
export function runSuite({ name, args = [], patterns = [], environment }) {
  say(`test: ${name}`);
  const startedMs = Date.now();
  const file = name.replaceAll(' ', '-');
  const first = attempt(file, [...args, ...patterns], environment);
  const files = failedFiles(first);
  let report = first;
  if (files.length > 0 && files.length <= MOST_FILES_AGAIN) {
    say(`test: once more, alone: ${files.map((path) => relative(root, path)).join(', ')}`);
    report = withSecondAttempt(
      first,
      attempt(`${file}-again`, [...args, '--runInBand', '--runTestsByPath', ...files], environment),
    );
    writeFileSync(reportOf(file), JSON.stringify(report));
    const still = new Set(failures(report));
    passedLater.push(...failures(first).filter((failure) => !still.has(failure)));
  }
  say(`test: ${name} took ${Math.round((Date.now() - startedMs) / 1000)} s`);
  return report;
}

/** Starts a suite that takes the time which others leave. The result waits for its end, and gives its report. */
export function startBeside({ name, args = [] }) {
  say(`test: ${name}, beside what follows`);
  const file = name.replaceAll(' ', '-');
  const command = jestCommand(file, args);
  // A file and no pipe: nobody reads while another suite runs.
  const log = openSync(join(root, `dist/test/${file}.log`), 'w');
  const options = { cwd: root, stdio: ['ignore', log, log], detached: true };
  const child = spawn('nice', ['-n', '19', ...command], options);
  weighLeast(child.pid);
  const ended = new Promise((resolve) => child.on('exit', resolve).on('error', resolve));
  process.on('exit', () => endSession(child));
  return async () => {
    await ended;
    const report = readReport(file);
    for (const failure of failures(report)) say(`test: ${failure}`);
    const endedMs = Math.max(...report.testResults.map(({ endTime }) => endTime));
    say(`test: ${name} took ${Math.round((endedMs - report.startTime) / 1000)} s`);
    return report;
  };
}

/** Linux may share processors out by session first: then a nice value counts within its session alone. */
function weighLeast(pid) {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, '19');
  } catch {
    // It does not, or this is no Linux.
  }
}

function endSession({ pid }) {
  try {
    process.kill(-pid);
  } catch {
    // It has ended.
  }
}

function attempt(file, args, environment) {
  const [command, ...jest] = jestCommand(file, args);
  run(command, jest, environment);
  return readReport(file);
}

function jestCommand(file, args) {
  mkdirSync(join(root, 'dist/test'), { recursive: true });
  const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];
  const report = ['--forceExit', '--passWithNoTests', '--json', `--outputFile=${reportOf(file)}`, '--silent'];
  return [process.execPath, ...jest, ...report, ...args];
}

/** One failure, where jest did not come to write it. */
function readReport(file) {
  try {
    return JSON.parse(readFileSync(reportOf(file), 'utf8'));
  } catch {
    return { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0, numRuntimeErrorTestSuites: 1, testResults: [] };
  }
}

function reportOf(file) {
  return join(root, `dist/test/${file}.json`);
}
