// Builds what `bin/nocher` runs: the schema tables, the bundle and the native helper. `--if-stale` builds only what is
// older than its sources.
import './require-node.mjs';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { usablePrebuilt } from './helper-sources.mjs';
import { onPath } from './on-path.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const ifStale = process.argv.includes('--if-stale');
const say = (text) => process.stderr.write(`${text}\n`);

const SOURCES = [
  'api',
  'apiserver',
  'base',
  'cli',
  'client',
  'controllers',
  'kubelet',
  'proxy',
  'scheduler',
  'package.json',
  'bin/build.mjs',
];

function newestOf(path) {
  const full = join(root, path);
  if (!existsSync(full)) return 0;
  const stat = statSync(full);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(
    0,
    ...readdirSync(full)
      .filter((name) => name !== 'node_modules')
      .map((name) => newestOf(join(path, name))),
  );
}

function isStale(target, sources) {
  if (!ifStale) return true;
  return !existsSync(target) || Math.max(...sources.map(newestOf)) > statSync(target).mtimeMs;
}

function run(command, args, output = 'inherit') {
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', output, 'inherit'] });
  return status === 0;
}

/** What `/version` says; undefined outside of a git checkout. */
function buildFacts() {
  const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } });
  const head = git('log', '-1', '--date=format-local:%Y-%m-%dT%H:%M:%SZ', '--format=%H %cd');
  if (head.status !== 0) return undefined;
  const [commit, date] = head.stdout.trim().split(' ');
  const treeState = git('status', '--porcelain').stdout.trim() === '' ? 'clean' : 'dirty';
  return { commit, treeState, date };
}

mkdirSync(dist, { recursive: true });

if (isStale(join(dist, 'generated/schema.json'), ['api/schema', 'bin/generate-schema.ts', 'package.json'])) {
  say('build: schema tables');
  if (!run(process.execPath, ['--import', 'tsx', 'bin/generate-schema.ts'], 'ignore')) process.exit(1);
}

// Parsing them from YAML at a start would take longer than all else that the start does with them.
if (isStale(join(dist, 'generated/definitions.json'), ['crds', 'bin/build.mjs'])) {
  say('build: definitions of our own kinds');
  const { parse } = await import('yaml');
  const names = readdirSync(join(root, 'crds')).filter((name) => name.endsWith('.yaml'));
  const definitions = names.sort().map((name) => parse(readFileSync(join(root, 'crds', name), 'utf8')));
  mkdirSync(join(dist, 'generated'), { recursive: true });
  writeFileSync(join(dist, 'generated/definitions.json'), JSON.stringify(definitions));
}

if (isStale(join(dist, 'bundle/nocher.mjs'), SOURCES)) {
  say('build: bundle');
  const { build } = await import('esbuild');
  rmSync(join(dist, 'bundle'), { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: { nocher: 'cli/main.ts', dns: 'proxy/dns/main.ts' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    splitting: true,
    outdir: 'dist/bundle',
    outExtension: { '.js': '.mjs' },
    external: ['lmdb', 'etcd3', '@grpc/grpc-js', '@grpc/proto-loader'],
    // Bundled CommonJS packages call require(); ES modules have none of their own.
    banner: {
      js: "import { createRequire as nocherCreateRequire } from 'node:module'; const require = nocherCreateRequire(import.meta.url);",
    },
    minifySyntax: true,
    define: { NOCHER_BUILD: JSON.stringify(buildFacts()) ?? 'undefined' },
    sourcemap: 'linked',
    logLevel: 'warning',
  });
}

/** The helper that is shipped, when there is one for this machine and these sources. */
function takePrebuilt() {
  const helper = usablePrebuilt();
  if (helper === undefined) return false;
  const target = join(dist, 'native/nocher-native');
  mkdirSync(dirname(target), { recursive: true });
  // A monitor may be running the old one.
  copyFileSync(helper, `${target}.tmp`);
  renameSync(`${target}.tmp`, target);
  return true;
}

function buildHelper() {
  const missing = ['gcc', 'make'].filter((program) => !onPath(program));
  if (missing.length === 0) {
    say('build: native helper');
    if (run('make', ['-s', '-C', 'native', 'OUT=../dist/native'])) return;
  }
  const reason = missing.length === 0 ? 'it could not be compiled' : `without ${missing.join(' and ')}`;
  if (takePrebuilt()) say(`build: native helper, as it is shipped (${reason})`);
  else say(`build: no helper that runs pods (${reason}): pods will only pretend to run`);
}

if (isStale(join(dist, 'native/nocher-native'), ['native'])) buildHelper();
