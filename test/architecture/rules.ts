/**
 * The rules of the house that a machine can check: who may import whom, no cycles, names, sizes. Each rule takes files
 * and returns one sentence per problem, naming the file and what is allowed.
 */
import type { SourceFile } from './source-tree.ts';
import { countCodeLines } from './source-tree.ts';

/** Root folder → the roots it may import besides itself. `apiserver/storage` is a root of its own. */
const MAY_IMPORT: Readonly<Record<string, readonly string[] | 'anything'>> = {
  api: [],
  base: [],
  'apiserver/storage': ['base'],
  client: ['api', 'base'],
  apiserver: ['api', 'base', 'apiserver/storage'],
  controllers: ['client', 'api', 'base'],
  scheduler: ['client', 'api', 'base'],
  kubelet: ['client', 'api', 'base'],
  proxy: ['client', 'api', 'base'],
  dashboard: ['api'],
  cli: 'anything',
  bin: 'anything',
  test: 'anything',
};

const CLOSED_ROOTS = ['cli', 'bin', 'test'];

/** Folders whose names say nothing about what is in them. */
const FORBIDDEN_FOLDERS = new Set(['src', 'lib', 'utils', 'util', 'common', 'helpers', 'shared', 'misc']);

/** Files over the budget that are tables, each with the reason. */
const LONG_TABLES: Readonly<Record<string, string>> = {};

const MAX_CODE_LINES = 400;

/** A test is a list of cases and may be longer than what it tests. */
const MAX_TEST_LINES = 600;

/** Files that exist for tests only, beside those whose names end as below. */
const MADE_FOR_TESTS = new Set([
  'apiserver/authz/fake-listers.ts',
  'apiserver/storage/lmdb-child.ts',
  'client/manual-clock.ts',
  'client/memory-server.ts',
  'native/pod-fixture.ts',
  'proxy/test-network.ts',
  'scheduler/cluster-for-tests.ts',
  'scheduler/objects-for-tests.ts',
  'scheduler/storage-for-tests.ts',
]);

/** Tests and what only tests use; these may import anything of ours. */
export function isTestFile(path: string): boolean {
  if (path.startsWith('test/') || MADE_FOR_TESTS.has(path)) return true;
  return /(\.test|\/testing|-suite(-[a-z]+)?|-model|-assertions)\.ts$/.test(path);
}

function rootOf(path: string): string {
  return path.startsWith('apiserver/storage/') ? 'apiserver/storage' : path.slice(0, path.indexOf('/'));
}

/** Imports that cross a border that the table above does not open. */
export function layeringProblems(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => !isTestFile(path) && path.includes('/'))
    .flatMap((file) =>
      file.imports.map((target) => borderProblem(file.path, target)).filter((text) => text !== undefined),
    );
}

function borderProblem(path: string, target: string): string | undefined {
  const from = rootOf(path);
  const to = rootOf(target);
  if (from === to) return undefined;
  const allowed = MAY_IMPORT[from];
  if (allowed === undefined)
    return `${path} imports ${target}: ${from} is no root of the table in test/architecture/rules.ts`;
  if (allowed === 'anything') return undefined;
  if (allowed.includes(to)) return undefined;
  const open = allowed.length === 0 ? 'nothing of ours' : `only ${allowed.join(', ')}`;
  return `${path} imports ${target}: ${from} may import ${open}`;
}

/** Sources that import a test's file, or a root that nothing may import. */
export function closedRootProblems(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => !isTestFile(path))
    .flatMap(({ path, imports }) =>
      imports.flatMap((target) => {
        if (isTestFile(target)) return [`${path} imports ${target}: only tests may import what is made for tests`];
        const isClosed = CLOSED_ROOTS.includes(rootOf(target)) && !CLOSED_ROOTS.includes(rootOf(path));
        return isClosed ? [`${path} imports ${target}: nothing imports ${rootOf(target)}`] : [];
      }),
    );
}

/** Import cycles, each once, as the path around it. */
export function cycleProblems(files: readonly SourceFile[]): string[] {
  const importsOf = new Map(files.map(({ path, imports }) => [path, imports]));
  const finished = new Set<string>();
  const trail: string[] = [];
  const problems: string[] = [];
  const visit = (path: string): void => {
    if (finished.has(path)) return;
    const seenAt = trail.indexOf(path);
    if (seenAt !== -1) {
      problems.push(`import cycle: ${[...trail.slice(seenAt), path].join(' → ')}`);
      return;
    }
    trail.push(path);
    for (const target of importsOf.get(path) ?? []) visit(target);
    trail.pop();
    finished.add(path);
  };
  for (const { path } of files) visit(path);
  return problems;
}

/** Imports of our own files that do not exist, or lack the extension. */
export function missingImportProblems(files: readonly SourceFile[], existing: ReadonlySet<string>): string[] {
  return files.flatMap(({ path, imports }) =>
    imports
      .filter((target) => !existing.has(target))
      .map((target) => `${path} imports ${target}, which does not exist`),
  );
}

/** Helm finds it by this name. */
const CHART = 'Chart.yaml';

/** File and folder names that are not kebab-case, and folders that say nothing. */
export function nameProblems(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const segments = path.split('/');
    const name = segments.pop()!;
    const problems: string[] = [];
    if (name !== CHART && /\.(ts|c|h|mjs|yaml)$/.test(name) && !/^[a-z0-9]+([-.][a-z0-9]+)*$/.test(name)) {
      problems.push(`${path}: file names are kebab-case`);
    }
    const vague = segments.find((segment) => FORBIDDEN_FOLDERS.has(segment));
    if (vague !== undefined) problems.push(`${path}: no folder is called ${vague}`);
    return problems;
  });
}

/** Default exports: an exported thing has one name everywhere. Configuration files, which tools load, are exempt. */
export function defaultExportProblems(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => !/\.config\.[a-z]+$/.test(path))
    .filter(({ text }) => /^export default\b|^export \{[^}]*\bas default\b/m.test(text))
    .map(({ path }) => `${path} has a default export`);
}

/** Exported classes, types and functions whose names are of the kinds that the house does not use. */
export function vagueNameProblems(files: readonly SourceFile[]): string[] {
  const declaration = /^export (?:abstract )?(?:class|interface|type|function|const) (\w+)/gm;
  return files.flatMap(({ path, text }) =>
    [...text.matchAll(declaration)]
      .map((match) => match[1]!)
      .filter((name) => /^Base[A-Z]|^I[A-Z][a-z]+[A-Z]?\w*Interface$|(Impl|Helper|Helpers|Util|Utils)$/.test(name))
      .map((name) => `${path} exports ${name}: say what it is`),
  );
}

/** Files over their budget that are no listed table. */
export function sizeProblems(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => !(path in LONG_TABLES))
    .map(({ path, text }) => ({ path, lines: countCodeLines(text), budget: budgetOf(path) }))
    .filter(({ lines, budget }) => lines > budget)
    .map(({ path, lines, budget }) => `${path} has ${lines} code lines; the budget is ${budget}: split it by idea`);
}

function budgetOf(path: string): number {
  return isTestFile(path) ? MAX_TEST_LINES : MAX_CODE_LINES;
}
